//! Connections on tape that come after another one on the same four-tuple. They stay there as long as nothing can be of the
//! other: the sequence numbers of both lie so far apart that no segment fits both, and the other was over. What of it is
//! known when the next one begins ([`Next`]) stands at the head of its tape, where no more is written down.

use super::case::Notes;
use super::connection::{Connection, sender};
use super::heads::Head;
use super::kept::{How, Kept};
use super::mark::Mark;
use super::rules::Event;
use super::sequence::{NEAR, is_far, near};
use super::state::{Evidence, State};
use super::store::Store;
use super::table::Tracker;
use super::tape::{Tape, mark, own};
use super::textbook::Textbook;
use super::trace::Trace;
use crate::pack::block::Rows;
use crate::segment::{Flags, Segment};
use crate::time::Time;

/// Segments on a tape at most where the ports were used before, or can be again while it is there.
pub(super) const MOST_AGAIN: u8 = 48;
/// More than the numbers of two tapes, of [`MOST_AGAIN`] of the largest segments, come towards each other: where the ports are used
/// again there are no longer ones.
const APART: u32 = 1 << 23;

const _: () = assert!(APART > 2 * MOST_AGAIN as u32 * (NEAR + u16::MAX as u32 + 1));

/// Whether two sequence numbers lie so far apart.
fn apart(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).wrapping_add(APART) > 2 * APART
}

/// What took the four-tuple of a connection over: a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub time: Time,
    pub packet: u64,
    /// The end that sent it.
    pub sender: usize,
    /// The other end has accepted it.
    pub accepted: bool,
}

impl Connection {
    /// Its four-tuple is taken over by a SYN of end `x`. Whoever sends a SYN has no other connection there any more; a RST
    /// that it sent after the SYN was the answer to what the other end of this one still said.
    pub(super) fn is_replaced(&mut self, x: usize, (time, packet): (Time, u64)) {
        let reset_since = self.ends[x].log.get(Event::SndRst).is_some_and(|m| m.time > time);
        if reset_since || self.state_now(x) != State::Closed {
            self.ends[x].log.settle(Mark::sure(Event::Replaced, Evidence::Sent, time, packet));
        }
    }

    /// End `e` has accepted a SYN on the same four-tuple: whatever it still had of this one is gone.
    pub(super) fn is_superseded(&mut self, e: usize, (time, packet): (Time, u64)) {
        if self.state_now(e) != State::Closed {
            self.ends[e].log.settle(Mark::sure(Event::Replaced, Evidence::Confirmed, time, packet));
        }
    }

    /// Whether end `x` may begin another connection with a SYN.
    pub(super) fn is_over_for(&self, x: usize) -> bool {
        matches!(self.state_now(x), State::Closed | State::TimeWait | State::SynSent)
    }

    /// Whether nothing that is remembered of end `x` is like what it sends from `seq` on.
    fn is_apart(&self, x: usize, seq: u32) -> bool {
        let end = &self.ends[x];
        let gaps = end.gaps.as_ref();
        let reset = gaps.and_then(|gaps| gaps.reset.as_ref()).map(|(trace, _)| trace);
        let recent = gaps.map_or(&[][..], |gaps| &gaps.copies.recent);
        let like = |trace: &Trace| !apart(trace.seq, seq);
        (!end.seen || apart(end.next, seq))
            && end.isn.is_none_or(|isn| apart(isn, seq))
            && ![&end.last, &end.last_fin].into_iter().flatten().chain(recent).chain(reset).any(like)
    }

    /// Whether the SYN `seg` of end `x` can begin a connection of which nothing is like what is remembered of this one.
    fn may_be_followed(&self, x: usize, seg: &Segment) -> bool {
        let answer = self.ends[1 - x].gaps.as_ref().and_then(|gaps| gaps.reset.as_ref());
        let unlike = |trace: &Trace| !trace.flags.has(Flags::ACK) || apart(trace.ack, seg.seq);
        self.parked.is_none()
            && self.again_in.is_none()
            && self.is_in_scope(x, seg)
            && self.ends[x].seen
            && self.is_apart(x, seg.seq)
            && answer.is_none_or(|(trace, _)| unlike(trace))
            && self.is_over_for(x)
    }
}

impl Tape {
    /// From now on nothing is written down any more: a SYN of this time, `on` packets from the first one, begins another
    /// connection.
    fn end_with(&mut self, time: Time, on: u32, rows: &mut Rows) -> bool {
        let written = self.write_kept(rows);
        if written {
            let time = time.0 as u64;
            (self.stamps, self.on) = ([time as u32, (time >> 32) as u32], on);
        }
        written
    }

    /// What was noted so: time, and packets from the first one on.
    fn ended_with(&self) -> (Time, u32) {
        let [low, high] = self.stamps.map(u64::from);
        (Time((high << 32 | low) as i64), self.on)
    }

