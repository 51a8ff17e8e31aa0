//! The flow table: which connection a segment belongs to, and where one incarnation of a four-tuple ends and the next
//! begins (RFC 9293 §3.6.1, RFC 6191, RFC 1122 §4.2.2.13).

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::connection::{Connection, Taken};
use super::log::Mark;
use super::rules::Event;
use super::sequence::within;
use super::state::{Evidence, State};
use crate::segment::{Flags, IcmpError, Segment, Socket};

/// Tracks every connection in a stream of segments.
///
/// ```
/// use tcpstate::tracker::Tracker;
/// let tracker = Tracker::new();
/// assert!(tracker.connections().is_empty());
/// ```
#[derive(Debug, Default)]
pub struct Tracker {
    /// Index of the latest incarnation of each four-tuple (in the scope first seen; the others hang on it).
    pub(super) latest: HashTable<u32>,
    pub(super) connections: Vec<Connection>,
    /// For each connection the latest one on the same four-tuple in another scope, plus one; 0 for none.
    pub(super) beside: Vec<u32>,
    /// For each connection the one before it on the same four-tuple, plus one; 0 for none.
    pub(super) previous: Vec<u32>,
    /// Seeded for each run: addresses and ports are chosen by whoever sends the packets.
    pub(super) hasher: RandomState,
}

/// A four-tuple without direction.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Key {
    low: Socket,
    high: Socket,
}

impl Key {
    fn of(a: Socket, b: Socket) -> Key {
        if a <= b { Key { low: a, high: b } } else { Key { low: b, high: a } }
    }

    pub(super) fn of_connection(c: &Connection) -> Key {
        Key::of(c.sockets[0], c.sockets[1])
    }
}

/// Where a segment belongs.
enum Found {
    /// To this connection or its next incarnation.
    Connection(usize),
    /// Its four-tuple is known, but in other scopes: they hang on this one.
    OtherScope { head: usize },
    /// Its four-tuple is new.
    Nothing { hash: u64 },
}

impl Tracker {
    /// A tracker that has seen nothing.
    pub fn new() -> Tracker {
        Tracker::default()
    }

    /// All connections so far, in the order of their first packet.
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// The incarnation before connection `i` on the same four-tuple, by index into [`Tracker::connections`].
    pub fn previous(&self, i: usize) -> Option<usize> {
        (*self.previous.get(i)? as usize).checked_sub(1)
    }

    /// The latest connection between two sockets, by index into [`Tracker::connections`].
    pub fn latest(&self, a: Socket, b: Socket, scope: crate::segment::ScopeId) -> Option<usize> {
        let key = Key::of(a, b);
        let connections = &self.connections;
        let head = self
            .latest
            .find(self.hasher.hash_one(&key), |i| Key::of_connection(&connections[*i as usize]) == key)
            .map(|i| *i as usize)?;
        let mut lanes = std::iter::successors(Some(head), |i| (self.beside[*i] as usize).checked_sub(1));
        lanes.find(|i| connections[*i].scopes.contains(&Some(scope))).or(Some(head))
    }

    /// Takes one segment, in capture order; says what it was.
    pub fn segment(&mut self, seg: &Segment) -> Taken {
        let i = match self.find(seg) {
            Found::Connection(i) => self.route(i, seg),
            Found::OtherScope { head } => {
                let i = self.push(seg, 1, 0, self.beside[head]);
                self.beside[head] = i as u32 + 1;
                i
            }
            Found::Nothing { hash } => {
                let i = self.push(seg, 1, 0, 0);
                let (connections, hasher) = (&self.connections, &self.hasher);
                self.latest
                    .insert_unique(hash, i as u32, |j| hasher.hash_one(Key::of_connection(&connections[*j as usize])));
                i
            }
        };
        let sender = self.connections[i].sender(seg);
        let (class, advances) = self.connections[i].take(seg);
        Taken { connection: i, sender, class, advances }
    }

    /// Takes an ICMP error that quotes a segment. It moves no state (RFC 9293 §3.9.2.2 lets a host ignore it).
    pub fn icmp(&mut self, _error: &IcmpError) {}

