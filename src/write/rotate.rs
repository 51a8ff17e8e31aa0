//! A capture written into one file, or into a row of files of limited size or time.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::pcapng::PcapNgWriter;
use crate::source::Packet;
use crate::time::{Span, Time};

/// When to begin the next file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// When the file has so many bytes.
    pub bytes: Option<u64>,
    /// When its packets span so long.
    pub span: Option<Span>,
    /// How many files to keep; older ones of this run are removed.
    pub keep: Option<usize>,
}

/// Writes packets, into `FILE`, or with rotation into `FILE-00001`, `FILE-00002` …, the number before the extension.
pub struct RotatingWriter {
    path: PathBuf,
    rotation: Rotation,
    interface: String,
    snap_len: u32,
    current: PcapNgWriter<BufWriter<File>>,
    begun: Option<Time>,
    number: u32,
    files: VecDeque<PathBuf>,
}

impl RotatingWriter {
    /// Creates the first file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path, rotation: Rotation, interface: &str, snap_len: u32) -> io::Result<RotatingWriter> {
        let rotates = rotation.bytes.is_some() || rotation.span.is_some();
        let number = u32::from(rotates);
        let first = if rotates { numbered(path, number) } else { path.to_path_buf() };
        Ok(RotatingWriter {
            path: path.to_path_buf(),
            rotation,
            interface: interface.to_owned(),
            snap_len,
            current: begin(&first, interface, snap_len)?,
            begun: None,
            number,
            files: VecDeque::from([first]),
        })
    }

    /// What it was created as; where it rotates its files have numbers beside.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a packet; into the next file where one is due.
    ///
    /// # Errors
    /// Those of writing.
    pub fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let begun = *self.begun.get_or_insert(packet.time);
        let full = self.rotation.bytes.is_some_and(|most| self.current.written() >= most);
        let old = self.rotation.span.is_some_and(|most| packet.time - begun >= most);
        if full || old {
            self.next(packet.time)?;
        }
        self.current.packet(packet)
    }

    fn next(&mut self, time: Time) -> io::Result<()> {
        // Until then nothing came that would be in it.
        self.current.statistics(time, Some(time), None)?;
        self.current.flush()?;
        self.number += 1;
        let path = numbered(&self.path, self.number);
        self.current = begin(&path, &self.interface, self.snap_len)?;
        self.begun = Some(time);
        self.files.push_back(path);
        while self.rotation.keep.is_some_and(|keep| self.files.len() > keep.max(1)) {
            if let Some(oldest) = self.files.pop_front() {
                // Whoever removed it already wanted the same.
                let _ = fs::remove_file(oldest);
            }
        }
        Ok(())
    }

    /// Ends the file with what the kernel counted (packets received and dropped), and when the capture ended if that is known.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(&mut self, time: Time, ended: Option<Time>, counted: (u64, u64)) -> io::Result<()> {
        self.current.statistics(time, ended, Some(counted))?;
        self.current.flush()
    }

    /// Hands everything on to the file.
    ///
    /// # Errors
    /// Those of writing.
    pub fn flush(&mut self) -> io::Result<()> {
        self.current.flush()
    }
}

fn begin(path: &Path, interface: &str, snap_len: u32) -> io::Result<PcapNgWriter<BufWriter<File>>> {
    PcapNgWriter::new(BufWriter::with_capacity(1 << 18, File::create(path)?), interface, snap_len)
}

/// `trace-00007.pcapng` for `trace.pcapng`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number:05}{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LinkType;

    #[test]
    fn files_follow_each_other_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.pcapng");
        let rotation = Rotation { bytes: None, span: Some(Span::secs(10)), keep: Some(2) };
        let mut writer = RotatingWriter::create(&path, rotation, "eth0", 0).unwrap();
        for second in [0, 5, 10, 19, 20, 25] {
            let packet =
                Packet { number: 1, time: Time(second * 1_000_000_000), link: LinkType::RAW, wire_len: 1, data: &[0] };
            writer.packet(&packet).unwrap();
        }
        writer.finish(Time(0), Some(Time(30_000_000_000)), (6, 0)).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["trace-00002.pcapng", "trace-00003.pcapng"]);
        let mut source = crate::source::open(&[folder.path()]).unwrap();
        assert_eq!(std::iter::from_fn(|| source.next().map(|p| p.time.0)).count(), 4);
        let ends: Vec<_> = source.files().iter().map(|file| file.until.map(|until| until.0 / 1_000_000_000)).collect();
        assert_eq!(ends, [Some(20), Some(30)], "each until the next one began, the last as it was told");
    }
}
