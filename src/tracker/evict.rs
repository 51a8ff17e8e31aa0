//! Forgetting connections, so that memory stays bounded however long segments keep coming.

use super::case::Notes;
use super::table::Tracker;

impl<N: Notes> Tracker<N> {
    /// Forgets the connections for which `keep` is false, by index; the others move up, in their order. A later segment
    /// of a forgotten connection begins a new one, seen midstream.
    ///
    /// Takes time for all connections, so that many should be forgotten at once.
    pub fn evict(&mut self, keep: &[bool]) {
        let kept = |i: usize| keep.get(i).copied().unwrap_or(true);
        let mut moved = Vec::with_capacity(self.len());
        let mut next = 0_u32;
        for i in 0..self.len() {
            moved.push(next);
            next += u32::from(kept(i));
        }
        // The incarnation before, or the one before that, if it is still there.
        let latest_kept = |mut i: usize| loop {
            if kept(i) {
                return Some(i);
            }
            i = self.store.heads.previous(i)?;
        };
        let before = |i: usize| self.store.heads.previous(i).and_then(latest_kept);
        let previous: Vec<u32> =
            (0..moved.len()).filter(|i| kept(*i)).map(|i| before(i).map_or(0, |b| moved[b] + 1)).collect();
        // Each four-tuple's latest incarnations in its scopes, strung together again.
        let mut beside = vec![0_u32; next as usize];
        let mut heads = Vec::new();
        for head in self.latest.numbers() {
            let mut lane = Some(head as usize);
            let mut last: Option<u32> = None;
            while let Some(i) = lane {
                if let Some(stays) = latest_kept(i).map(|i| moved[i]) {
                    match last {
                        Some(last) => beside[last as usize] = stays + 1,
                        None => heads.push(stays),
                    }
                    last = Some(stays);
                }
                lane = self.store.heads.beside(i);
            }
        }
        self.store.evict(kept);
        for (i, (previous, beside)) in previous.into_iter().zip(beside).enumerate() {
            // A lone SYN that stays one hangs on nothing.
            if (previous, beside) != (0, 0) || self.store.heads.get(i).is_some() {
                let head = self.store.heads.open(i);
                (head.previous, head.beside) = (previous, beside);
            }
        }
        self.store.era = self.store.era.wrapping_add(1);
        self.latest.clear();
        self.recent.clear();
        self.many.clear();
        for head in heads {
            let [a, b] = *self.store.heads.sockets(head as usize);
            self.latest.insert(self.latest.hash(&a, &b), head);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::segment::{Flags, Options, ScopeId, Segment, Socket};
    use crate::time::Time;

    fn syn(port: u16, seq: u32, packet: u64) -> Segment {
        let at = |last, port| Socket { addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), port };
        Segment {
            time: Time(packet as i64 * 1_000_000_000),
            packet,
            src: at(1, port),
            dst: at(2, 80),
            scope: ScopeId(0),
            seq,
            ack: 0,
            len: 0,
            captured: 0,
            flags: Flags::SYN,
            window: 1_000,
            checksum: packet as u16,
            ip_id: packet as u16,
            ttl: 64,
            options: Options::default(),
        }
    }

    #[test]
    fn who_stays_is_found_and_who_goes_begins_anew() {
        let mut tracker = Tracker::new();
        for n in 0..10 {
            tracker.segment(&syn(1_000 + n, 7, u64::from(n) + 1));
        }
        let keep: Vec<bool> = (0..10).map(|i| i % 2 == 1).collect();
        tracker.evict(&keep);
        assert_eq!(tracker.connections().len(), 5);
        assert_eq!(tracker.segment(&syn(1_003, 7, 20)).connection, 1, "the second of those that stayed");
        assert_eq!(tracker.connections()[1].ends[0].packets, 2);
        assert_eq!(tracker.segment(&syn(1_002, 7, 21)).connection, 5, "a new one");
    }

    #[test]
    fn incarnations_keep_their_order() {
        let mut tracker = Tracker::new();
        for n in 0..4 {
            tracker.segment(&syn(1_000, 1_000 * (n + 1), u64::from(n) + 1));
        }
        assert_eq!(tracker.connections().len(), 4, "each with a new number");
        tracker.evict(&[true, false, true, true]);
        let previous: Vec<_> = (0..3).map(|i| tracker.previous(i)).collect();
        assert_eq!(previous, [None, Some(0), Some(1)], "each names the one before");
        let taken = tracker.segment(&syn(1_000, 4_000, 9));
        assert_eq!(taken.connection, 2, "the latest");
    }

    #[test]
    fn networks_are_still_told_apart() {
        let mut tracker = Tracker::new();
        let within = |vlan, packet| Segment { scope: ScopeId(vlan), ..syn(1_000, 7, packet) };
        for vlan in 0..4 {
            tracker.segment(&within(vlan, u64::from(vlan) + 1));
        }
        tracker.evict(&[false, true, false, true]);
        assert_eq!(tracker.connections().len(), 2);
        assert_eq!(tracker.segment(&within(1, 10)).connection, 0);
        assert_eq!(tracker.segment(&within(3, 11)).connection, 1);
        assert_eq!(tracker.segment(&within(2, 12)).connection, 2, "forgotten, so a new one");
    }
}
