//! A tape on which something comes again, while nothing is lost, late or a copy: a SYN or a FIN that is sent once more, a
//! keepalive, a window probe, an acknowledgment that says nothing new; or that begins in the middle of a connection. At a
//! glance such a connection comes to as little as one that is orderly, and is not played for that.

use super::player::Player;
use super::tape::{Tape, own};
use super::trace::Trace;
use crate::segment::{Flags, Segment};
use crate::time::Time;

/// What of [`Tape::disorder`] says that payload came again, or out of order, or an end told of that: it is no such tape.
const TANGLED: u8 = 1 << 7;

/// What it, or an orderly one, comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AtGlance {
    /// Payload bytes, each counted once.
    pub unique: u32,
    /// The end that did not begin it has sent something.
    pub answered: bool,
    /// Its SYN was repeated before an answer came.
    pub syn_again: bool,
    /// It was open when the capture began.
    pub begun_before: bool,
}

/// What is known of one end.
#[derive(Clone, Copy, Default)]
struct End {
    /// The end of its stream, once there is one.
    next: Option<u32>,
    /// What it acknowledged last.
    acked: Option<u32>,
    /// It has sent its FIN.
    closed: bool,
    /// Its last segment, and its last FIN.
    last: Option<Trace>,
    last_fin: Option<Trace>,
}

impl End {
    /// Whether `seg` of it may be a copy of what it sent before: `Connection::is_copy` asks more where there were some.
    fn may_copy(&self, seg: &Segment) -> bool {
        let before = [&self.last, &self.last_fin];
        before.into_iter().flatten().any(|trace| trace.is_copied_by(seg) || trace.is_before_timers(seg))
    }
}

/// A tape as far as it was read.
struct Page {
    ends: [End; 2],
    /// The least MSS announced.
    mss: u32,
    now: Time,
    /// A RST was sent: what comes after it is another question.
    reset: bool,
    told: AtGlance,
}

impl Tape {
    /// What it comes to if it is orderly, or such a one; `player` plays it.
    pub fn at_glance<'a>(&self, player: impl FnOnce() -> Player<'a>) -> Option<AtGlance> {
        match self.orderly_and_answered() {
            Some((unique, answered)) => Some(AtGlance { unique, answered, ..AtGlance::default() }),
            None if self.disorder & TANGLED != 0 => None,
            None => AtGlance::of(player()),
        }
    }

    /// What `seg` of end `x`, which is not the next in order, adds to [`Tape::disorder`].
    pub(super) fn disorder_by(&self, x: usize, seg: &Segment) -> u8 {
        let tangles = seg.len > 0 && self.has(own::SEEN, x) && seg.seq != self.next[x & 1];
        1 | if tangles || seg.options.sack_blocks != 0 { TANGLED } else { 0 }
    }

    /// How many payload bytes passed, and whether end 1 spoke, if it is orderly.
    #[inline]
    pub(super) fn orderly_and_answered(&self) -> Option<(u32, bool)> {
        Some((self.orderly()?, self.has(own::SPOKE, 1)))
    }
}

impl AtGlance {
    /// What the tape in `player` comes to, if it is such a one.
    fn of(mut player: Player<'_>) -> Option<AtGlance> {
        let ends = Default::default();
        let mut page =
            Page { ends, mss: u16::MAX.into(), now: Time(i64::MIN), reset: false, told: AtGlance::default() };
        let mut first = true;
        while let Some(x) = player.advance() {
            let seg = player.segment(x);
            page.told.begun_before |= std::mem::take(&mut first) && seg.flags.control() & Flags::SYN.0 == 0;
            if !page.take(x & 1, seg) {
                return None;
            }
        }
        // Where only one end of an open connection was captured that may be said of the capture.
        (!page.told.begun_before || page.told.answered).then_some(page.told)
    }
}

impl Page {
    /// Takes `seg` of end `x`. Whether it is one that may be there.
    #[inline(always)]
    fn take(&mut self, x: usize, seg: &Segment) -> bool {
        if self.reset || seg.options.cut || seg.options.sack_blocks != 0 || seg.time < self.now {
            return false;
        }
        let there = match seg.flags.control() {
            control if control & !Flags::FIN.0 == Flags::ACK.0 => self.goes_on(x, seg),
            control if control & Flags::RST.0 != 0 => {
                self.reset = true;
                // With SYN it tells who is the client.
                seg.len == 0 && control & Flags::SYN.0 == 0
            }
            control => seg.len == 0 && self.opens(x, control, seg),
        };
        self.told.answered |= x == 1;
        self.now = seg.time;
        if self.reset {
            return there;
        }
        self.mss = self.mss.min(seg.options.mss.map_or(self.mss, u32::from));
        let own = &mut self.ends[x];
        own.last = Some(Trace::of(seg));
        if seg.has(Flags::FIN) {
            own.last_fin = own.last;
        }
        if seg.has(Flags::ACK) {
            own.acked = Some(seg.ack);
        }
        there
    }

