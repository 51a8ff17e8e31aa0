//! Where packets come from: files, pipes, folders, interfaces.
//!
//! A source yields packets in capture order together with what is known of the input as a whole:
//! its format, its link types, how many packets the kernel dropped, and where reading had to stop.
//!
//! | file | holds |
//! |---|---|
//! | `open` | from paths to a source; `sniff`: what a file is that is no capture |
//! | `merge` | several inputs as one, in order of time |
//! | `file` | one input: compression, format, records; `log`: what is noted about it on the way |
//! | `buffer`, `batch` | bytes in one piece; records that lie one after the other in them |
//! | `pcap`, `pcapng`, `snoop`, `erf` | the formats; `ticks`: their timestamps; `ending`: when a pcapng section ended |
//! | `compress`, `ahead` | compressed input; decompression in a thread of its own; `place`: where in it something goes wrong |
//! | `link` | link-layer header types by name |
//! | `text` | words for messages |
//! | [`live`] | packets as they pass |

mod ahead;
mod batch;
mod buffer;
mod compress;
mod ending;
mod erf;
mod file;
mod link;
pub mod live;
mod log;
mod merge;
mod open;
mod pcap;
mod pcapng;
mod place;
mod sniff;
mod snoop;
mod text;
mod ticks;

pub use batch::Batch;
pub(crate) use compress::Compression;
pub(crate) use log::Record;
pub use open::{OpenError, open, open_reader};

use crate::time::Time;

/// One captured packet, borrowed from the source's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Counted from 1 over the whole input.
    pub number: u64,
    /// Capture time. Packets without one (pcapng simple packet blocks) carry that of the packet before.
    pub time: Time,
    /// Link-layer header type of its interface.
    pub link: LinkType,
    /// Length on the wire in bytes; at least `data.len()` unless the file lies.
    pub wire_len: u32,
    /// The captured bytes, without a trailing frame check sequence.
    pub data: &'a [u8],
}

/// Link-layer header type: the number of the tcpdump.org registry, masked to 16 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

/// What was found out about one input file (or pipe).
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FileInfo {
    /// As given on the command line; `-` for standard input.
    pub name: String,
    /// `pcap`, `pcapng`, … with the compression in front where there is one (`gzip pcap`).
    pub format: String,
    /// Names of the link types seen, without `LINKTYPE_`; joined by `, ` when there are several.
    pub link_type: String,
    /// Packets read from it.
    pub packets: u64,
    /// Packets that the capturing system says it dropped (pcapng interface statistics), if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// Packets of which not all bytes were captured.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut: u64,
    /// Snap length, the smallest of all interfaces, if it is below what packets need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snap_len: Option<u32>,
    /// When the capture ended, its last packet or later, where that is known (pcapng interface statistics, `live`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Why reading stopped before the end, or what was skipped: packet number, byte offset, cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Nothing could be read from it at all; `problem` says why.
    #[serde(skip)]
    pub unreadable: bool,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// When all of these ended, if that is known of each that has packets.
pub fn until(files: &[FileInfo]) -> Option<Time> {
    let ends = files.iter().filter(|file| file.packets > 0).map(|file| file.until);
    ends.collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// Anything that yields packets in capture order.
pub trait Source: Send {
    /// The next packet, or `None` at the end of what can be read. Damage is not an error here: it ends or skips
    /// and is told in [`Source::files`].
    fn next(&mut self) -> Option<Packet<'_>>;

    /// The next packets, at least one, or `None` at the end: as many as are there without waiting, which costs less
    /// than one at a time. May be mixed with [`Source::next`].
    fn batch(&mut self) -> Option<Batch<'_>> {
        self.next().map(Batch::from)
    }

    /// What is known of each input so far, in the order given.
    fn files(&self) -> Vec<FileInfo>;

    /// Bytes consumed so far (of compressed files, compressed bytes), for progress.
    fn bytes_read(&self) -> u64;

    /// Bytes there are in all, if known (not for pipes).
    fn bytes_total(&self) -> Option<u64>;

    /// Remarks for the user that concern no input: files of a folder that are no captures.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}
