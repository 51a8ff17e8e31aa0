//! Reading every packet of the inputs: what the commands that read captures have in common.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::failure::{DONE, FAILED, Failure};
use super::output::{self, tell};
use super::progress::Progress;
use crate::decode::{Decoded, Decoder};
use crate::render::clean::clean;
use crate::render::facts::input;
use crate::segment::Segment;
use crate::source::{self, Batch, FileInfo, OpenError, Packet, Source};

/// What is told while reading.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Reading {
    /// No progress bar
    #[arg(long)]
    pub no_progress: bool,

    /// Neither progress bar nor warnings
    #[arg(short, long)]
    pub quiet: bool,
}

impl Reading {
    /// For reading a second time what was read before.
    pub fn silent(self) -> Reading {
        Reading { quiet: true, ..self }
    }
}

/// The segments in packets.
#[derive(Debug, Default)]
pub struct Segments {
    decoder: Decoder,
}

impl Segments {
    /// Gives each segment in `packet` to `take`.
    pub fn of(&mut self, packet: &Packet<'_>, mut take: impl FnMut(&Segment)) {
        if let Decoded::Segment(segment) = self.decoder.decode(packet) {
            take(&segment);
        }
        while let Some(segment) = self.decoder.more() {
            take(&segment);
        }
    }
}

/// What clap cannot check: that there is something to read, and that it is not about to be overwritten.
pub fn check(files: &[PathBuf], output: Option<&Path>, command: &str) -> Result<(), Failure> {
    if files.iter().any(|file| file.as_os_str() == "-") && output::stdin_is_terminal() {
        let hint = format!("pipe a capture into it: tcpdump -w - | tcpstate {command} -");
        return Err(Failure::file("-", format!("is a terminal\n  {hint}")));
    }
    output.map_or(Ok(()), |output| spared(files, output))
}

/// That `output` is none of the files that are read, nor a capture in a folder that is.
pub fn spared(files: &[PathBuf], output: &Path) -> Result<(), Failure> {
    let name = output.display().to_string();
    let Ok(output) = output.canonicalize() else { return Ok(()) };
    let is_read = |file: &PathBuf| {
        file.canonicalize().is_ok_and(|file| {
            file == output
                || file.is_dir() && output.starts_with(&file) && output.is_file() && source::open(&[&output]).is_ok()
        })
    };
    match files.iter().any(is_read) {
        true => Err(Failure::file(&name, "is the input; the output would overwrite it")),
        false => Ok(()),
    }
}

/// Gives each packet to `take`, in capture order.
pub fn packets(
    files: &[PathBuf],
    reading: &Reading,
    mut take: impl FnMut(&Packet<'_>),
) -> Result<Vec<FileInfo>, Failure> {
    packets_while(files, reading, |packet| {
        take(packet);
        true
    })
}

/// The same as long as `take` wants more.
pub fn packets_while(
    files: &[PathBuf],
    reading: &Reading,
    take: impl FnMut(&Packet<'_>) -> bool,
) -> Result<Vec<FileInfo>, Failure> {
    packets_of(source::open(files), reading, take)
}

/// The same of what was opened.
pub fn packets_of(
    opened: Result<Box<dyn Source>, OpenError>,
    reading: &Reading,
    mut take: impl FnMut(&Packet<'_>) -> bool,
) -> Result<Vec<FileInfo>, Failure> {
    batches_of(opened, reading, |mut batch| batch.all(|packet| take(&packet)))
}

/// The same of some packets at a time, as they lie in the source's buffer.
pub fn batches_of(
    opened: Result<Box<dyn Source>, OpenError>,
    reading: &Reading,
    mut take: impl FnMut(Batch<'_>) -> bool,
) -> Result<Vec<FileInfo>, Failure> {
    let mut source = opened.map_err(|error| Failure::files(&error.failures))?;
    let mut progress = Progress::new(!reading.no_progress && !reading.quiet, source.bytes_total());
    let (mut packets, mut more) = (0, true);
    while more && let Some(batch) = source.batch() {
        packets += batch.len() as u64;
        more = take(batch);
        if progress.is_due(packets) {
            progress.update(source.as_ref(), packets);
        }
    }
    progress.finish();
    if !reading.quiet {
        source.notes().iter().for_each(|note| tell(format_args!("tcpstate: {}", clean(note))));
    }
    Ok(source.files())
}

/// Tells what was wrong with the inputs; what was read is printed all the same. The exit code says whether an input could
/// not be read at all, or, if `strict`, not to its end.
pub fn warn(files: &[FileInfo], reading: Reading, strict: bool) -> u8 {
    let mut code = DONE;
    if !reading.quiet {
        tell_of_the_same(files);
    }
    for file in files {
        let Some(problem) = &file.problem else { continue };
        if !reading.quiet || file.unreadable {
            tell(format_args!("tcpstate: {}: {}", clean(input(&file.name)), clean(problem)));
        }
        if strict || file.unreadable {
            code = FAILED;
        }
    }
    code
}

/// Tells of files that are there more than once: all they hold is, too.
fn tell_of_the_same(files: &[FileInfo]) {
    let mut seen = BTreeMap::new();
    for file in files.iter().filter(|file| files.len() > 1 && !file.unreadable && file.name != "-") {
        let Ok(path) = Path::new(&file.name).canonicalize() else { continue };
        if let Some(first) = seen.insert(path, &file.name) {
            let other = if *first == file.name { String::new() } else { format!(", as {}", clean(first)) };
            tell(format_args!("tcpstate: {}: is read twice{other}: all its packets count twice", clean(&file.name)));
        }
    }
}
