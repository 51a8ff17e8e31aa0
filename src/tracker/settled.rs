//! Connections that are settled: both ends have been closed for so long that no segment of them is still to come, and what
//! became of them no longer depends on when it is asked.

use std::ops::Range;

use super::case::{Notes, Scratch};
use super::kept::How;
use super::profile::Profile;
use super::state::{State, States};
use super::store::Store;
use super::table::Tracker;
use super::timers;
use super::verdict::{Verdict, Weighing};
use crate::time::{Span, Time};

/// How long after the last timer a segment may still come: for timers that run out late, delay on the way, and clocks that
/// do not quite agree.
const LATE: Span = Span(timers::LATE.0 + Span::secs(2).0);

/// What finding it out takes room for: made once, and used for one connection after the other.
pub struct Workspace<N> {
    scratch: Scratch<N>,
    weighing: Weighing,
}

impl<N: Notes> Default for Workspace<N> {
    fn default() -> Workspace<N> {
        Workspace { scratch: Scratch::default(), weighing: Weighing::default() }
    }
}

/// How long after its latest segment a connection is settled, if both ends are closed.
pub fn after(profile: &Profile) -> Span {
    Span(profile.two_msl.0.saturating_add(LATE.0))
}

/// Whether a connection can be settled that began and ended within this time.
pub fn within(span: Span, profile: &Profile) -> bool {
    span >= after(profile)
}

/// What both ends may be in, if they are closed.
fn possible(verdicts: &[Verdict; 2]) -> Option<[States; 2]> {
    let closed = verdicts.iter().all(|verdict| verdict.state() == State::Closed);
    closed.then(|| verdicts.each_ref().map(|verdict| verdict.possible))
}

/// Whether both ends are closed at `now`, and no timer will rule out what else they may be in by `weigh`: who missed the RST
/// that refused its SYN gives up in the end.
fn is_over(now: Time, profile: &Profile, mut weigh: impl FnMut(Time) -> Option<[States; 2]>) -> bool {
    let Some(possible) = weigh(now) else { return false };
    let later = now + profile.syn_sent.max(profile.syn_rcvd).max(profile.two_msl);
    possible.iter().all(|states| states.len() == 1) || weigh(later) == Some(possible)
}

impl<N: Notes> Tracker<N> {
    /// Whether connection `i` is settled at `now`. A four-tuple is free for another connection after 2MSL (RFC 9293 §3.4.1);
    /// until then, and a little longer, nothing may have come of it.
    pub fn is_settled(&self, i: usize, now: Time, profile: &Profile, workspace: &mut Workspace<N>) -> bool {
        let least = after(profile);
        let head = self.store.heads.at(i);
        match head.state.how() {
            How::Tape if head.tape.quiet(now) < least => return false,
            How::Tape if head.tape.is_closed() => return true,
            How::Record(slot) if now - self.store.records[slot].connection.last < least => return false,
            How::Packed(_) if now - self.connection(i).last < least => return false,
            _ => {}
        }
        let Workspace { scratch, weighing } = workspace;
        if let Some(lone) = self.lone(i) {
            return is_over(now, profile, |time| possible(weighing.weigh_lone(&lone, time, profile)));
        }
        let c = &self.look(i, scratch).connection;
        c.parked.is_none() && is_over(now, profile, |time| possible(c.weigh(time, profile, weighing)))
    }

    /// Lets go of what connections before `end` are found by, where that is all that can be asked of them: they are looked at.
    pub fn let_go(&mut self, end: usize) {
        if !self.has_incarnations() {
            self.store.heads.let_go(end);
        }
    }

    /// [Releases](Tracker::release) these connections, lone SYNs a piece at a time: they have nothing to be let go of.
    pub fn release_all(&mut self, range: Range<usize>) {
        let mut i = range.start;
        while i < range.end {
            let lone = self.store.heads.lone_from(i);
            if lone == 0 {
                self.release(i);
            }
            i += lone.max(1);
        }
    }

