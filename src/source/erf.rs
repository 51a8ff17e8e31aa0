//! Endace's extensible record format. It has no magic number, so it is recognised by records that make sense.
//!
//! Packets are handed on with their record header, as link type ERF, which is how pcap files carry them too.

use super::LinkType;
use super::buffer::Buffer;
use super::log::{Log, Record};
use super::sniff;
use crate::time::Time;

const HEADER: usize = 16;
/// Times that make sense in a file without a magic number: 1990 to 2040, in seconds since 1970.
const PLAUSIBLE: std::ops::Range<u32> = 631_152_000..2_208_988_800;

/// The numbers of a record header.
struct Header {
    seconds: u32,
    fraction: u32,
    kind: u8,
    /// Length of the record with its header.
    len: u16,
    /// Length of the packet on the wire, with its frame check sequence.
    wire: u16,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Header> {
        let bytes: &[u8; HEADER] = bytes.get(..HEADER)?.try_into().ok()?;
        let stamp = u64::from_le_bytes(bytes[..8].try_into().ok()?);
        Some(Header {
            seconds: (stamp >> 32) as u32,
            fraction: stamp as u32,
            kind: bytes[8] & 0x7f,
            len: u16::from_be_bytes([bytes[10], bytes[11]]),
            wire: u16::from_be_bytes([bytes[14], bytes[15]]),
        })
    }

    fn makes_sense(&self) -> bool {
        let known = matches!(self.kind, 1..=25 | 27 | 28 | 32 | 48);
        known && usize::from(self.len) > HEADER && PLAUSIBLE.contains(&self.seconds)
    }
}

/// Whether all records that can be seen in the first bytes of a file make sense as ERF.
pub(crate) fn recognises(mut bytes: &[u8]) -> bool {
    // The time of a record may well look like letters; its kind and length hardly do, but a text has room for anything.
    if sniff::is_text(bytes) {
        return false;
    }
    let mut last: Option<u32> = None;
    while let Some(header) = Header::read(bytes) {
        let apart = last.map_or(0, |last| last.abs_diff(header.seconds));
        if !header.makes_sense() || apart > 86_400 {
            return false;
        }
        last = Some(header.seconds);
        bytes = bytes.get(usize::from(header.len)..).unwrap_or(&[]);
    }
    last.is_some()
}

/// Reader of the records of one ERF file.
pub(crate) struct Erf;

impl Erf {
    /// The next record, or `None` at the end or at damage.
    pub(crate) fn advance(&mut self, buffer: &mut Buffer, log: &mut Log) -> Option<Record> {
        if !buffer.fill(HEADER) {
            if buffer.available().is_empty() {
                log.ended(buffer);
            } else {
                log.cut_off(buffer, "record header needs", HEADER as u64);
            }
            return None;
        }
        let header = Header::read(buffer.available())?;
        let len = usize::from(header.len);
        if len < HEADER {
            log.problem(buffer.offset(), &format!("record says it is {len} bytes long; damaged from here on"));
            return None;
        }
        if !buffer.fill(len) {
            log.cut_off(buffer, "record says", len as u64);
            return None;
        }
        // 32 bits of seconds and 32 of a fraction.
        let nanos =
            i64::from(header.seconds) * 1_000_000_000 + ((u64::from(header.fraction) * 1_000_000_000) >> 32) as i64;
        let record = Record {
            time: Time(nanos),
            link: LinkType::ERF,
            wire_len: (HEADER as u32 + u32::from(header.wire)).max(u32::from(header.len)),
            at: buffer.position(),
            len: len as u32,
        };
        buffer.consume(len);
        log.packet(&record, 0);
        Some(record)
    }
}