    /// Whether `seg` of end `x` is of this connection and not of one before it, if it fits this one.
    fn is_own(&self, x: usize, seg: &Segment) -> bool {
        let (seen, answered) = (self.has(own::SEEN, x), self.has(own::SEEN, 1));
        let begun = !self.has(own::PAST_SYN, 0);
        if !answered && seg.time < self.time {
            // When it began depends on the clock.
            return false;
        }
        if seg.has(Flags::SYN) {
            return !seg.has(Flags::RST) && (x == 0 && !seg.has(Flags::ACK) || x == 1 && begun && self.unique == 0);
        }
        if seg.has(Flags::RST) {
            let acks = seg.has(Flags::ACK);
            let fits = if seen { near(seg.seq, self.next[x]) } else { acks };
            // Before it is answered, one without an acknowledgment may be the answer to what the other still says.
            let answers = acks || answered || begun && seg.seq == self.next[x];
            return fits && answers && (x == 0 || !acks || near(seg.ack, self.next[0]));
        }
        seen
    }
}

impl Head {
    /// What came after it on its four-tuple, if it is on tape.
    pub(super) fn next(&self) -> Option<Next> {
        let (sender, accepted) = self.state.followed()?;
        let (time, on) = self.tape.ended_with();
        Some(Next { time, packet: self.first_packet.wrapping_add(on.into()), sender, accepted })
    }
}

impl<E: Notes> Store<E> {
    /// Writes `seg` down, as [`Store::record`] does, where it is not known yet which end sent it.
    #[inline(never)]
    pub(super) fn record_anew(&mut self, index: usize, seg: &Segment) -> bool {
        self.sender(index, seg).is_some_and(|x| self.record(index, x, seg))
    }

    /// Writes `seg` down, as [`Store::record`] does, if connection `index` is not the first on its four-tuple.
    #[inline(never)]
    pub(super) fn record_again(&mut self, index: usize, seg: &Segment) -> bool {
        let head = self.heads.open(index);
        if head.tape.count >= MOST_AGAIN {
            return false;
        }
        let x = sender(&head.sockets, seg);
        // What goes on where both have spoken can be of no other.
        if head.tape.record_widened(head.first_packet, x, seg, &mut self.rows) {
            return true;
        }
        if !head.tape.is_own(x, seg) {
            return false;
        }
        let answers = seg.has(Flags::SYN) && !head.tape.has(own::SEEN, x);
        let (first, old) = (head.first_packet, (head.previous as usize).saturating_sub(1));
        if answers && !self.is_answer_apart(old, first, seg) {
            return false;
        }
        let head = self.heads.open(index);
        let recorded = head.tape.record(first, x, seg, &mut self.rows);
        if recorded && answers {
            self.accept(old, index, seg);
        }
        recorded
    }

    /// Whether the SYN,ACK `seg` of the connection that begins with packet `first`, the one after `old`, begins a stream that
    /// nothing of that one is like.
    fn is_answer_apart(&self, old: usize, first: u64, seg: &Segment) -> bool {
        let head = self.heads.at(old);
        let e = usize::from(head.sockets[0] != seg.src);
        if let How::Tape = head.state.how() {
            let known = !head.tape.has(own::SEEN, e) || apart(head.tape.next[e], seg.seq);
            return known && head.next().is_some_and(|next| next.packet == first);
        }
        self.connection(old).is_apart(e, seg.seq)
    }

    /// The SYN of connection `new`, which came after `old`, was accepted with `seg`.
    fn accept(&mut self, old: usize, new: usize, seg: &Segment) {
        let state = self.heads.state(old);
        if let How::Tape = state.how() {
            self.heads.open(old).state = state.accepted();
            return;
        }
        let mut player = self.player(new);
        let Some(x) = player.advance() else { return };
        let syn = (player.segment(x).time, player.segment(x).packet);
        let case = self.case_mut(old);
        case.unsettle();
        let e = usize::from(case.connection.sockets[0] != seg.src);
        case.connection.is_superseded(e, syn);
    }

    /// Completes what the tape of connection `index` was played into.
    #[inline]
    pub(super) fn complete(&self, index: usize, connection: &mut Connection) {
        let head = self.heads.at(index);
        if head.state == Kept::on_tape(1) || head.tape.is_empty() {
            return;
        }
        connection.incarnation = head.state.incarnation();
        if let Some(Next { time, packet, sender, accepted }) = head.next() {
            connection.is_replaced(sender, (time, packet));
            if accepted {
                connection.is_superseded(1 - sender, (time, packet));
            }
        }
    }

