//! Where one incarnation of a four-tuple ends and the next begins (RFC 9293 §3.6.1, RFC 6191, RFC 1122 §4.2.2.13).

use super::case::Notes;
use super::connection::Connection;
use super::mark::Mark;
use super::rules::Event;
use super::sequence::{before, is_far, within};
use super::state::{Evidence, State};
use super::table::Tracker;
use crate::segment::{Flags, Segment};
use crate::time::Span;

/// Nobody waits longer between two SYNs: Linux 64 s, before the last (`tcp_syn_retries` 6), and it varies by timer slack.
const SYN_WAIT: Span = Span::secs(70);
/// Nobody gives a SYN up so soon (RFC 6298 §2.1); what was sent before it, or copies of that, may still come.
const SYN_LEAST: Span = Span::secs(1);

impl<N: Notes> Tracker<N> {
    /// The next incarnation after connection `old`, beginning with `seg`.
    fn begin(&mut self, old: usize, seg: &Segment) -> usize {
        let incarnation = self.store.case_mut(old).connection.incarnation + 1;
        let hash = self.latest.hash(&seg.src, &seg.dst);
        let again_in = self.store.case_mut(old).connection.scopes_again();
        let beside = self.store.heads.at(old).beside;
        let new = self.store.push(seg, incarnation, old as u32 + 1, beside);
        if again_in.is_some() {
            self.store.case_mut(new).connection.again_in = again_in;
        }
        self.store.era = self.store.era.wrapping_add(1);
        // The next one on this four-tuple is found through `new`.
        self.recent.forget(seg);
        // Unless all are found through it, it hangs on what `old` hung on.
        let first = self.latest.replace(hash, old as u32, new as u32);
        let before = self.take_place(old, new, seg);
        if !first && let Some(before) = before.or_else(|| self.before(old, hash, seg)) {
            self.store.heads.open(before).beside = new as u32 + 1;
        }
        new
    }

    /// Which incarnation `seg` belongs to, `i` being the latest; begins a new one where it must.
    pub(super) fn route(&mut self, i: usize, seg: &Segment) -> usize {
        let x = self.connection_mut(i).sender(seg);
        if let Some(old) = self.copied(i, x, seg).or_else(|| self.older(i, x, seg)) {
            return old;
        }
        match (seg.has(Flags::SYN), seg.has(Flags::ACK)) {
            _ if seg.has(Flags::RST) => i,
            (true, false) => self.route_syn(i, x, seg),
            (true, true) => self.route_syn_ack(i, 1 - x, seg),
            (false, true) => self.route_ack(i, x, seg),
            (false, false) => i,
        }
    }

    /// The same of a SYN of end `x`.
    fn route_syn(&mut self, i: usize, x: usize, seg: &Segment) -> usize {
        let c = self.connection_mut(i);
        let (end, peer) = (&c.ends[x], &c.ends[1 - x]);
        let first = !end.seen && end.isn.is_none();
        if first && c.before != 0 && !peer.seen && peer.packets == 0 {
            // Nothing but segments that no stack takes came before it.
            return self.begin(i, seg);
        }
        if first || end.isn == Some(seg.seq) {
            return i;
        }
        if c.is_over_for(x) {
            return self.succeed(i, x, seg, seg);
        }
        // An end that holds a connection does not send another SYN; somebody else may, or it has lost it.
        let parked = c.parked.as_ref().is_none_or(|p| p.seq != seg.seq || p.src != seg.src);
        if parked {
            c.parked = Some(Box::new(*seg));
        }
        i
    }

    /// The same of a SYN,ACK in answer to end `y`.
    fn route_syn_ack(&mut self, i: usize, y: usize, seg: &Segment) -> usize {
        let c = self.connection_mut(i);
        if let Some(parked) = &c.parked
            && parked.src == seg.dst
            && within(parked.seq.wrapping_add(1), seg.ack, parked.end())
        {
            let parked = **parked;
            let new = self.succeed(i, y, &parked, seg);
            let x = self.connection_mut(new).sender(seg);
            self.supersede(new, x, i);
            return new;
        }
        if !c.answers_syn(y, seg) && (c.is_unanswering(y, seg) || c.is_over()) {
            return self.begin(i, seg);
        }
        i
    }

    /// The same of any other segment of end `x`.
    fn route_ack(&mut self, i: usize, x: usize, seg: &Segment) -> usize {
        let c = self.connection_mut(i);
        if c.was_given_up_before(x, seg) {
            if x == 0 {
                // Whoever goes on in another connection has given this one up.
                c.ends[x].log.settle(Mark::sure(Event::Replaced, Evidence::Sent, seg.time, seg.packet));
            }
            return self.begin(i, seg);
        }
        if let Some(parked) = &c.parked
            && parked.src == seg.src
            && c.ends[1 - x].packets == 0
            && seg.seq == parked.end()
        {
            // Only this side is captured, and it goes on from its new SYN: it was accepted.
            let parked = **parked;
            return self.succeed(i, x, &parked, seg);
        }
        if seg.len > 0 && is_foreign(c, x, seg) && c.is_over() && !c.is_copy(x, seg) {
            return self.begin(i, seg);
        }
        i
    }