    /// A segment with neither SYN nor RST.
    #[inline(always)]
    fn goes_on(&mut self, x: usize, seg: &Segment) -> bool {
        let [a, b] = &mut self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        if self.told.begun_before {
            // Both streams are known from the first segment on, and what is acknowledged first is all there was.
            own.next.get_or_insert(seg.seq);
            let theirs = *peer.next.get_or_insert(seg.ack);
            if own.acked.is_none() && seg.ack != theirs {
                return false;
            }
        }
        let (Some(next), Some(theirs)) = (own.next, peer.next) else { return false };
        let fin = seg.has(Flags::FIN);
        // A FIN at the time of the segment before counts as sent after that.
        if theirs.wrapping_sub(seg.ack) >= 1 << 16 || fin && seg.time == self.now {
            return false;
        }
        let content = fin || seg.len > 0;
        if seg.seq == next {
            own.next = Some(seg.end());
            self.told.unique = self.told.unique.wrapping_add(seg.len);
            if !content {
                return own.acked != Some(seg.ack) || !own.may_copy(seg);
            }
            let there = !own.closed && seg.len <= self.mss;
            own.closed |= fin;
            return there;
        }
        // One below the end: the FIN again, or a keepalive or probe, which acknowledges nothing new.
        let again = if fin { own.closed } else { own.acked == Some(seg.ack) };
        seg.seq.wrapping_add(1) == next && seg.len == 0 && again && !own.may_copy(seg)
    }