    /// Ends connection `old`, which the SYN `seg` of its end `x` follows, if it was over and nothing can be of both. Its
    /// incarnation.
    fn follow(&mut self, old: usize, x: usize, seg: &Segment) -> Option<u32> {
        let head = self.heads.at(old);
        let How::Tape = head.state.how() else {
            if !self.case_mut(old).connection.may_be_followed(x, seg) || !self.is_apart_from_before(old, seg) {
                return None;
            }
            let case = self.case_mut(old);
            case.unsettle();
            case.connection.is_replaced(x, (seg.time, seg.packet));
            return Some(case.connection.incarnation);
        };
        let tape = &head.tape;
        let fits = head.state.is_growing()
            && tape.scope == seg.scope
            && tape.count <= MOST_AGAIN
            && tape.has(own::SEEN, x)
            && apart(tape.next[x], seg.seq)
            && (tape.marks & mark::RESET == 0 || self.has_near_resets(old));
        let on = u32::try_from(seg.packet.wrapping_sub(head.first_packet)).ok()?;
        if !fits || !self.is_apart_from_before(old, seg) || !self.is_over_for(old, x) {
            return None;
        }
        let head = self.heads.open(old);
        if !head.tape.end_with(seg.time, on, &mut self.rows) {
            return None;
        }
        let incarnation = head.state.incarnation();
        head.state = head.state.followed_by(x);
        Some(incarnation)
    }

    /// Whether end `x` of connection `index`, which is on tape, may begin another connection with a SYN.
    fn is_over_for(&self, index: usize, x: usize) -> bool {
        if self.heads.at(index).tape.is_lone_syn() || self.is_textbook(index) {
            debug_assert!(self.connection(index).is_over_for(x));
            return true;
        }
        let c = self.connection(index);
        c.ends[x].seen && c.is_over_for(x)
    }

    /// Whether connection `index`, on tape, is a textbook one.
    #[inline(never)]
    fn is_textbook(&self, index: usize) -> bool {
        let mut book = Textbook::default();
        let Some(mut reading) = self.textbook(index, &mut book) else { return false };
        while reading.advance().is_some() {}
        reading.is_whole()
    }

    /// Whether each RST on the tape of connection `index` has numbers like those of the other segments.
    fn has_near_resets(&self, index: usize) -> bool {
        let tape = self.heads.at(index).tape;
        let mut player = self.player(index);
        while let Some(x) = player.advance() {
            let seg = player.segment(x);
            let (own, acks) = (tape.has(own::SEEN, x), seg.has(Flags::ACK));
            let fits = if own { !is_far(seg.seq, tape.next[x]) } else { acks };
            let acknowledges = !acks || !tape.has(own::SEEN, 1 - x) || !is_far(seg.ack, tape.next[1 - x]);
            if seg.has(Flags::RST) && !(fits && acknowledges) {
                return false;
            }
        }
        true
    }

    /// Whether the SYN `seg` is no copy of one before connection `old`.
    fn is_apart_from_before(&self, old: usize, seg: &Segment) -> bool {
        let Some(before) = self.heads.previous(old) else { return true };
        let head = self.heads.at(before);
        let e = usize::from(head.sockets[0] != seg.src);
        match head.state.how() {
            How::Tape => !head.tape.has(own::SEEN, e) || apart(head.tape.next[e], seg.seq),
            _ => self.connection(before).is_apart(e, seg.seq),
        }
    }
}

impl<N: Notes> Tracker<N> {
    /// Takes `seg`, which belongs to the four-tuple found through `head`, but could not be written down there. The index of
    /// its connection.
    #[inline(never)]
    pub(super) fn pass_on(&mut self, mut head: usize, hash: u32, seg: &Segment) -> usize {
        if let Some(slot) = self.store.slot(head)
            && self.store.take_steady(head, slot, seg)
        {
            return head;
        }
        if self.store.heads.state(head).followed().is_some()
            && let Some(latest) = self.head(&seg.src, &seg.dst, hash).filter(|latest| *latest != head)
        {
            // Another has taken its place since it was looked up.
            head = latest;
            if self.store.record_anew(head, seg) {
                return head;
            }
        }
        let new = self.push_tape_again(head, hash, seg);
        new.unwrap_or_else(|| self.segment_at(Some(head), hash, seg).connection)
    }

    /// The next connection after `old`, through which those on its four-tuple are found, on tape, if `seg` begins one that
    /// can be there. Its index.
    #[inline(never)]
    fn push_tape_again(&mut self, old: usize, hash: u32, seg: &Segment) -> Option<usize> {
        let head = self.store.heads.at(old);
        let [a, b] = &head.sockets;
        if !Tape::begins_plainly(seg) || head.beside != 0 || a == b {
            return None;
        }
        let x = sender(&head.sockets, seg);
        let incarnation = self.store.follow(old, x, seg)?.wrapping_add(1);
        let new = self.store.push_tape(seg, Kept::on_tape(incarnation), old as u32 + 1)?;
        self.latest.replace(hash, old as u32, new as u32);
        // Who has looked `old` up before sees what came of it, if it is on tape.
        if self.store.heads.state(old).followed().is_none() {
            self.store.era = self.store.era.wrapping_add(1);
        }
        self.recent.forget(seg);
        Some(new)
    }
}
