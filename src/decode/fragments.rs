//! IPv4 and IPv6 fragments, held until the packet is whole.
//!
//! Everything here is bounded, because anyone can send fragments: the number of packets, their bytes, and the time
//! they wait (by capture time). Fragments that overlap others with a different extent discard the packet, as Linux
//! (since 4.19) and RFC 5722 do; exact repetitions are ignored.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber};

use crate::segment::ScopeId;
use crate::time::{Span, Time};

/// Packets held at a time; the oldest give way.
const MAX_PACKETS: usize = 1_024;
/// Bytes held at a time.
const MAX_BYTES: usize = 16 << 20;
/// How long fragments wait for the rest (Linux ipfrag_time).
const WAIT: Span = Span::secs(30);

/// What fragments of one packet have in common (RFC 791, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) id: u32,
    pub(crate) scope: ScopeId,
}

/// One fragment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment<'a> {
    pub(crate) offset: IpFragOffset,
    pub(crate) more: bool,
    /// What was captured of it.
    pub(crate) data: &'a [u8],
    /// Its length on the wire.
    pub(crate) wire: usize,
}

/// A packet put together again.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) data: Vec<u8>,
    /// Bytes of it that were not captured; they are zero in `data`.
    pub(crate) missing: usize,
}

#[derive(Debug)]
struct Partial {
    buffer: IpDefragBuf,
    since: Time,
    missing: usize,
    /// Tells this packet from an earlier one with the same key in `Fragments::order`.
    number: u64,
}

/// The packets that are not whole yet.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    partial: HashMap<Key, Partial, foldhash::quality::RandomState>,
    /// Keys by age; entries whose packet is gone are passed over.
    order: VecDeque<(Key, u64)>,
    bytes: usize,
    count: u64,
}

impl Fragments {
    /// Adds a fragment; gives the packet when this was the last one missing.
    pub(crate) fn add(&mut self, key: Key, now: Time, fragment: Fragment<'_>) -> Option<Whole> {
        self.expire(now);
        if self.order.len() > 4 * MAX_PACKETS {
            let partial = &self.partial;
            self.order.retain(|(key, number)| partial.get(key).is_some_and(|p| p.number == *number));
        }
        let zeroed;
        let payload = if fragment.data.len() < fragment.wire {
            // Longer than an IP packet can be: not a fragment of anything.
            if fragment.wire > usize::from(u16::MAX) {
                return None;
            }
            let mut filled = fragment.data.to_vec();
            filled.resize(fragment.wire, 0);
            zeroed = filled;
            &zeroed[..]
        } else {
            &fragment.data[..fragment.wire]
        };
        let partial = match self.partial.entry(key) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                self.count += 1;
                self.order.push_back((key, self.count));
                entry.insert(Partial {
                    buffer: IpDefragBuf::new(IpNumber(key.protocol), Vec::new(), Vec::new()),
                    since: now,
                    missing: 0,
                    number: self.count,
                })
            }
        };
        let (start, end) = (usize::from(fragment.offset.byte_offset()), payload.len());
        let end = start + end;
        let held = partial.buffer.sections();
        if held.iter().any(|s| usize::from(s.start) <= start && end <= usize::from(s.end)) && end > start {
            return None;
        }
        let overlaps = held.iter().any(|s| start < usize::from(s.end) && usize::from(s.start) < end);
        let before = partial.buffer.data().len();
        if overlaps || partial.buffer.add(fragment.offset, fragment.more, payload).is_err() {
            self.remove(&key);
            return None;
        }
        partial.missing += fragment.wire - fragment.data.len().min(fragment.wire);
        self.bytes = self.bytes + partial.buffer.data().len() - before;
        if partial.buffer.is_complete() {
            let partial = self.remove(&key)?;
            return Some(Whole { missing: partial.missing, data: partial.buffer.take_bufs().0 });
        }
        while self.partial.len() > MAX_PACKETS || self.bytes > MAX_BYTES {
            self.drop_oldest()?;
        }
        None
    }

    fn expire(&mut self, now: Time) {
        while let Some((key, number)) = self.order.front() {
            match self.partial.get(key) {
                Some(partial) if partial.number == *number && now - partial.since <= WAIT => return,
                _ => {
                    self.drop_oldest();
                }
            }
        }
    }

    fn drop_oldest(&mut self) -> Option<()> {
        let (key, number) = self.order.pop_front()?;
        if self.partial.get(&key).is_some_and(|partial| partial.number == number) {
            self.remove(&key);
        }
        Some(())
    }

    fn remove(&mut self, key: &Key) -> Option<Partial> {
        let partial = self.partial.remove(key)?;
        self.bytes -= partial.buffer.data().len();
        Some(partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn key(id: u32) -> Key {
        let host = |n| IpAddr::V4(Ipv4Addr::new(10, 0, 0, n));
        Key { src: host(1), dst: host(2), protocol: 6, id, scope: ScopeId(0) }
    }

    fn piece(offset: u16, more: bool, data: &[u8]) -> Fragment<'_> {
        Fragment { offset: IpFragOffset::try_new(offset / 8).unwrap(), more, data, wire: data.len() }
    }

    #[test]
    fn any_order_gives_the_packet_once() {
        let mut held = Fragments::default();
        assert!(held.add(key(1), Time(0), piece(16, false, b"end")).is_none());
        assert!(held.add(key(1), Time(1), piece(0, true, b"01234567")).is_none());
        assert!(held.add(key(1), Time(1), piece(0, true, b"01234567")).is_none(), "a repetition");
        let whole = held.add(key(1), Time(2), piece(8, true, b"89abcdef")).unwrap();
        assert_eq!(whole.data, b"0123456789abcdefend");
        assert_eq!((whole.missing, held.partial.len(), held.bytes), (0, 0, 0));
    }

    #[test]
    fn overlaps_and_old_age_discard() {
        let mut held = Fragments::default();
        held.add(key(1), Time(0), piece(0, true, &[1; 16]));
        held.add(key(1), Time(0), piece(8, true, &[2; 16]));
        assert_eq!((held.partial.len(), held.bytes), (0, 0));
        held.add(key(2), Time(0), piece(0, true, &[1; 16]));
        let late = Time(0) + WAIT + Span(1);
        assert!(held.add(key(2), late, piece(16, false, &[1; 4])).is_none());
    }

    #[test]
    fn memory_has_an_end() {
        let mut held = Fragments::default();
        for id in 0..5_000 {
            held.add(key(id), Time(0), piece(60_000, true, &[0; 1_024]));
            assert!(held.bytes <= MAX_BYTES && held.partial.len() <= MAX_PACKETS);
        }
        for _ in 0..100_000 {
            let first = piece(0, true, &[0; 8]);
            held.add(key(9_999), Time(0), first);
            held.add(key(9_999), Time(0), piece(8, false, &[0; 8]));
        }
        assert!(held.order.len() <= 4 * MAX_PACKETS + 1, "{} keys", held.order.len());
    }
}
