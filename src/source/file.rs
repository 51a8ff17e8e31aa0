//! One open capture: what it is compressed with, its format, and its records one after the other.

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ahead::Ahead;
use super::buffer::Buffer;
use super::compress::Compression;
use super::erf::{self, Erf};
use super::log::{Log, Record};
use super::pcap::{self, Pcap};
use super::pcapng::{self, PcapNg};
use super::snoop::{self, Snoop};
use super::{FileInfo, LinkType, sniff};

/// Bytes looked at to tell what a file is.
const SNIFF: usize = 512;
/// Records read at a time, as long as they lie whole in the buffer: nothing is waited for.
const BATCH: usize = 128;

/// An input whose header has been read.
pub(crate) struct CaptureFile {
    buffer: Buffer,
    format: Format,
    compression: Option<Compression>,
    log: Log,
    /// Records read ahead, those from `next` to `end` not yet given.
    records: Box<[Record; BATCH]>,
    next: usize,
    end: usize,
}

enum Format {
    Pcap(Pcap),
    PcapNg(Box<PcapNg>),
    Snoop(Snoop),
    Erf(Erf),
}

/// Counts the bytes that come from the file itself, before decompression.
struct Counted<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let got = self.input.read(out)?;
        self.read.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

impl CaptureFile {
    /// Recognises the input and reads its header. The message says what is wrong, without the name.
    pub(crate) fn open(input: Box<dyn Read + Send>, read: Arc<AtomicU64>) -> Result<CaptureFile, String> {
        let mut input = Counted { input, read };
        let mut start = Vec::with_capacity(6);
        (&mut input).take(6).read_to_end(&mut start).map_err(|e| format!("cannot be read: {e}"))?;
        if start.is_empty() {
            return Err("is empty (0 bytes)".to_string());
        }
        let compression = Compression::detect(&start);
        let whole: Box<dyn Read + Send> = Box::new(Cursor::new(start).chain(input));
        let mut buffer = Buffer::new(match compression {
            Some(compression) => Box::new(Ahead::new(compression.open(whole))),
            None => whole,
        });
        let mut log = Log::default();
        let format = Format::open(&mut buffer, &mut log).map_err(|cause| match compression {
            Some(compression) => format!("{} data, and what is in it {cause}", compression.name()),
            None => cause,
        })?;
        let records = Box::new([Record::default(); BATCH]);
        Ok(CaptureFile { buffer, format, compression, log, records, next: 0, end: 0 })
    }

    /// The next record; its bytes are there until the call after.
    #[inline]
    pub(crate) fn advance(&mut self) -> Option<Record> {
        if self.next == self.end && !self.refill() {
            return None;
        }
        self.next += 1;
        self.records.get(self.next - 1).copied()
    }

    /// What the positions of records count in.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.all()
    }

    /// The record given last and those read ahead behind it, up to the first that `belongs` does not want: they are
    /// given, and their bytes are there until the next [`CaptureFile::advance`].
    #[inline]
    pub(crate) fn run(&mut self, belongs: impl Fn(&Record) -> bool) -> (&[Record], &[u8]) {
        let first = self.next.saturating_sub(1);
        let ahead = &self.records[self.next..self.end];
        self.next += ahead.iter().position(|record| !belongs(record)).unwrap_or(ahead.len());
        (&self.records[first..self.next], self.buffer.all())
    }

    /// Reads ahead what lies in the buffer, or else the one record that comes next.
    fn refill(&mut self) -> bool {
        let CaptureFile { buffer, log, .. } = self;
        let out = &mut self.records[..];
        self.next = 0;
        self.end = match &mut self.format {
            Format::Pcap(reader) => reader.batch(buffer, log, out),
            Format::PcapNg(reader) => reader.batch(buffer, log, out),
            Format::Snoop(_) | Format::Erf(_) => 0,
        };
        if self.end == 0 {
            let one = match &mut self.format {
                Format::Pcap(reader) => reader.advance(buffer, log),
                Format::PcapNg(reader) => reader.advance(buffer, log),
                Format::Snoop(reader) => reader.advance(buffer, log),
                Format::Erf(reader) => reader.advance(buffer, log),
            };
            let Some(one) = one else { return false };
            self.records[0] = one;
            self.end = 1;
        }
        true
    }

    /// What is known of it so far.
    pub(crate) fn info(&self, name: &str) -> FileInfo {
        let (format, dropped) = match &self.format {
            Format::Pcap(_) => ("pcap", None),
            Format::PcapNg(reader) => ("pcapng", reader.dropped()),
            Format::Snoop(reader) => ("snoop", Some(reader.dropped())),
            Format::Erf(_) => ("erf", None),
        };
        let (cut, snap_len) = self.log.cuts();
        let links: Vec<String> = self.log.links.iter().map(ToString::to_string).collect();
        FileInfo {
            name: name.to_string(),
            format: match self.compression {
                Some(compression) => format!("{} {format}", compression.name()),
                None => format.to_string(),
            },
            link_type: links.join(", "),
            packets: self.log.packets - (self.end - self.next) as u64,
            dropped,
            cut,
            snap_len,
            problem: self.log.problem_text(),
            until: match &self.format {
                Format::PcapNg(reader) => reader.until(&self.log),
                Format::Pcap(_) | Format::Snoop(_) | Format::Erf(_) => None,
            },
            unreadable: false,
        }
    }
}

impl Format {
    fn open(buffer: &mut Buffer, log: &mut Log) -> Result<Format, String> {
        buffer.fill(12);
        if pcap::recognises(buffer.available()) {
            return Pcap::open(buffer, log).map(Format::Pcap);
        }
        if pcapng::recognises(buffer.available()) {
            return PcapNg::open(buffer).map(|reader| Format::PcapNg(Box::new(reader)));
        }
        if snoop::recognises(buffer.available()) {
            return Snoop::open(buffer, log).map(Format::Snoop);
        }
        buffer.fill(SNIFF);
        if erf::recognises(buffer.available()) {
            log.link(LinkType::ERF);
            return Ok(Format::Erf(Erf));
        }
        let bytes = buffer.available();
        if let (true, Some(failure)) = (bytes.len() < SNIFF, buffer.failure()) {
            return Err(format!("cannot be read: {failure}"));
        }
        let bytes = &bytes[..bytes.len().min(SNIFF)];
        if bytes.is_empty() {
            return Err("is empty (0 bytes)".to_string());
        }
        Err(match sniff::looks_like(bytes) {
            Some(what) => format!("is not a capture: it looks like {what}"),
            None => {
                let first: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
                format!("is not a capture that is known (it starts with {})", first.join(" "))
            }
        })
    }
}
