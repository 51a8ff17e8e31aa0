//! Several packets at a time: records that lie one after the other in a source's buffer.

use super::Packet;
use super::log::Record;
use crate::time::Time;

/// Packets borrowed from a source's buffer, in capture order.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    records: std::slice::Iter<'a, Record>,
    /// What the records' positions count in.
    bytes: &'a [u8],
    /// Number of the next packet.
    number: u64,
    /// A packet that has no record.
    one: Option<Packet<'a>>,
}

impl<'a> Batch<'a> {
    /// The packets of `records` in `bytes`, numbered from `number`.
    #[inline]
    pub(crate) fn new(records: &'a [Record], bytes: &'a [u8], number: u64) -> Batch<'a> {
        Batch { records: records.iter(), bytes, number, one: None }
    }

    /// Time of the next packet, if it has a record.
    pub(crate) fn time(&self) -> Option<Time> {
        self.records.as_slice().first().map(|record| record.time)
    }

    /// Gives records to `take`, each with its number, the bytes with which its packet begins, if there are as many (what was
    /// not captured of them is anything), and one of `places`, as long as there are places and `take` does not want to stop:
    /// the packet with which it does. A packet without a record is left.
    #[inline(always)]
    pub(crate) fn fill<T, const N: usize>(
        &mut self,
        places: &mut [T],
        mut take: impl FnMut(&Record, u64, Option<&'a [u8; N]>, &mut T) -> bool,
    ) -> Option<Packet<'a>> {
        let (records, bytes, first) = (self.records.as_slice(), self.bytes, self.number);
        let many = records.len().min(places.len());
        let mut number = first;
        for (record, place) in records[..many].iter().zip(&mut places[..many]) {
            let at = record.at as usize;
            let head = bytes.get(at..at + N).and_then(|head| head.first_chunk());
            if !take(record, number, head, place) {
                break;
            }
            number += 1;
        }
        let taken = (number - first) as usize;
        let stopped = records[..many].get(taken).map(|record| record.packet(bytes, number));
        let taken = taken + usize::from(stopped.is_some());
        (self.records, self.number) = (records[taken..].iter(), first + taken as u64);
        stopped
    }
}

/// A batch of one.
impl<'a> From<Packet<'a>> for Batch<'a> {
    fn from(packet: Packet<'a>) -> Batch<'a> {
        Batch { records: [].iter(), bytes: &[], number: packet.number, one: Some(packet) }
    }
}

impl<'a> Iterator for Batch<'a> {
    type Item = Packet<'a>;

    #[inline]
    fn next(&mut self) -> Option<Packet<'a>> {
        let Some(record) = self.records.next() else { return self.one.take() };
        let number = self.number;
        self.number += 1;
        Some(record.packet(self.bytes, number))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.records.len() + usize::from(self.one.is_some());
        (left, Some(left))
    }
}

impl ExactSizeIterator for Batch<'_> {}
