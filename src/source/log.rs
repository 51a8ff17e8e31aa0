//! What a reader notes about its input while it goes through it.

use super::buffer::Buffer;
use super::{LinkType, Packet};

/// Link types remembered for the report; a file with more has been made to have more.
const MAX_LINKS: usize = 16;

/// Where one packet lies in the buffer, and what its record says of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    pub(crate) time: crate::time::Time,
    pub(crate) wire_len: u32,
    /// Position in [`Buffer::all`], valid until the buffer is filled again. The buffer holds one record or 1 MiB,
    /// whichever is more, so 32 bits are enough.
    pub(crate) at: u32,
    pub(crate) len: u32,
    pub(crate) link: LinkType,
}

impl Record {
    /// The packet, with its bytes out of those it has its position in.
    #[inline]
    pub(crate) fn packet(self, bytes: &[u8], number: u64) -> Packet<'_> {
        let start = self.at as usize;
        let data = bytes.get(start..start + self.len as usize).unwrap_or(&[]);
        Packet { number, time: self.time, link: self.link, wire_len: self.wire_len, data }
    }

    /// Takes a frame check sequence of `fcs` bytes off the end, as far as it was captured.
    #[inline]
    pub(crate) fn without_fcs(mut self, fcs: u32) -> Record {
        if fcs > 0 {
            self.wire_len = self.wire_len.saturating_sub(fcs);
            self.len = self.len.min(self.wire_len);
        }
        self
    }
}

/// Counts and complaints about one input.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Packets handed out.
    pub(crate) packets: u64,
    /// Link types declared.
    pub(crate) links: Vec<LinkType>,
    /// Smallest length that packets were cut to.
    pub(crate) cut_to: Option<u32>,
    problem: Option<String>,
    more: u64,
}

impl Log {
    /// Notes that the file declares a link type.
    pub(crate) fn link(&mut self, link: LinkType) {
        if !self.links.contains(&link) && self.links.len() < MAX_LINKS {
            self.links.push(link);
        }
    }

    /// Counts a packet; `snap_len` is what the file says of the interface, 0 if nothing.
    #[inline]
    pub(crate) fn packet(&mut self, record: &Record, snap_len: u32) {
        self.packets += 1;
        self.cut(record, snap_len);
    }

    /// Notes what a packet was cut to, if it was; it is counted elsewhere.
    #[inline]
    pub(crate) fn cut(&mut self, record: &Record, snap_len: u32) {
        if record.len < record.wire_len {
            let here = if snap_len > 0 && snap_len < record.wire_len { snap_len } else { record.len };
            self.cut_to = Some(self.cut_to.map_or(here, |least| least.min(here)));
        }
    }

    /// Notes damage at a byte offset. The first is told in full, the others are counted.
    pub(crate) fn problem(&mut self, offset: u64, cause: &str) {
        if self.problem.is_none() {
            let text = format!("packet {} at byte offset {offset}: {cause}", self.packets + 1);
            self.problem = Some(super::text::printable(&text));
        } else {
            self.more += 1;
        }
    }

    /// Notes that the input ends (or cannot be read) where more was due.
    pub(crate) fn cut_off(&mut self, buffer: &Buffer, what: &str, due: u64) {
        let have = buffer.available().len();
        let end = match buffer.failure() {
            Some(failure) => format!("reading fails after {have} ({failure})"),
            None => format!("file ends after {have}"),
        };
        self.problem(buffer.offset(), &format!("{what} {due} bytes, {end}"));
    }

    /// Notes a read failure that falls between two records.
    pub(crate) fn ended(&mut self, buffer: &Buffer) {
        if let Some(failure) = buffer.failure() {
            self.problem(buffer.offset(), &format!("reading fails ({failure})"));
        }
    }

    /// All complaints in one line.
    pub(crate) fn problem_text(&self) -> Option<String> {
        let first = self.problem.as_ref()?;
        Some(match self.more {
            0 => first.clone(),
            1 => format!("{first}; 1 more problem after it"),
            n => format!("{first}; {n} more problems after it"),
        })
    }
}
