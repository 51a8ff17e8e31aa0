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
    cuts: Cuts,
    problem: Option<String>,
    more: u64,
}

/// Packets of which not all was captured.
#[derive(Clone, Copy, Debug, Default)]
struct Cuts {
    /// How many.
    all: u64,
    /// Those cut to what the file calls the snap length: how many, and the smallest, of several interfaces.
    declared: (u64, u32),
    /// The longest to which others were cut, and how many of them to just that.
    longest: (u32, u64),
}

impl Cuts {
    #[inline]
    fn note(&mut self, len: u32, snap_len: u32) {
        self.all += 1;
        if len == snap_len {
            self.note_declared(snap_len, 1);
        } else if len > self.longest.0 {
            self.longest = (len, 1);
        } else if len == self.longest.0 {
            self.longest.1 += 1;
        }
    }

    /// So many more were cut to what the file calls the snap length; they are counted among all elsewhere.
    #[inline]
    fn note_declared(&mut self, snap_len: u32, more: u64) {
        let (many, least) = self.declared;
        self.declared = (many + more, if many == 0 { snap_len } else { least.min(snap_len) });
    }

    /// Where the file does not say it, or says something else, a snap length cuts many to the same length and none to a
    /// longer one; single ones were cut by something else.
    fn snap_len(&self) -> Option<u32> {
        const MANY: u64 = 3;
        let (many, least) = self.declared;
        let (longest, alike) = self.longest;
        let cuts_most = alike >= MANY && alike.saturating_mul(2) > self.all - many;
        (many > 0).then_some(least).into_iter().chain(cuts_most.then_some(longest)).min()
    }
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
            self.cuts.note(record.len, snap_len);
        }
    }

    /// Notes that `many` packets, counted elsewhere, were cut to what the file calls the snap length.
    #[inline]
    pub(crate) fn cut_to(&mut self, snap_len: u32, many: u64) {
        if many > 0 {
            self.cuts.all += many;
            self.cuts.note_declared(snap_len, many);
        }
    }

    /// How many packets were cut, and the snap length that they were cut to, as far as that is known.
    pub(crate) fn cuts(&self) -> (u64, Option<u32>) {
        (self.cuts.all, self.cuts.snap_len())
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
