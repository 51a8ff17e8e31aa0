//! The segments of a capture: small, since all of both captures are held until they are matched, and by four-tuple.

use super::names::Tuple;
use super::tap::Seen;
use crate::segment::Socket;
use crate::time::Time;
use crate::tracker::index::Index;

/// A segment as it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// Capture time, by this tap's clock.
    pub time: Time,
    /// Number of its packet in this capture.
    pub packet: u64,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Payload bytes.
    pub len: u32,
    /// 0 if it has no timestamps.
    tsval: u32,
    /// The number of its four-tuple among those of its capture.
    pub tuple: u32,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// The six flags of RFC 793, and the two below.
    marks: u8,
}

/// The first socket of its four-tuple sent it.
const FROM_FIRST: u8 = 0x40;
/// It has timestamps.
const STAMPED: u8 = 0x80;

impl Kept {
    /// The six flags of RFC 793.
    pub fn flags(&self) -> u8 {
        self.marks & 0x3f
    }

    /// TSval, if it has timestamps.
    pub fn tsval(&self) -> Option<u32> {
        (self.marks & STAMPED != 0).then_some(self.tsval)
    }

    /// Whether the first socket of its four-tuple sent it, by the names of its capture.
    pub fn is_from_first(&self) -> bool {
        self.marks & FROM_FIRST != 0
    }

    /// The sequence number after its payload and flags.
    pub fn end(&self) -> u32 {
        let flags = u32::from(self.marks & 1) + u32::from(self.marks >> 1 & 1);
        self.seq.wrapping_add(self.len).wrapping_add(flags)
    }
}

/// The segments of a capture, in capture order.
#[derive(Debug, Default)]
pub struct Segments {
    pub(super) all: Vec<Kept>,
    pub(super) tuples: Tuples,
}

impl Segments {
    /// One more.
    pub fn push(&mut self, seen: &Seen) {
        let is_from_first = seen.src <= seen.dst;
        let tuple = self.tuples.number(if is_from_first { (seen.src, seen.dst) } else { (seen.dst, seen.src) });
        let marks = seen.flags & 0x3f
            | if is_from_first { FROM_FIRST } else { 0 }
            | if seen.tsval.is_some() { STAMPED } else { 0 };
        self.all.push(Kept {
            time: seen.time,
            packet: seen.packet,
            seq: seen.seq,
            ack: seen.ack,
            len: seen.len,
            tsval: seen.tsval.unwrap_or(0),
            tuple,
            ip_id: seen.ip_id,
            marks,
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Sender and receiver of one of them, as its capture calls them.
    pub(super) fn ends(&self, kept: &Kept) -> (Socket, Socket) {
        let (first, second) = self.tuples.get(kept.tuple);
        if kept.is_from_first() { (first, second) } else { (second, first) }
    }

    /// The index of the first one of this packet.
    pub(super) fn position(&self, packet: u64) -> Option<usize> {
        let i = self.all.partition_point(|kept| kept.packet < packet);
        self.all.get(i).is_some_and(|kept| kept.packet == packet).then_some(i)
    }

    /// They by the number of their four-tuple.
    pub(super) fn by_tuple(&self) -> Lists {
        Lists::of(self.tuples.len(), self.all.iter().map(|kept| Some(kept.tuple)))
    }
}

impl FromIterator<Seen> for Segments {
    fn from_iter<I: IntoIterator<Item = Seen>>(all: I) -> Segments {
        let mut segments = Segments::default();
        all.into_iter().for_each(|seen| segments.push(&seen));
        segments
    }
}

/// Four-tuples, numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Tuples {
    list: Vec<Tuple>,
    index: Index,
}

impl Tuples {
    /// The number of this one, from now on.
    pub fn number(&mut self, tuple: Tuple) -> u32 {
        if let Some(number) = self.find(tuple) {
            return number;
        }
        let number = self.list.len() as u32;
        self.index.insert(self.index.hash(&tuple.0, &tuple.1), number);
        self.list.push(tuple);
        number
    }

    /// The number of this one, if it has one.
    pub fn find(&self, tuple: Tuple) -> Option<u32> {
        let is = |number: usize| self.list.get(number) == Some(&tuple);
        Some(self.index.find(self.index.hash(&tuple.0, &tuple.1), is)? as u32)
    }

    pub fn get(&self, number: u32) -> Tuple {
        self.list[number as usize]
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// In order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = Tuple> {
        self.list.iter().copied()
    }
}

/// Indices of things that are numbered by what they belong to, in order, for each number.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Where the list of each number begins in `items`, and at last where all end.
    begins: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Things in order, each with the number below `numbers` that it belongs to, if any.
    pub fn of(numbers: usize, things: impl Iterator<Item = Option<u32>> + Clone) -> Lists {
        let mut begins = vec![0_u32; numbers + 1];
        things.clone().flatten().for_each(|number| begins[number as usize + 1] += 1);
        for i in 1..begins.len() {
            begins[i] += begins[i - 1];
        }
        let mut items = vec![0; begins[numbers] as usize];
        // Each list's next free place; it ends where the list of the next number begins.
        let mut next = begins.clone();
        for (i, number) in things.enumerate().filter_map(|(i, number)| Some((i, number? as usize))) {
            items[next[number] as usize] = i as u32;
            next[number] += 1;
        }
        Lists { begins, items }
    }

    /// Those of a number.
    pub fn get(&self, number: u32) -> &[u32] {
        let number = number as usize;
        &self.items[self.begins[number] as usize..self.begins[number + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(last: u8, port: u16) -> Socket {
        Socket { addr: std::net::Ipv4Addr::new(10, 0, 0, last).into(), port }
    }

    fn seen(packet: u64, src: Socket, dst: Socket) -> Seen {
        let tsval = (packet == 1).then_some(0);
        Seen { time: Time(0), packet, src, dst, seq: u32::MAX, ack: 7, len: 1, flags: 0x11, ip_id: 3, tsval }
    }

    #[test]
    fn a_segment_takes_forty_bytes_and_tells_what_was_seen() {
        assert_eq!(size_of::<Kept>(), 40);
        let (a, b, c) = (socket(1, 40_000), socket(2, 80), socket(3, 80));
        let all = [seen(1, b, a), seen(2, a, b), seen(2, c, a)];
        let segments: Segments = all.into_iter().collect();
        for (kept, seen) in segments.all.iter().zip(&all) {
            assert_eq!(segments.ends(kept), (seen.src, seen.dst));
            assert_eq!((kept.flags(), kept.tsval()), (seen.flags, seen.tsval));
            assert_eq!(kept.end(), 1, "payload and FIN, beyond the last number");
        }
        assert_eq!(segments.tuples.len(), 2);
        let lists = segments.by_tuple();
        assert_eq!([0, 1].map(|number| lists.get(number)), [&[0, 1][..], &[2]]);
        assert_eq!([1, 2, 3].map(|packet| segments.position(packet)), [Some(0), Some(1), None]);
    }

    #[test]
    fn what_belongs_to_nothing_is_in_no_list() {
        let lists = Lists::of(3, [Some(2), None, Some(0), Some(2)].into_iter());
        assert_eq!([0, 1, 2].map(|number| lists.get(number)), [&[2][..], &[], &[0, 3]]);
    }
}
