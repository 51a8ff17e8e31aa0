//! Classic pcap files (draft-ietf-opsawg-pcap), all magic numbers in use.
//!
//! The file header is read by pcap-parser; framing is ours because only the framer knows where the file ends. A damaged
//! record length cannot be repaired (there is nothing to find the next record by), so reading stops there.

use pcap_parser::parse_pcap_header;

use super::LinkType;
use super::buffer::Buffer;
use super::log::{Log, Record};
use crate::time::Time;

/// No record is longer, whatever its header says: larger lengths are damage.
const MAX_RECORD: u32 = 16 << 20;
/// What libpcap accepts whatever the snap length in the header (MAXIMUM_SNAPLEN).
const USUAL_RECORD: u32 = 262_144;

/// Bytes of a record header.
const HEADER: usize = 16;

/// Reader of the records of one classic pcap file.
pub(crate) struct Pcap {
    big_endian: bool,
    nanos_per_tick: i64,
    /// Kuznetzov's patch: eight more bytes in each record header.
    modified: bool,
    /// Before version 2.3 the two lengths stood in the other order; in 2.3 some writers still did it.
    swapped: Swapped,
    link: LinkType,
    fcs: u32,
    snap_len: u32,
    max_record: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Swapped {
    No,
    Maybe,
    Yes,
}

/// What the magic number says.
struct Magic {
    big_endian: bool,
    nanoseconds: bool,
    modified: bool,
    /// Bytes of the file header: IXIA's has a total length more.
    header: usize,
}

fn magic(bytes: &[u8]) -> Option<Magic> {
    let first = <[u8; 4]>::try_from(bytes.get(..4)?).ok()?;
    for (big_endian, value) in [(false, u32::from_le_bytes(first)), (true, u32::from_be_bytes(first))] {
        let (nanoseconds, modified, header) = match value {
            0xa1b2_c3d4 => (false, false, 24),
            0xa1b2_3c4d => (true, false, 24),
            0xa1b2_cd34 => (false, true, 24),
            0x1c00_01ac => (true, false, 28),
            0x1c00_01ab => (false, false, 28),
            _ => continue,
        };
        return Some(Magic { big_endian, nanoseconds, modified, header });
    }
    None
}

/// Whether a file that starts like this is classic pcap.
pub(crate) fn recognises(bytes: &[u8]) -> bool {
    magic(bytes).is_some()
}

impl Pcap {
    /// Reads the file header; the message says what is wrong with it.
    pub(crate) fn open(buffer: &mut Buffer, log: &mut Log) -> Result<Pcap, String> {
        let magic = buffer.fill(4).then(|| magic(buffer.available())).flatten().ok_or("not a pcap file")?;
        if !buffer.fill(magic.header) {
            let have = buffer.available().len();
            return Err(format!("ends inside the pcap file header, after {have} of {} bytes", magic.header));
        }
        // pcap-parser knows two of the magic numbers in each byte order; the rest of the header is the same for all.
        let mut header = [0u8; 24];
        header.copy_from_slice(&buffer.available()[..24]);
        let plain = 0xa1b2_c3d4_u32;
        header[..4].copy_from_slice(&if magic.big_endian { plain.to_be_bytes() } else { plain.to_le_bytes() });
        let (_, parsed) = parse_pcap_header(&header).map_err(|_| "its pcap file header cannot be read")?;
        buffer.consume(magic.header);

        let network = parsed.network.0 as u32;
        let link = LinkType((network & 0xffff) as u16);
        log.link(link);
        let swapped = match (parsed.version_major, parsed.version_minor) {
            (2, 3) => Swapped::Maybe,
            (2, minor) if minor < 3 => Swapped::Yes,
            _ => Swapped::No,
        };
        Ok(Pcap {
            big_endian: magic.big_endian,
            nanos_per_tick: if magic.nanoseconds { 1 } else { 1_000 },
            modified: magic.modified,
            swapped,
            link,
            // Bit 26 says that the top four bits hold the frame check sequence's length in 16-bit words.
            fcs: if network & 0x0400_0000 != 0 { (network >> 28) * 2 } else { 0 },
            snap_len: parsed.snaplen,
            max_record: match parsed.snaplen {
                0 => MAX_RECORD,
                snap_len => snap_len.clamp(USUAL_RECORD, MAX_RECORD),
            },
        })
    }

