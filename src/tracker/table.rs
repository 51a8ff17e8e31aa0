//! The flow table: which connection a segment belongs to, and where one incarnation of a four-tuple ends and the next
//! begins (RFC 9293 §3.6.1, RFC 6191, RFC 1122 §4.2.2.13).

use std::borrow::Cow;

use super::connection::{Class, Connection, Taken};
use super::index::Index;
use super::log::Mark;
use super::rules::Event;
use super::sequence::within;
use super::state::{Evidence, State};
use super::store::{Case, Head, Notes, Scratch, Store};
use crate::segment::{Flags, IcmpError, ScopeId, Segment, Socket};

/// Tracks every connection in a stream of segments, with notes beside each.
///
/// ```
/// use tcpstate::tracker::Tracker;
/// let tracker = Tracker::new();
/// assert!(tracker.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Tracker<N = ()> {
    /// Index of the latest incarnation of each four-tuple (in the scope first seen; the others hang on it).
    pub(super) latest: Index,
    pub(super) store: Store<N>,
    /// How often a connection was put in the place of another.
    pub(super) era: u32,
}

impl<N> Default for Tracker<N> {
    fn default() -> Tracker<N> {
        Tracker { latest: Index::default(), store: Store::default(), era: 0 }
    }
}

/// Where a segment belongs, looked up ahead: [`Tracker::ahead`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Ahead {
    hash: u32,
    /// The connection through which it is found, plus one; 0 for none.
    head: u32,
    era: u32,
}

impl Head {
    /// Whether it is about these two sockets.
    fn is_between(&self, a: &Socket, b: &Socket) -> bool {
        self.sockets[0] == *a && self.sockets[1] == *b || self.sockets[0] == *b && self.sockets[1] == *a
    }
}

/// Where a segment belongs.
enum Found {
    /// To this connection or its next incarnation.
    Connection(usize),
    /// Its four-tuple is known, but in other scopes: they hang on this one.
    OtherScope { head: usize },
    /// Its four-tuple is new.
    Nothing { hash: u32 },
}

impl Tracker {
    /// A tracker that has seen nothing, and of which nothing is noted beside.
    pub fn new() -> Tracker {
        Tracker::default()
    }
}

impl<N: Notes> Tracker<N> {
    /// The same with so few records to begin with that most connections are packed between their segments.
    pub fn with_records(records: usize) -> Tracker<N> {
        let mut tracker = Tracker::default();
        tracker.store.set_room(records);
        tracker
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.store.heads.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.store.heads.is_empty()
    }

