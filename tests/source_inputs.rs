//! What stands on the command line: several files, folders, pipes, and some that cannot be read.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::capture::Pcap;
use common::compress;
use tcpstate::source::{self, Source};

/// A capture whose packets are one byte each, at these seconds.
fn capture(seconds: &[u32], mark: u8) -> Vec<u8> {
    seconds.iter().fold(Pcap::ethernet(), |file, &second| file.packet(second, &[mark])).bytes
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file");
    path
}

/// Number, second and mark of each packet.
fn all(source: &mut dyn Source) -> Vec<(u64, i64, u8)> {
    let mut out = Vec::new();
    while let Some(packet) = source.next() {
        out.push((packet.number, packet.time.0 / 1_000_000_000, packet.data[0]));
    }
    out
}

#[test]
fn several_inputs_are_merged_by_time_and_then_by_their_order() {
    let folder = tempfile::tempdir().unwrap();
    // The second goes back in time: its own order is kept.
    let b = write(folder.path(), "b", &capture(&[1, 4, 9], b'b'));
    let a = write(folder.path(), "a", &compress::zstd(&capture(&[2, 4, 3, 8], b'a')));
    let mut source = source::open(&[&b, &a]).unwrap();
    let expected = [(1, b'b'), (2, b'a'), (4, b'b'), (4, b'a'), (3, b'a'), (8, b'a'), (9, b'b')];
    let numbered: Vec<_> = expected.iter().zip(1..).map(|(&(second, mark), n)| (n, second, mark)).collect();
    assert_eq!(all(source.as_mut()), numbered);
    let packets: Vec<u64> = source.files().iter().map(|f| f.packets).collect();
    assert_eq!(packets, [3, 4], "files are told in the order given");
    assert_eq!(source.bytes_total(), Some(source.bytes_read()));
}

#[test]
fn batches_give_what_single_packets_give_and_can_be_mixed_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let seconds: Vec<u32> = (0..300).collect();
    let a = write(folder.path(), "a", &capture(&seconds, b'a'));
    let b = write(folder.path(), "b", &capture(&[0, 100, 100, 90, 250, 400], b'b'));
    for paths in [vec![&a], vec![&a, &b], vec![&b, &a]] {
        let expected = all(source::open(&paths).unwrap().as_mut());
        let mut source = source::open(&paths).unwrap();
        let mut seen = Vec::new();
        while let Some(batch) = source.batch() {
            assert!(batch.len() > 0, "a batch holds something");
            seen.extend(batch.map(|packet| (packet.number, packet.time.0 / 1_000_000_000, packet.data[0])));
            let told: u64 = source.files().iter().map(|file| file.packets).sum();
            // Of each other input the first packet that is not due is read already.
            assert!((seen.len() as u64..seen.len() as u64 + paths.len() as u64).contains(&told));
            if let Some(packet) = source.next() {
                seen.push((packet.number, packet.time.0 / 1_000_000_000, packet.data[0]));
            }
        }
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_folder_gives_its_captures_and_notes_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    // More files than are kept open, each overlapping the next by a second.
    for n in 0..40_u32 {
        let bytes = capture(&[n * 10, n * 10 + 5, n * 10 + 11], n as u8);
        let bytes = if n % 3 == 0 { compress::gzip(&bytes) } else { bytes };
        write(folder.path(), &format!("trace.pcap{n:02}"), &bytes);
    }
    write(folder.path(), "README\u{1b}[2J.txt", b"notes\n");
    write(folder.path(), ".hidden.pcap", &capture(&[0], 99));
    fs::create_dir(folder.path().join("empty")).unwrap();
    let mut source = source::open(&[folder.path()]).unwrap();
    let seen = all(source.as_mut());
    assert_eq!(seen.len(), 120);
    assert!(seen.windows(2).all(|pair| pair[0].1 <= pair[1].1 && pair[0].0 + 1 == pair[1].0), "{seen:?}");
    assert_eq!(source.notes().len(), 1);
    assert!(source.notes()[0].contains("README\\u{1b}[2J.txt is not a capture: it looks like text"));
    assert_eq!(source.files().len(), 40);
    assert!(source.files().iter().all(|f| f.packets == 3 && f.problem.is_none()));
    assert_eq!(source.bytes_total(), Some(source.bytes_read()));

    // What is called a capture should be one.
    for name in ["trace.pcap40", "cut.pcapng.gz", "CUT.CAP"] {
        write(folder.path(), name, b"");
    }
    let source = source::open(&[folder.path()]).unwrap();
    let unreadable: Vec<_> = source.files().into_iter().filter(|f| f.unreadable).map(|f| f.problem.unwrap()).collect();
    assert_eq!((unreadable, source.notes().len()), (vec!["is empty (0 bytes)".to_owned(); 3], 1));

    let empty = tempfile::tempdir().unwrap();
    assert!(error(&[empty.path()]).ends_with("is a folder without files"));
    write(empty.path(), "a", b"text");
    write(empty.path(), "b", b"text");
    assert!(error(&[empty.path()]).ends_with("is a folder of 2 files, none of them a capture"));
}