    /// Records that lie whole in the buffer, as many as `out` takes; returns how many. It stops before anything
    /// that is not as usual, which [`Pcap::advance`] then reads or reports.
    pub(crate) fn batch(&mut self, buffer: &mut Buffer, log: &mut Log, out: &mut [Record]) -> usize {
        // Longer headers, swapped lengths and frame check sequences are rare: such records are read one by one.
        match (self.modified || self.swapped != Swapped::No || self.fcs > 0, self.big_endian) {
            (false, false) => self.frames(u32::from_le_bytes, buffer, log, out),
            (false, true) => self.frames(u32::from_be_bytes, buffer, log, out),
            (true, _) => 0,
        }
    }

    #[inline(always)]
    fn frames(&self, word: impl Fn([u8; 4]) -> u32, buffer: &mut Buffer, log: &mut Log, out: &mut [Record]) -> usize {
        let (bytes, from) = (buffer.held(), buffer.position());
        let (link, snap_len, most, nanos_per_tick) = (self.link, self.snap_len, self.max_record, self.nanos_per_tick);
        let (mut at, mut taken, mut declared) = (from, 0, 0);
        for slot in out {
            let (start, end) = (at as usize, at as usize + HEADER);
            let Some(header) = bytes.get(start..end).and_then(|header| header.first_chunk::<HEADER>()) else { break };
            let field = |at: usize| word([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            let (len, wire) = (field(8), field(12));
            if len > most {
                break;
            }
            let next = end + len as usize;
            if next > bytes.len() {
                break;
            }
            let time = time(field(0), field(4), nanos_per_tick);
            *slot = Record { time, wire_len: wire.max(len), at: end as u32, len, link };
            if len < wire {
                match len == snap_len {
                    true => declared += 1,
                    false => cut_otherwise(log, slot, snap_len),
                }
            }
            at = next as u32;
            taken += 1;
        }
        log.packets += taken as u64;
        log.cut_to(snap_len, declared);
        buffer.consume((at - from) as usize);
        taken
    }

    /// The next record, or `None` at the end or at damage.
    pub(crate) fn advance(&mut self, buffer: &mut Buffer, log: &mut Log) -> Option<Record> {
        let header = if self.modified { HEADER + 8 } else { HEADER };
        if !buffer.fill(header) {
            if buffer.available().is_empty() {
                log.ended(buffer);
            } else {
                log.cut_off(buffer, "record header needs", header as u64);
            }
            return None;
        }
        let lengths = self.lengths(buffer.available());
        if lengths.captured > self.max_record {
            self.absurd(lengths.captured, buffer, log);
            return None;
        }
        if !buffer.fill(header + lengths.captured as usize) {
            buffer.consume(header);
            let have = buffer.available().len();
            let offset = buffer.offset() - header as u64;
            let end = match buffer.failure() {
                Some(failure) => format!("reading fails after {have} ({failure})"),
                None => format!("file ends after {have}"),
            };
            log.problem(offset, &format!("record says {} bytes, {end}", lengths.captured));
            return None;
        }
        let record = self.record(&lengths, buffer.position() + header as u32);
        buffer.consume(header + lengths.captured as usize);
        log.packet(&record, self.snap_len);
        Some(record)
    }

    #[inline]
    fn record(&self, lengths: &Lengths, at: u32) -> Record {
        let captured = lengths.captured;
        let wire_len = lengths.wire.max(captured);
        let time = time(lengths.seconds, lengths.ticks, self.nanos_per_tick);
        Record { time, link: self.link, wire_len, at, len: captured }.without_fcs(self.fcs)
    }

    fn lengths(&self, bytes: &[u8]) -> Lengths {
        let word = |at: usize| {
            let raw = bytes.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()).unwrap_or_default();
            if self.big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) }
        };
        let (mut captured, mut wire) = (word(8), word(12));
        if self.swapped == Swapped::Yes || (self.swapped == Swapped::Maybe && captured > wire) {
            std::mem::swap(&mut captured, &mut wire);
        }
        Lengths { seconds: word(0), ticks: word(4), captured, wire }
    }

    fn absurd(&self, captured: u32, buffer: &Buffer, log: &mut Log) {
        log.problem(
            buffer.offset(),
            &format!("record says {captured} bytes, more than {} cannot be; damaged from here on", self.max_record),
        );
    }
}

/// Notes what a packet was cut to that is not what the file says.
#[inline(never)]
fn cut_otherwise(log: &mut Log, record: &Record, snap_len: u32) {
    log.cut(record, snap_len);
}

/// Both are far from what does not fit.
#[inline]
fn time(seconds: u32, ticks: u32, nanos_per_tick: i64) -> Time {
    Time(i64::from(seconds) * 1_000_000_000 + i64::from(ticks) * nanos_per_tick)
}

/// The four numbers of a record header.
struct Lengths {
    seconds: u32,
    ticks: u32,
    captured: u32,
    wire: u32,
}
