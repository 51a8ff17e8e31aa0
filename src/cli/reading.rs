//! From files to a report, with progress on standard error: what `analyze`, `check` and `diff` have in common.

use std::path::PathBuf;

use super::failure::Failure;
use super::output::tell;
use super::progress::Progress;
use crate::analyze::{Analysis, Options};
use crate::bothends::Tap;
use crate::bothends::tap::Seen;
use crate::render::clean::clean;
use crate::report::Report;
use crate::source::{self, FileInfo, Packet};

/// Packets between two looks at how far the source has come.
const LOOK_EVERY: u64 = 1 << 10;

/// What to tell while reading.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    /// A progress bar.
    pub progress: bool,
    /// Remarks that concern no input.
    pub notes: bool,
}

/// Reads every packet of every input.
pub fn report(files: &[PathBuf], options: Options, telling: Telling) -> Result<Report, Failure> {
    let mut analysis = Analysis::new(options);
    let files = read(files, telling, |packet| analysis.packet(packet))?;
    Ok(analysis.finish(files))
}

/// Reads one of two captures of the same traffic.
pub fn tap(files: &[PathBuf], options: Options, telling: Telling) -> Result<(Report, Vec<Seen>), Failure> {
    let mut tap = Tap::new(options);
    let files = read(files, telling, |packet| tap.packet(packet))?;
    Ok(tap.finish(files))
}

fn read(files: &[PathBuf], telling: Telling, mut take: impl FnMut(&Packet<'_>)) -> Result<Vec<FileInfo>, Failure> {
    let mut source = source::open(files).map_err(|error| Failure::files(&error.failures))?;
    let mut progress = Progress::new(telling.progress, source.bytes_total());
    let mut packets = 0;
    while let Some(packet) = source.next() {
        take(&packet);
        packets += 1;
        if packets % LOOK_EVERY == 0 {
            progress.update(source.as_ref(), packets);
        }
    }
    progress.finish();
    if telling.notes {
        source.notes().iter().for_each(|note| tell(format_args!("tcpstate: {}", clean(note))));
    }
    Ok(source.files())
}