/// Of a week of captures each day may have a folder: none of them is left out without a word.
#[test]
fn folders_in_folders_are_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    for (n, name) in ["b.pcap", "mon/a.pcap", "mon/morning/a.pcap", ".hidden/a.pcap"].into_iter().enumerate() {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        write(folder.path(), name, &capture(&[n as u32], b'0'));
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), folder.path().join("mon/again")).unwrap();
    let mut source = source::open(&[folder.path()]).unwrap();
    assert_eq!(all(source.as_mut()).len(), 3);
    let expected = ["b.pcap", "mon/a.pcap", "mon/morning/a.pcap"].map(|name| folder.path().join(name));
    let names: Vec<PathBuf> = source.files().into_iter().map(|file| file.name.into()).collect();
    assert_eq!(names, expected);
}

fn error<P: AsRef<Path>>(paths: &[P]) -> String {
    match source::open(paths) {
        Ok(_) => panic!("should not open"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_can_be_read_is_kept_beside_what_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good.pcap", &capture(&[1], b'g'));
    let text = write(folder.path(), "bad.pcap", b"not a capture");
    let missing = folder.path().join("missing.pcap");
    let mut source = source::open(&[&missing, &good, &text]).unwrap();
    assert_eq!(all(source.as_mut()).len(), 1);
    let files = source.files();
    assert_eq!(files.iter().map(|f| f.unreadable).collect::<Vec<_>>(), [true, false, true]);
    assert!(files[0].problem.as_ref().is_some_and(|p| p.starts_with("cannot be opened: ")));
    assert_eq!(files[2].problem.as_deref(), Some("is not a capture: it looks like text"));
    assert_eq!(error(&[&missing, &text]).lines().count(), 2, "a line for each when nothing opens");
    assert!(source::open::<&Path>(&[]).is_err());
}

#[test]
fn a_file_that_is_damaged_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut cut = capture(&[1, 3], b'a');
    cut.pop();
    let a = write(folder.path(), "a", &cut);
    let b = write(folder.path(), "b", &capture(&[2, 4], b'b'));
    let mut source = source::open(&[a, b]).unwrap();
    assert_eq!(all(source.as_mut()).len(), 3);
    let problem = source.files()[0].problem.clone().unwrap();
    assert_eq!(problem, "packet 2 at byte offset 41: record says 1 bytes, file ends after 0");
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    if !made.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "cannot run: no mkfifo");
        eprintln!("cannot run: no mkfifo");
        return;
    }
    let writer = {
        let path = path.clone();
        std::thread::spawn(move || fs::write(path, capture(&[1, 2], b'p')).unwrap())
    };
    let mut source = source::open(&[&path]).unwrap();
    assert_eq!(all(source.as_mut()).len(), 2);
    assert_eq!(source.bytes_total(), None);
    writer.join().unwrap();
}

/// What reads may be handed to a thread of its own.
#[test]
fn a_source_goes_to_another_thread() {
    let source = tcpstate::source::open(&[concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/leak.pcap")]).unwrap();
    let packets = std::thread::spawn(move || {
        let mut source = source;
        std::iter::from_fn(|| source.next().map(|_| ())).count()
    });
    assert_eq!(packets.join().unwrap(), 281);
}
