//! A connection that closes in order: a FIN that continues its stream, and what comes in order behind the first one. Of all the
//! questions asked of a segment those remain that a FIN raises.

use super::connection::{Class, Connection};
use super::rules::{Event, Events};
use super::sequence::before;
use super::trace::Trace;
use super::usual::NEAR;
use crate::segment::{Flags, Segment};

/// What it does not close in order after.
const BROKEN: Events = Events::of(&[Event::SndRst, Event::RcvRst, Event::Replaced]);

impl Connection {
    /// Takes `seg` of end `x`, which has FIN or comes after one, in short if it is in order; `None` leaves all as it was. Everything
    /// here is what [`Connection::take`] comes to for it.
    #[inline(never)]
    pub(super) fn closing(&mut self, x: usize, seg: &Segment) -> Option<(Class, bool)> {
        if !self.closes_in_order(x, seg) {
            return None;
        }
        let (now, fin, content) = (seg.time, seg.has(Flags::FIN), seg.seq_len() > 0);
        (self.last, self.last_packet) = (now, seg.packet);
        let [a, b] = &mut self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        let (news, peer_fin) = (peer.acked != Some(seg.ack), peer.fin);
        own.packets += 1;
        own.bytes += u64::from(seg.len);
        peer.unanswered = 0;
        if news {
            if let Some(last) = &peer.last
                && seg.ack == peer.next
                && peer.last_content.0 == last.time.into()
            {
                own.note_turnaround(now - last.time);
            }
            peer.acked = Some(seg.ack);
        }
        if let Some(fin) = peer_fin {
            if before(seg.ack, fin) {
                own.without_peer_fin = now.into();
                self.disprove(x, Event::RcvFin, now);
            } else {
                self.confirm_fin(x, seg);
            }
        }
        self.confirm_ack_of_fin(x, seg);
        if fin {
            self.sends_fin(x, seg, news);
        }
        if content {
            let own = &mut self.ends[x & 1];
            own.next = seg.end();
            (own.contiguous, own.last_content) = (own.next, (now.into(), seg.packet));
            if self.before != 0 {
                self.had_not_closed(x);
            }
        }
        self.offer_to(1 - x, seg);
        let own = &mut self.ends[x & 1];
        own.last = Some(Trace::of(seg));
        if fin {
            own.last_fin = own.last;
        }
        own.offer(seg);
        Some((if content { Class::New } else { Class::Ack }, news))
    }

    /// Whether `seg` of end `x` is in order: nothing is missing or captured twice, and its sender was open.
    #[inline(always)]
    fn closes_in_order(&self, x: usize, seg: &Segment) -> bool {
        let [a, b] = &self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        let (Some(last), Some(acked)) = (&own.last, peer.acked) else { return false };
        let distances = seg.len
            | own.next.wrapping_sub(own.acked.unwrap_or(own.next))
            | seg.ack.wrapping_sub(acked)
            | peer.next.wrapping_sub(seg.ack);
        seg.flags.control() & !Flags::FIN.0 == Flags::ACK.0
            // At the same time, it may be the clock that errs.
            && seg.time > self.last
            && (!last.is_like(seg) || last.flags != seg.flags)
            && self.scopes[x & 1] == Some(seg.scope)
            && seg.seq == own.next
            && own.contiguous == own.next
            && peer.contiguous == peer.next
            && own.seen
            && peer.seen
            && own.is_tidy()
            && peer.is_tidy()
            && distances < NEAR
            && (own.fin.is_none() || seg.seq_len() == 0)
            && own.last_fin.as_ref().is_none_or(|fin| own.fin.is_some() && !fin.is_like(seg))
            && !own.log.has_any(BROKEN)
            && !peer.log.has_any(BROKEN)
            // One byte may be a probe.
            && if self.before != 0 { seg.len != 1 || seg.has(Flags::FIN) } else { own.log.is_proven() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::usual::tests::{Ways, conversation, play};

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_close_in_short_comes_to_what_it_does_at_length(
            opened in prop::bool::weighted(0.8),
            isn in prop::array::uniform2(prop_oneof![Just(1_000_u32), Just(u32::MAX - 300), any::<u32>()]),
            acts in prop::collection::vec((
                0_usize..2,
                prop_oneof![4 => Just(0_u8), 4 => Just(4_u8), 1 => Just(12_u8), 4 => Just(7_u8), 1 => 0_u8..13],
                prop_oneof![8 => Just(0_u8), 3 => Just(5_u8), 1 => 0_u8..10],
                prop_oneof![3 => Just(0_u32), 4 => Just(100), 2 => 0_u32..4, 1 => Just(1 << 28)],
            ), 1..20),
        ) {
            play(&conversation(opened, isn, &acts));
        }
    }

    #[test]
    fn a_plain_close_goes_the_short_way() {
        let open = [(0, 0, 0, 100), (1, 0, 0, 100)];
        for close in
            [&[(0, 7, 0, 0), (1, 4, 0, 0), (1, 7, 0, 0), (0, 4, 0, 0)][..], &[(1, 7, 0, 0), (0, 7, 0, 0), (1, 4, 0, 0)]]
        {
            let Ways { closing, .. } = play(&conversation(true, [1_000, u32::MAX - 50], &[&open, close].concat()));
            assert_eq!(closing, close.len());
        }
    }
}