    /// The connection with this index; they are counted in the order in which they were found.
    pub fn connection(&self, i: usize) -> Cow<'_, Connection> {
        self.store.connection(i)
    }

    /// The same with its notes.
    pub fn case(&self, i: usize) -> Cow<'_, Case<N>> {
        self.store.case(i)
    }

    /// The same; `scratch` is where it is looked at if there is no record of it.
    pub fn look<'s>(&'s self, i: usize, scratch: &'s mut Scratch<N>) -> &'s Case<N> {
        self.store.look(i, scratch)
    }

    /// Makes it cheaper to look at these connections, at most 32, one after the other.
    pub fn soon(&self, indices: impl Iterator<Item = usize>) {
        self.store.touch_tapes(indices);
    }

    /// A glance at connection `i`, with its sockets.
    pub fn glance(&self, i: usize, scratch: &mut Scratch<N>) -> ([Socket; 2], N::Glance) {
        (self.store.heads[i].sockets, self.store.glance(i, scratch))
    }

    /// The notes beside connection `i`, to be changed.
    pub fn notes_mut(&mut self, i: usize) -> &mut N {
        &mut self.store.case_mut(i).notes
    }

    /// All connections so far.
    pub fn connections(&self) -> Vec<Cow<'_, Connection>> {
        (0..self.len()).map(|i| self.connection(i)).collect()
    }

    /// Number of the first packet of connection `i`.
    pub fn first_packet(&self, i: usize) -> u64 {
        self.store.heads[i].first_packet
    }

    /// The incarnation before connection `i` on the same four-tuple.
    pub fn previous(&self, i: usize) -> Option<usize> {
        (self.store.heads.get(i)?.previous as usize).checked_sub(1)
    }

    /// The latest connection between two sockets.
    pub fn latest(&self, a: Socket, b: Socket, scope: ScopeId) -> Option<usize> {
        let head = self.head(&a, &b, self.latest.hash(&a, &b))?;
        self.lanes(head).find(|i| self.connection(*i).scopes.contains(&Some(scope))).or(Some(head))
    }

    /// Takes one segment, in capture order; says what it was.
    pub fn segment(&mut self, seg: &Segment) -> Taken {
        let hash = self.latest.hash(&seg.src, &seg.dst);
        let head = self.head(&seg.src, &seg.dst, hash);
        self.segment_at(head, hash, seg)
    }

    /// Looks up where `seg` belongs. Looking many up before they are passed lets the memory be waited for at once.
    #[inline]
    pub fn ahead(&self, seg: &Segment) -> Ahead {
        let hash = self.latest.hash(&seg.src, &seg.dst);
        let head = self.head(&seg.src, &seg.dst, hash);
        head.inspect(|head| self.store.touch(*head));
        Ahead { hash, head: head.map_or(0, |head| head as u32 + 1), era: self.era }
    }

    /// The same as [`Tracker::segment`], for when it need not be known yet what it was: short connections are only written
    /// down. The index of its connection.
    #[inline]
    pub fn pass(&mut self, seg: &Segment, ahead: Ahead) -> usize {
        let hash = ahead.hash;
        let head = match (ahead.head as usize).checked_sub(1) {
            Some(head) if ahead.era == self.era => Some(head),
            _ => self.head(&seg.src, &seg.dst, hash),
        };
        let recorded = match head {
            Some(head) => self.store.record(head, seg).then_some(head),
            None => self.push_tape(hash, seg),
        };
        recorded.unwrap_or_else(|| self.segment_at(head, hash, seg).connection)
    }

    /// A new connection, on tape, the first of its four-tuple.
    fn push_tape(&mut self, hash: u32, seg: &Segment) -> Option<usize> {
        let i = self.store.push_tape(seg)?;
        self.latest.insert(hash, i as u32);
        Some(i)
    }

    /// Takes a segment of the four-tuple that is found through `head`, if there is one yet.
    fn segment_at(&mut self, head: Option<usize>, hash: u32, seg: &Segment) -> Taken {
        if let Some(head) = head {
            let first = self.store.heads[head].previous == 0;
            let case = self.store.case_mut(head);
            let x = case.connection.sender(seg);
            if first && case.connection.is_in_scope(x, seg) && case.connection.goes_on(x, seg) {
                return case.take(x, seg, head);
            }
        }
        let i = match head.map_or(Found::Nothing { hash }, |head| self.find(head, seg)) {
            Found::Connection(i) => self.route(i, seg),
            Found::OtherScope { head } => {
                let i = self.store.push(seg, 1, 0, self.store.heads[head].beside);
                self.store.heads[head].beside = i as u32 + 1;
                i
            }
            Found::Nothing { hash } => {
                // Most of these are all that ever comes: a flood brings millions.
                let lone = seg.flags.0 & 0x3f == Flags::SYN.0 && seg.len == 0;
                if let Some(i) = lone.then(|| self.push_tape(hash, seg)).flatten() {
                    return Taken { connection: i, sender: 0, class: Class::Opening, advances: true };
                }
                let i = self.store.push(seg, 1, 0, 0);
                self.latest.insert(hash, i as u32);
                i
            }
        };
        let case = self.store.case_mut(i);
        case.take(case.connection.sender(seg), seg, i)
    }

    /// Takes an ICMP error that quotes a segment. It moves no state (RFC 9293 §3.9.2.2 lets a host ignore it).
    pub fn icmp(&mut self, _error: &IcmpError) {}

    fn connection_mut(&mut self, i: usize) -> &mut Connection {
        &mut self.store.case_mut(i).connection
    }

    /// The connection through which all between two sockets are found.
    #[inline]
    fn head(&self, a: &Socket, b: &Socket, hash: u32) -> Option<usize> {
        self.latest.find(hash, |i| self.store.heads[i].is_between(a, b))
    }

    /// The latest connections on one four-tuple in all scopes, from `head` on.
    fn lanes(&self, head: usize) -> impl Iterator<Item = usize> {
        let heads = &self.store.heads;
        std::iter::successors(Some(head), |i| (heads[*i].beside as usize).checked_sub(1))
    }

    /// The latest connection of the four-tuple of `seg`, found through `head`, in its scope.
    fn find(&self, head: usize, seg: &Segment) -> Found {
        let is_in_scope = |c: &Connection| c.is_in_scope(c.sender(seg), seg);
        let in_scope = self.lanes(head).find(|i| is_in_scope(&self.connection(*i)));
        // A VLAN or tunnel may differ by direction: what answers a connection seen from one side only is its other side.
        match in_scope.or_else(|| self.lanes(head).find(|i| self.connection(*i).is_answered_by(seg))) {
            Some(i) => Found::Connection(i),
            None => Found::OtherScope { head },
        }
    }

    /// The next incarnation after connection `old`, beginning with `seg`.
    fn begin(&mut self, old: usize, seg: &Segment) -> usize {
        let incarnation = self.store.case_mut(old).connection.incarnation + 1;
        let hash = self.latest.hash(&seg.src, &seg.dst);
        let new = self.store.push(seg, incarnation, old as u32 + 1, self.store.heads[old].beside);
        self.era = self.era.wrapping_add(1);
        if self.latest.replace(hash, old as u32, new as u32) {
            return new;
        }
        let Some(head) = self.head(&seg.src, &seg.dst, hash) else { return new };
        let mut lane = head;
        while let Some(next) = (self.store.heads[lane].beside as usize).checked_sub(1) {
            if next == old {
                self.store.heads[lane].beside = new as u32 + 1;
                break;
            }
            lane = next;
        }
        new
    }

    /// Which incarnation `seg` belongs to, `i` being the latest; begins a new one where it must.
    fn route(&mut self, i: usize, seg: &Segment) -> usize {
        let x = self.connection_mut(i).sender(seg);
        if let Some(old) = self.older(i, x, seg) {
            return old;
        }
        let c = self.connection_mut(i);
        let y = 1 - x;
        let syn = seg.has(Flags::SYN);
        let ack = seg.has(Flags::ACK);
        if seg.has(Flags::RST) {
            return i;
        }
        if syn && !ack {
            let end = &c.ends[x];
            let first = !end.seen && end.isn.is_none();
            if first || end.isn == Some(seg.seq) {
                return i;
            }
            if matches!(c.state_now(x), State::Closed | State::TimeWait | State::SynSent) {
                return self.succeed(i, x, seg, seg);
            }
            // An end that holds a connection does not send another SYN; somebody else may, or it has lost it.
            let parked = c.parked.as_ref().is_none_or(|p| p.seq != seg.seq || p.src != seg.src);
            if parked {
                c.parked = Some(Box::new(*seg));
            }
            return i;
        }
        if syn {
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
            return i;
        }
        if let Some(parked) = &c.parked
            && parked.src == seg.src
            && c.ends[y].packets == 0
            && seg.seq == parked.end()
        {
            // Only this side is captured, and it goes on from its new SYN: it was accepted.
            let parked = **parked;
            return self.succeed(i, x, &parked, seg);
        }
        if seg.len > 0 && is_foreign(c, x, seg) && c.is_over() {
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
        // Whoever sends a SYN has no other connection on that four-tuple any more; a RST that it sent after the SYN was
        // the answer to what the old connection's other end still said.
        let reset_since = c.ends[x].log.get(Event::SndRst).is_some_and(|m| m.time > first.time);
        if reset_since || c.state_now(x) != State::Closed {
            c.ends[x].log.settle(Mark::sure(Event::Replaced, Evidence::Sent, first.time, first.packet));
        }
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
        if o.state_now(e) != State::Closed {
            o.ends[e].log.settle(Mark::sure(Event::Replaced, Evidence::Confirmed, time, packet));
        }
    }

    /// While a new incarnation waits for its SYN,ACK, the old one may still be spoken to: a challenge ACK with old
    /// numbers, and the RST that answers it (RFC 9293 §3.5.1, RFC 5961 §4).
    fn older(&mut self, i: usize, x: usize, seg: &Segment) -> Option<usize> {
        let old = (self.store.heads[i].previous as usize).checked_sub(1)?;
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
        let answer = seg.has(Flags::RST)
            && !seg.has(Flags::ACK)
            && !c.ends[y].seen
            && c.ends[x].isn.is_some_and(|isn| seg.seq != isn.wrapping_add(1));
        (stale_ack || answer).then_some(old)
    }
}

impl Connection {
    /// Whether `seg` of end `x` can only belong to this incarnation, the first one; what [`Tracker::route`] comes to for
    /// nearly all.
    fn goes_on(&self, x: usize, seg: &Segment) -> bool {
        if seg.has(Flags::RST) {
            return true;
        }
        let fits = if seg.has(Flags::SYN) {
            seg.has(Flags::ACK) && self.answers_syn(1 - x, seg)
        } else {
            seg.len == 0 || !is_foreign(self, x, seg)
        };
        fits && self.parked.is_none()
    }

    /// Whether both ends are through with it.
    fn is_over(&self) -> bool {
        (0..2).all(|e| matches!(self.state_now(e), State::Closed | State::TimeWait))
    }
}

/// Whether data of `x` lies far outside of what connection `c` sent.
fn is_foreign(c: &Connection, x: usize, seg: &Segment) -> bool {
    const FAR: u32 = 1 << 22;
    let end = &c.ends[x];
    end.seen && !within(end.next.wrapping_sub(FAR), seg.seq, end.next.wrapping_add(FAR))
}
