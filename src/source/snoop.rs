//! Sun's snoop files (RFC 1761): what Solaris and illumos write.

use super::LinkType;
use super::buffer::Buffer;
use super::log::{Log, Record};
use crate::time::Time;

const HEADER: usize = 16;
const RECORD_HEADER: usize = 24;
/// No record is longer, whatever its header says.
const MAX_RECORD: u32 = 16 << 20;

/// Reader of the records of one snoop file.
pub(crate) struct Snoop {
    link: LinkType,
    dropped: u32,
}

/// Whether a file that starts like this is a snoop file.
pub(crate) fn recognises(bytes: &[u8]) -> bool {
    bytes.starts_with(b"snoop\0\0\0")
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()).map_or(0, u32::from_be_bytes)
}

impl Snoop {
    /// Reads the file header; the message says what is wrong with it.
    pub(crate) fn open(buffer: &mut Buffer, log: &mut Log) -> Result<Snoop, String> {
        if !buffer.fill(HEADER) {
            return Err(format!("ends inside the snoop file header, after {} of 16 bytes", buffer.available().len()));
        }
        let (version, kind) = (word(buffer.available(), 8), word(buffer.available(), 12));
        if version != 2 {
            return Err(format!("is a snoop file of version {version}, which is not known"));
        }
        let link = match kind {
            0 | 4 => LinkType::ETHERNET,
            2 => LinkType::IEEE802_5,
            8 => LinkType::FDDI,
            _ => return Err(format!("is a snoop file of link type {kind}, which is not known")),
        };
        buffer.consume(HEADER);
        log.link(link);
        Ok(Snoop { link, dropped: 0 })
    }

    /// Packets dropped so far; each record has the sum.
    pub(crate) fn dropped(&self) -> u64 {
        u64::from(self.dropped)
    }

    /// The next record, or `None` at the end or at damage.
    pub(crate) fn advance(&mut self, buffer: &mut Buffer, log: &mut Log) -> Option<Record> {
        if !buffer.fill(RECORD_HEADER) {
            if buffer.available().is_empty() {
                log.ended(buffer);
            } else {
                log.cut_off(buffer, "record header needs", RECORD_HEADER as u64);
            }
            return None;
        }
        let bytes = buffer.available();
        let (wire, captured, whole) = (word(bytes, 0), word(bytes, 4), word(bytes, 8));
        if whole > MAX_RECORD || captured.checked_add(RECORD_HEADER as u32).is_none_or(|least| whole < least) {
            let cause = format!("record of {whole} bytes says it holds {captured}; damaged from here on");
            log.problem(buffer.offset(), &cause);
            return None;
        }
        if !buffer.fill(whole as usize) {
            log.cut_off(buffer, "record says", u64::from(whole));
            return None;
        }
        let bytes = buffer.available();
        self.dropped = word(bytes, 12);
        let nanos = i64::from(word(bytes, 16)) * 1_000_000_000 + i64::from(word(bytes, 20)) * 1_000;
        let record = Record {
            time: Time(nanos),
            link: self.link,
            wire_len: wire.max(captured),
            at: buffer.position() + RECORD_HEADER as u32,
            len: captured,
        };
        buffer.consume(whole as usize);
        log.packet(&record, 0);
        Some(record)
    }
}
