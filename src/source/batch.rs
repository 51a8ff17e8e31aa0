//! Several packets at a time: records that lie one after the other in a source's buffer.

use super::Packet;
use super::log::Record;

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

    /// Gives packets to `take`, each with one of `places`, as long as there are places and `take` does not want to stop: the
    /// packet with which it does. A packet without a record is left.
    #[inline(always)]
    pub(crate) fn fill<'p, T: 'p>(
        &mut self,
        places: impl Iterator<Item = &'p mut T>,
        mut take: impl FnMut(Packet<'a>, &'p mut T) -> bool,
    ) -> Option<Packet<'a>> {
        // Held apart, so that they need not be in memory.
        let Batch { records, bytes, number, .. } = self;
        let (mut rest, mut next) = (records.clone(), *number);
        let mut stopped = None;
        for (place, record) in places.zip(&mut rest) {
            let packet = record.packet(bytes, next);
            next += 1;
            if !take(packet, place) {
                stopped = Some(packet);
                break;
            }
        }
        (*records, *number) = (rest, next);
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