    /// Lets go of the segments of connection `i`, if they are only written down, when no more come of any.
    pub fn release(&mut self, i: usize) {
        let Store { heads, rows, .. } = &mut self.store;
        // A lone SYN has none.
        let Some(head) = heads.get(i) else { return };
        let previous = heads.previous(i);
        // The one after it is looked at together with it.
        let is_over = head.state.followed().is_none();
        if !is_over {
            heads.open(i).tape.set_aside(rows);
        }
        for i in is_over.then_some(i).into_iter().chain(previous) {
            if matches!(heads.state(i).how(), How::Tape) {
                heads.open(i).tape.release(rows);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Pack;
    use crate::segment::{Flags, Segment, Socket};

    /// What end `x` sends as packet `n`, at `time`.
    fn segment(x: usize, n: u64, time: i64) -> Segment {
        let ends = [1, 2].map(|last| Socket { addr: [10, 0, 0, last].into(), port: 80 });
        let flags = if n == 1 { Flags::SYN } else { Flags::ACK };
        let (seq, ack) = if n == 1 { (7, 0) } else { (8, 8) };
        let (time, src, dst) = (Time(time), ends[x], ends[1 - x]);
        Segment { time, packet: n, src, dst, flags, seq, ack, ..Segment::blank() }
    }

    /// A tracker with a connection of these segments on tape.
    fn taped(segments: &[Segment]) -> Tracker {
        let mut tracker = Tracker::new();
        for seg in segments {
            let ahead = tracker.ahead(seg);
            assert_eq!(tracker.pass(seg, ahead), 0);
        }
        tracker
    }

    /// Near, far, at the edge of what fits, and back.
    #[test]
    fn times_and_packets_are_read_as_they_were_written() {
        const SECOND: i64 = 1_000_000_000;
        let edge = i64::from(u32::MAX);
        let steps = [
            (1, edge),
            (1, edge + 1),
            (0xffff, 0),
            (0x1_0000, 1),
            (3, -1),
            (5, -90_000 * SECOND),
            (0x100_0000, 4_000 * SECOND),
            (1, 90_000 * SECOND),
            (0xf000_0000, 5),
        ];
        let (mut n, mut time) = (1, 1_700_000_000 * SECOND);
        let mut segments = vec![segment(0, n, time)];
        for (i, (on, later)) in steps.into_iter().enumerate() {
            (n, time) = (n + on, time + later);
            segments.push(segment((i + 1) % 2, n, time));
        }
        let tracker = taped(&segments);
        assert!(matches!(tracker.store.heads.state(0).how(), How::Tape));
        let mut player = tracker.store.player(0);
        for expected in &segments {
            let x = player.advance().expect("as many segments");
            let seg = player.segment(x);
            assert_eq!((seg.time, seg.packet, seg.src), (expected.time, expected.packet, expected.src));
        }
        assert_eq!(player.advance(), None);
    }

    #[test]
    fn a_tape_is_quiet_since_the_latest_time_on_it() {
        let quiet = |times: &[i64], now| {
            let segments: Vec<Segment> = times.iter().zip(1..).map(|(time, n)| segment(0, n, *time)).collect();
            taped(&segments).store.heads.at(0).tape.quiet(Time(now)).0
        };
        assert_eq!(quiet(&[5, 9], 100), 91);
        let clock = [0, 1 << 37, 1 << 35, (1 << 35) + 7, 1 << 36];
        for n in 1..=clock.len() {
            let latest = *clock[..n].iter().max().expect("a time");
            let exact = (1 << 51) - latest;
            let least = exact - ((n as i64) << 30);
            assert!((least..=exact).contains(&quiet(&clock[..n], 1 << 51)), "{n}");
        }
        assert_eq!(quiet(&[0, 1 << 37, 1 << 35, (1 << 37) + (1 << 35)], 1 << 38), (1 << 37) - (1 << 35));
        assert!(quiet(&[0, 1 << 50, 1 << 40], 1 << 51) <= 0, "too far back to be told");
        assert!(quiet(&[i64::MAX, i64::MIN, 0], i64::MAX) <= 0);
    }

    #[test]
    fn fins_without_ack_close_nothing_on_tape() {
        let mut segments: Vec<Segment> = (1..8).map(|n| segment((n as usize + 1) % 2, n as u64, n)).collect();
        segments[1] = Segment { flags: Flags::SYN | Flags::ACK, seq: 7, ..segments[1] };
        segments[2].ack = 8;
        for fin in &mut segments[3..5] {
            (fin.flags, fin.ack) = (Flags::FIN, 0);
        }
        // Payload in their place, acknowledged.
        segments[5] = Segment { len: 1, ..segments[5] };
        segments[6] = Segment { len: 1, ack: 9, ..segments[6] };
        let last = Segment { seq: 9, ack: 9, ..segment(1, 8, 8) };
        segments.push(last);
        let tracker = taped(&segments);
        assert!(matches!(tracker.store.heads.state(0).how(), How::Tape));
        let now = Time(0) + Span::secs(7_200);
        assert!(!tracker.is_settled(0, now, &Profile::default(), &mut Workspace::default()));
        for fin in &mut segments[3..5] {
            (fin.flags, fin.ack) = (Flags::FIN | Flags::ACK, 8);
        }
        assert!(taped(&segments).is_settled(0, now, &Profile::default(), &mut Workspace::default()));
    }

    #[test]
    fn a_refused_client_is_settled_when_it_would_have_given_up() {
        let refusal = Segment { flags: Flags::RST | Flags::ACK, seq: 0, ack: 8, ..segment(1, 2, 7_000_000) };
        let tracker = taped(&[segment(0, 1, 0), refusal]);
        let settled =
            |secs| tracker.is_settled(0, Time(0) + Span::secs(secs), &Profile::default(), &mut Workspace::default());
        // It may not have received the RST, and be in SYN_SENT.
        assert!(!settled(100));
        assert!(settled(400));
    }

    #[test]
    fn what_is_released_has_no_segments() {
        let mut tracker = taped(&[segment(0, 1, 0), segment(1, 2, 5)]);
        let other = Segment { src: Socket { port: 81, ..segment(0, 1, 0).src }, ..segment(0, 3, 9) };
        let ahead = tracker.ahead(&other);
        assert_eq!(tracker.pass(&other, ahead), 1);
        let whole = format!("{:?}", tracker.connection(1));
        tracker.release(0);
        tracker.release(0);
        // The place has held another connection.
        let mut places = [(); 2].map(|()| Scratch::default());
        tracker.look(1, &mut places[0]);
        tracker.look(1, &mut places[1]);
        assert_eq!(tracker.look(0, &mut places[0]).connection.ends[0].packets, 0);
        [0, 1].into_iter().for_each(|i| tracker.prefetch_tape(i));
        tracker.look_all(&[Some(1), Some(0)], &mut places);
        assert_eq!(tracker.looked(0, &places[1]).connection.ends[0].packets, 0);
        assert_eq!(format!("{:?}", tracker.looked(1, &places[0]).connection), whole);
        assert_eq!(tracker.connection(0).ends.each_ref().map(|e| e.packets), [0; 2]);
        tracker.glance(0, &mut places[0]);
        let mut book = crate::tracker::Textbook::default();
        assert!(
            tracker.textbook(0, &mut book).is_none_or(|mut reading| reading.advance().is_none() && !reading.is_whole())
        );
        tracker.is_settled(0, Time(i64::MAX), &Profile::default(), &mut Workspace::default());
        tracker.connection(0).verdicts(Time(9), &Profile::default());
        tracker.evict(&[false, true]);
        assert_eq!(format!("{:?}", tracker.connection(0)), whole);
    }
}
