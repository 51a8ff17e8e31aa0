//! From what stands on the command line to a source: files, standard input, pipes, folders.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Source;
use super::file::CaptureFile;
use super::merge::{Input, Merged};
use super::text::printable;

/// Notes kept about files of a folder that are no captures.
const MAX_NOTES: usize = 20;
/// Folders in folders are looked into as deep as this.
const DEEPEST: u32 = 32;

const CANNOT_OPEN: &str = "cannot be opened";

/// Nothing could be opened: for each input its name and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenError {
    /// Name and cause of each input, in the order given.
    pub failures: Vec<(String, String)>,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, cause) in &self.failures {
            write!(f, "{separator}{name} {cause}")?;
            separator = "\n";
        }
        Ok(())
    }
}

impl std::error::Error for OpenError {}

/// Opens captures: paths of files, pipes and folders, and `-` for standard input.
///
/// Of a folder all files that are captures are taken, in the order of their names; subfolders and hidden files are
/// not. Several inputs are merged in time order. An input that cannot be read is kept as a
/// [`FileInfo`](super::FileInfo) with `unreadable` set as long as another can be.
///
/// # Errors
/// If none of them can be read; with the cause for each.
///
/// ```no_run
/// let mut source = tcpstate::source::open(&["trace.pcap"])?;
/// while let Some(packet) = source.next() {
///     println!("{} {} {} bytes", packet.number, packet.time, packet.wire_len);
/// }
/// # Ok::<(), tcpstate::source::OpenError>(())
/// ```
pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Box<dyn Source>, OpenError> {
    let mut inputs = Vec::new();
    let mut notes = Vec::new();
    let mut stdin_taken = false;
    for path in paths {
        let path = path.as_ref();
        let name = printable(&path.to_string_lossy());
        if path.is_dir() {
            open_folder(path, name, &mut inputs, &mut notes);
            continue;
        }
        let opened = if path.as_os_str() != "-" {
            open_path(name.clone(), path)
        } else if std::mem::replace(&mut stdin_taken, true) {
            Err("(standard input) is given twice".to_string())
        } else {
            open_stream(name.clone(), Box::new(std::io::stdin()))
        };
        push(&mut inputs, opened.unwrap_or_else(|cause| Input::failed(name, printable(&cause))));
    }
    finish(inputs, notes)
}

/// Reads one capture from any reader, under a name for messages.
///
/// # Errors
/// If what it yields is no capture, or it yields nothing.
pub fn open_reader(name: &str, reader: Box<dyn Read + Send>) -> Result<Box<dyn Source>, OpenError> {
    let name = printable(name);
    let opened = open_stream(name.clone(), reader);
    finish(vec![opened.unwrap_or_else(|cause| Input::failed(name, printable(&cause)))], Vec::new())
}

fn finish(inputs: Vec<Input>, notes: Vec<String>) -> Result<Box<dyn Source>, OpenError> {
    if inputs.iter().all(|input| input.failure().is_some()) {
        let failures = inputs.iter().filter_map(|input| Some((input.name.clone(), input.failure()?.to_string())));
        return Err(OpenError { failures: failures.collect() });
    }
    Ok(Box::new(Merged::new(inputs, notes)))
}

/// File descriptors are few: beyond some inputs, files are closed until they are due.
fn push(inputs: &mut Vec<Input>, mut input: Input) {
    input.park_beyond(inputs.len());
    inputs.push(input);
}

fn open_stream(name: String, reader: Box<dyn Read + Send>) -> Result<Input, String> {
    let read = Arc::default();
    let file = CaptureFile::open(reader, Arc::clone(&read))?;
    Ok(Input::open(name, file, read, None))
}

fn open_path(name: String, path: &Path) -> Result<Input, String> {
    let file = File::open(path).map_err(|e| format!("{CANNOT_OPEN}: {e}"))?;
    let size = file.metadata().ok().filter(fs::Metadata::is_file).map(|m| m.len());
    let read = Arc::default();
    let capture = CaptureFile::open(Box::new(file), Arc::clone(&read))?;
    Ok(Input::open(name, capture, read, size.map(|size| (path.to_path_buf(), size))))
}

/// The files in a folder and the folders in it, as deep as `depth`, by name. A folder that cannot be read is kept to be
/// reported.
fn files_in(folder: &Path, name: String, depth: u32, paths: &mut Vec<PathBuf>, inputs: &mut Vec<Input>) {
    let mut entries: Vec<_> = match fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(Result::ok).collect(),
        Err(e) => return inputs.push(Input::failed(name, printable(&format!("{CANNOT_OPEN}: {e}")))),
    };
    entries.retain(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        // A link to a folder may lead back; pipes and devices are left alone, since opening one may wait for ever.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 {
                files_in(&path, printable(&path.to_string_lossy()), depth - 1, paths, inputs);
            }
        } else if path.is_file() {
            paths.push(path);
        }
    }
}

/// The captures in a folder and the folders in it, by name. What is no capture is noted, unless there is nothing else; what
/// cannot be opened might be one, and what is called one should be one: these are kept to be reported.
fn open_folder(folder: &Path, name: String, inputs: &mut Vec<Input>, notes: &mut Vec<String>) {
    let (before, mut paths) = (inputs.len(), Vec::new());
    files_in(folder, name.clone(), DEEPEST, &mut paths, inputs);
    let mut skipped = 0;
    for path in &paths {
        let name = printable(&path.to_string_lossy());
        match open_path(name.clone(), path) {
            Ok(input) => push(inputs, input),
            Err(cause) if cause.starts_with(CANNOT_OPEN) || is_called_capture(path) => {
                inputs.push(Input::failed(name, printable(&cause)));
            }
            Err(cause) => {
                skipped += 1;
                if notes.len() < MAX_NOTES {
                    notes.push(printable(&format!("{name} {cause}; skipped")));
                }
            }
        }
    }
    if inputs.len() == before {
        let cause = match skipped {
            0 => "is a folder without files".to_string(),
            1 => "is a folder of one file, which is not a capture".to_string(),
            n => format!("is a folder of {n} files, none of them a capture"),
        };
        inputs.push(Input::failed(name, cause));
    }
}

/// Whether a file has the name of a capture, compressed or not, numbered or not.
fn is_called_capture(path: &Path) -> bool {
    const CAPTURES: [&str; 3] = ["pcap", "pcapng", "cap"];
    const COMPRESSED: [&str; 5] = ["gz", "zst", "lz4", "xz", "bz2"];
    let ending = |path: &Path| path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let is_capture = |path: &Path| CAPTURES.contains(&ending(path).trim_end_matches(|c: char| c.is_ascii_digit()));
    let packed = COMPRESSED.contains(&ending(path).as_str());
    is_capture(path) || packed && path.file_stem().is_some_and(|name| is_capture(name.as_ref()))
}