    /// The latest connection of the four-tuple of `seg` in its scope.
    fn find(&self, seg: &Segment) -> Found {
        let key = Key::of(seg.src, seg.dst);
        let hash = self.hasher.hash_one(&key);
        let connections = &self.connections;
        let Some(head) = self.latest.find(hash, |i| Key::of_connection(&connections[*i as usize]) == key) else {
            return Found::Nothing { hash };
        };
        let head = *head as usize;
        let lanes = || std::iter::successors(Some(head), |i| (self.beside[*i] as usize).checked_sub(1));
        let in_scope = lanes().find(|i| connections[*i].is_in_scope(seg));
        // A VLAN or tunnel may differ by direction: what answers a connection seen from one side only is its other side.
        match in_scope.or_else(|| lanes().find(|i| connections[*i].is_answered_by(seg))) {
            Some(i) => Found::Connection(i),
            None => Found::OtherScope { head },
        }
    }

    /// A new connection beginning with `seg`, not yet in the table.
    fn push(&mut self, seg: &Segment, incarnation: u32, previous: u32, beside: u32) -> usize {
        self.connections.push(Connection::new(seg, incarnation));
        self.previous.push(previous);
        self.beside.push(beside);
        self.connections.len() - 1
    }

    /// The next incarnation after connection `old`, beginning with `seg`.
    fn begin(&mut self, old: usize, seg: &Segment) -> usize {
        let incarnation = self.connections[old].incarnation + 1;
        let key = Key::of(seg.src, seg.dst);
        let hash = self.hasher.hash_one(&key);
        let new = self.push(seg, incarnation, old as u32 + 1, self.beside[old]);
        let head = match self.latest.find_mut(hash, |j| Key::of_connection(&self.connections[*j as usize]) == key) {
            Some(slot) if *slot as usize == old => {
                *slot = new as u32;
                return new;
            }
            Some(slot) => *slot as usize,
            None => return new,
        };
        let mut lane = head;
        while let Some(next) = (self.beside[lane] as usize).checked_sub(1) {
            if next == old {
                self.beside[lane] = new as u32 + 1;
                break;
            }
            lane = next;
        }
        new
    }

    /// Which incarnation `seg` belongs to, `i` being the latest; begins a new one where it must.
    fn route(&mut self, i: usize, seg: &Segment) -> usize {
        let x = self.connections[i].sender(seg);
        if let Some(old) = self.older(i, x, seg) {
            return old;
        }
        let c = &self.connections[i];
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
                self.connections[i].parked = Some(Box::new(*seg));
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
                self.supersede(new, self.connections[new].sender(seg), i);
                return new;
            }
            if !c.answers_syn(y, seg) && (c.is_unanswering(y, seg) || self.is_over(i)) {
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
        if seg.len > 0 && self.is_foreign(i, x, seg) && self.is_over(i) {
            return self.begin(i, seg);
        }
        i
    }

    /// Whether both ends are through with connection `i`.
    fn is_over(&self, i: usize) -> bool {
        let c = &self.connections[i];
        (0..2).all(|e| matches!(c.state_now(e), State::Closed | State::TimeWait))
    }

    /// Whether data of `x` lies far outside of what connection `i` sent.
    fn is_foreign(&self, i: usize, x: usize, seg: &Segment) -> bool {
        const FAR: u32 = 1 << 22;
        let end = &self.connections[i].ends[x];
        end.seen && !within(end.next.wrapping_sub(FAR), seg.seq, end.next.wrapping_add(FAR))
    }

    /// The SYN `syn` of end `x` takes the four-tuple of connection `i` over; `now` is the segment that shows it.
    fn succeed(&mut self, i: usize, x: usize, syn: &Segment, now: &Segment) -> usize {
        let c = &mut self.connections[i];
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
            self.connections[new].take(&first);
        }
        new
    }

    /// End `x` of connection `i` has accepted its SYN: whatever it still had of the `old` one is gone.
    fn supersede(&mut self, i: usize, x: usize, old: usize) {
        let c = &self.connections[i];
        let (socket, time, packet) = (c.sockets[x], c.first, c.first_packet);
        let o = &mut self.connections[old];
        let e = usize::from(o.sockets[0] != socket);
        if o.state_now(e) != State::Closed {
            o.ends[e].log.settle(Mark::sure(Event::Replaced, Evidence::Confirmed, time, packet));
        }
    }

    /// While a new incarnation waits for its SYN,ACK, the old one may still be spoken to: a challenge ACK with old
    /// numbers, and the RST that answers it (RFC 9293 §3.5.1, RFC 5961 §4).
    fn older(&mut self, i: usize, x: usize, seg: &Segment) -> Option<usize> {
        let old = (self.previous[i] as usize).checked_sub(1)?;
        let c = &self.connections[i];
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