    /// The SYN `syn` of end `x` takes the four-tuple of connection `i` over; `now` is the segment that shows it.
    fn succeed(&mut self, i: usize, x: usize, syn: &Segment, now: &Segment) -> usize {
        let c = self.connection_mut(i);
        // The SYN that began it may have been captured while the old connection still stood.
        let parked = c.parked.take().filter(|p| p.src == syn.src && p.seq == syn.seq);
        if let Some(p) = &parked {
            let end = &mut c.ends[x];
            end.packets = end.packets.saturating_sub(1);
            end.bytes = end.bytes.saturating_sub(u64::from(p.len));
        }
        let first = parked.map_or(*syn, |p| *p);
        c.is_replaced(x, (first.time, first.packet));
        let new = self.begin(i, &first);
        if first.packet != now.packet {
            self.connection_mut(new).take(&first);
        }
        new
    }

    /// End `x` of connection `i` has accepted its SYN: whatever it still had of the `old` one is gone.
    fn supersede(&mut self, i: usize, x: usize, old: usize) {
        let c = self.connection_mut(i);
        let (socket, time, packet) = (c.sockets[x], c.first, c.first_packet);
        let o = self.connection_mut(old);
        let e = usize::from(o.sockets[0] != socket);
        o.is_superseded(e, (time, packet));
    }

    /// The incarnation before `i`, if copies of it still come and `seg` is one.
    fn copied(&mut self, i: usize, x: usize, seg: &Segment) -> Option<usize> {
        let old = self.store.heads.previous(i)?;
        let c = self.connection_mut(i);
        let own = &c.ends[x];
        let goes_on = if own.seen { seg.seq == own.next } else { seg.has(Flags::SYN) };
        if goes_on || seg.time - c.first > SYN_LEAST || c.is_copy(x, seg) {
            return None;
        }
        let o = self.connection_mut(old);
        o.is_copy_of_recent(o.sender(seg), seg).then_some(old)
    }

    /// While a new incarnation waits for its SYN,ACK, the old one may still be spoken to: a challenge ACK with old
    /// numbers, and the RST that answers it (RFC 9293 §3.5.1, RFC 5961 §4).
    fn older(&mut self, i: usize, x: usize, seg: &Segment) -> Option<usize> {
        let old = self.store.heads.previous(i)?;
        let c = self.connection_mut(i);
        let y = 1 - x;
        if seg.has(Flags::SYN) {
            if seg.has(Flags::ACK) && c.answers_syn(y, seg) {
                self.supersede(i, x, old);
            }
            return None;
        }
        let stale_ack = !c.ends[x].seen
            && !seg.has(Flags::RST)
            && seg.has(Flags::ACK)
            && c.ends[y].isn.is_some_and(|isn| !within(isn.wrapping_add(1), seg.ack, c.ends[y].next));
        let given_up = stale_ack && c.was_given_up_before(x, seg);
        let answer = seg.has(Flags::RST)
            && !seg.has(Flags::ACK)
            && !c.ends[y].seen
            && c.ends[x].isn.is_some_and(|isn| seg.seq != isn.wrapping_add(1));
        if given_up {
            // Of the old one only what fits that.
            let o = self.connection_mut(old);
            let peer = &o.ends[1 - o.sender(seg)];
            return (peer.seen && !is_far(seg.ack, peer.next)).then_some(old);
        }
        (stale_ack || answer).then_some(old)
    }
}

impl Connection {
    /// Whether `seg` of end `x` can only belong to this incarnation, the first one; what [`Tracker::route`] comes to for
    /// nearly all.
    pub(super) fn goes_on(&self, x: usize, seg: &Segment) -> bool {
        if seg.has(Flags::RST) {
            return true;
        }
        let fits = if seg.has(Flags::SYN) {
            seg.has(Flags::ACK) && self.answers_syn(1 - x, seg)
        } else {
            seg.len == 0 || !is_foreign(self, x, seg)
        };
        fits && self.parked.is_none() && !self.was_given_up_before(x, seg)
    }

    /// Whether nobody answered the SYNs with which it begins, and `seg` of end `x`, no SYN, is of a connection that was
    /// opened later: data with lower sequence numbers, if not at once, or after a silence longer than between two SYNs whatever fits
    /// neither. (What has higher numbers may come after what the capture misses; what the other end sends before that may be
    /// of an older one.)
    fn was_given_up_before(&self, x: usize, seg: &Segment) -> bool {
        let [requester, other] = &self.ends;
        if other.packets != 0 || !requester.seen {
            return false;
        }
        let foreign = if x == 0 { is_far(seg.seq, requester.next) } else { is_far(seg.ack, requester.next) };
        let below = x == 0 && seg.len > 0 && before(seg.seq, requester.next);
        let later = seg.time - self.last > if below { SYN_LEAST } else { SYN_WAIT };
        foreign && later && self.state_now(0) == State::SynSent
    }

    /// Whether both ends are through with it.
    fn is_over(&self) -> bool {
        (0..2).all(|e| matches!(self.state_now(e), State::Closed | State::TimeWait))
    }
}

/// Whether data of `x` lies far outside of what connection `c` sent.
fn is_foreign(c: &Connection, x: usize, seg: &Segment) -> bool {
    let end = &c.ends[x];
    end.seen && is_far(seg.seq, end.next)
}