    /// One with SYN.
    fn opens(&mut self, x: usize, control: u16, seg: &Segment) -> bool {
        const SYN_ACK: u16 = Flags::SYN.0 | Flags::ACK.0;
        let [a, b] = &mut self.ends;
        match (x, control) {
            (0, control) if control == Flags::SYN.0 => {
                let again = a.next.is_some();
                let there = !again || seg.time > self.now && a.next == Some(seg.end()) && !a.may_copy(seg);
                a.next = Some(seg.end());
                self.told.syn_again |= again;
                there && b.next.is_none()
            }
            (1, SYN_ACK) => {
                let there = b.next.is_none() && a.next == Some(seg.ack);
                b.next = Some(seg.end());
                there
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::Noted;
    use crate::pack::Pack;
    use crate::pack::block::Rows;
    use crate::segment::{Options, Socket, Timestamps};
    use crate::tracker::case::{Notes, Scratch};
    use crate::tracker::facts::client_by_ports;

    fn sockets() -> [Socket; 2] {
        [40_000, 443].map(|port| Socket { addr: [192, 0, 2, 1].into(), port })
    }

    /// Which end, what it sends, what it acknowledges, its length, window and identification, how much later its clock is,
    /// and how much later it was captured.
    type Act = (usize, u8, u8, u32, u16, u16, u32, i64);

    fn act() -> impl Strategy<Value = Act> {
        let later = prop_oneof![
            3 => 0..3_000_000_i64, 2 => 0..150_000_000_i64, 3 => 0..4_000_000_000_i64, 1 => Just(0_i64), 1 => Just(1_000_000_000)
        ];
        let what = prop_oneof![4 => Just(0_u8), 4 => Just(1_u8), 6 => 2..6_u8, 1 => 6..16_u8];
        let acked = prop_oneof![6 => Just(0_u8), 3 => Just(1_u8), 1 => 2..5_u8];
        let window = prop_oneof![4 => Just(500_u16), 1 => Just(0_u16), 1 => any::<u16>()];
        (0..2_usize, what, acked, 0..300_u32, window, 0..3_u16, 0..2_u32, later)
    }

    /// A connection in which `acts` follow so many segments of a handshake.
    fn segments(opened: usize, isns: [u32; 2], stamps: u8, mss: Option<u16>, acts: &[Act]) -> Vec<Segment> {
        let opening =
            [(0, 16, 0, 0, 500, 1, 1, 9_000), (1, 17, 0, 0, 500, 1, 1, 5_000_000), (0, 1, 0, 0, 500, 1, 1, 20)];
        let (mut next, mut acked, mut clock) = (isns, [0; 2], [7_u32, 90_000]);
        let (mut time, mut list) = (1_700_000_000_000_000_000, Vec::<Segment>::new());
        let opening = &opening[..opened];
        for (x, what, known, len, window, ip_id, tick, later) in opening.iter().chain(acts).copied() {
            let (y, one) = (1 - x, next[x].wrapping_sub(1));
            time += later;
            clock[x] = clock[x].wrapping_add(tick);
            let (seq, len, flags) = match what {
                0 => (next[x], len, Flags::ACK),
                1 | 2 => (next[x], 0, Flags::ACK),
                3 => (one, 0, Flags::ACK),
                4 => (one, 0, Flags::ACK | Flags::FIN),
                5 | 16 if x == 0 => (isns[x], 0, Flags::SYN),
                6 | 17 => (isns[x], 0, Flags::SYN | Flags::ACK),
                7 => (next[x], 0, Flags::ACK | Flags::FIN),
                8 => (next[x], 0, Flags::RST),
                9 => (next[x].wrapping_sub(len), len, Flags::ACK),
                10 => (one, 1, Flags::ACK),
                11 => (next[x].wrapping_add(len), 10, Flags::ACK),
                12 => (next[x], len, Flags::ACK | Flags::FIN),
                13 => (next[x], 0, Flags::RST | Flags::ACK),
                14 => (next[x], 0, Flags::SYN | Flags::RST | Flags::ACK),
                15 => (next[x], 0, Flags::SYN | Flags::RST),
                _ => (next[x], 0, Flags::ACK),
            };
            let ack = match known {
                0 => next[y],
                1 => acked[x],
                2 => next[y].wrapping_sub(len),
                3 => next[y].wrapping_add(1),
                _ => isns[y],
            };
            let stamped = stamps >> x & 1 == 1;
            let timestamps = stamped.then_some(Timestamps { value: clock[x], echo: clock[y] });
            let mss = mss.filter(|_| flags.has(Flags::SYN));
            let (src, dst) = (sockets()[x], sockets()[y]);
            let ack = if flags.has(Flags::ACK) { ack } else { 0 };
            let packet = list.len() as u64 + 1;
            let named = if stamps & 4 == 0 { 0 } else { ip_id };
            let seg = Segment {
                time: Time(time),
                packet,
                src,
                dst,
                seq,
                ack,
                len,
                captured: len,
                flags,
                window,
                ip_id: named,
                options: Options { mss, timestamps, ..Options::default() },
                ..Segment::blank()
            };
            if !flags.has(Flags::RST) && seg.end().wrapping_sub(next[x]) < 1 << 30 {
                next[x] = seg.end();
            }
            acked[x] = if flags.has(Flags::ACK) { ack } else { acked[x] };
            list.push(seg);
        }
        list
    }

    /// What the tape comes to at a glance, and what it does when it is played.
    fn both(segments: &[Segment]) -> Option<[String; 2]> {
        let (ends, mut rows) = ([segments[0].src, segments[0].dst], Rows::default());
        let mut tape = Tape::new(&segments[0]);
        let mut scratch = Scratch::<Noted>::default();
        scratch.0.restart(&segments[0]);
        for seg in segments {
            let x = usize::from(seg.src != ends[0]);
            if !tape.record(1, x, seg, &mut rows) {
                return None;
            }
            scratch.0.take(x, seg, 0);
        }
        let told = tape.at_glance(|| tape.player(&ends, 1, &rows))?;
        let client = told.begun_before.then(|| client_by_ports(&ends));
        let short = Noted::glance_at_orderly(told.unique, told.answered, told.syn_again, client);
        Some([format!("{short:?}"), format!("{:?}", scratch.0.notes.glance(&scratch.0.connection))])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_comes_again_tells_no_more_when_it_is_played(
            opened in prop_oneof![5 => Just(3_usize), 1 => Just(1), 3 => Just(0)],
            isns in prop::array::uniform2(prop_oneof![Just(u32::MAX - 200), any::<u32>()]),
            (stamps, mss) in (0..8_u8, prop::option::of(100..1_460_u16)),
            acts in prop::collection::vec(act(), 1..14),
        ) {
            if let Some([short, long]) = both(&segments(opened, isns, stamps, mss, &acts)) {
                prop_assert_eq!(short, long);
            }
        }
    }

    #[test]
    fn syns_and_fins_again_and_probes_are_told_at_a_glance() {
        let second = 1_000_000_000;
        let syns = [(0, 5, 0, 0, 500, 1, 1, second), (0, 5, 0, 0, 500, 1, 1, 2 * second)];
        assert!(both(&segments(1, [5, 9], 1, None, &syns)).is_some_and(|[short, long]| short == long));
        let probes = [
            (0, 0, 0, 100, 500, 1, 1, 100),
            (1, 1, 0, 0, 500, 1, 1, 100),
            (0, 3, 0, 0, 500, 1, 1, 15 * second),
            (1, 2, 0, 0, 500, 1, 1, 100),
            (1, 2, 0, 0, 0, 1, 1, 100),
            (0, 7, 0, 0, 500, 1, 1, 100),
            (0, 4, 0, 0, 500, 1, 1, second),
            (1, 1, 0, 0, 500, 1, 1, 100),
        ];
        let [short, long] = both(&segments(3, [5, 9], 3, None, &probes)).unwrap();
        assert_eq!(short, long);
    }
}
