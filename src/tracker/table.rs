//! The flow table: which connection a segment belongs to, and where one incarnation of a four-tuple ends and the next
//! begins (RFC 9293 §3.6.1, RFC 6191, RFC 1122 §4.2.2.13).

use std::borrow::Cow;

use super::abridged::Abridged;
use super::ahead::Ahead;
use super::case::{Case, Notes, Scratch};
use super::connection::{Class, Connection, Taken};
use super::heads::Head;
use super::index::Index;
use super::kept::{How, Kept};
use super::lanes::Many;
use super::lone::Lone;
use super::plain::Written;
use super::reading::Reading;
use super::recent::{Guess, Recent};
use super::run::Behind;
use super::store::Store;
use super::textbook::Textbook;
use crate::segment::{Flags, IcmpError, ScopeId, Segment, Socket};
use crate::time::{Span, Time};

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
    pub(super) recent: Recent,
    pub(super) many: Many,
}

impl<N> Default for Tracker<N> {
    fn default() -> Tracker<N> {
        Tracker { latest: Index::default(), store: Store::default(), recent: Recent::default(), many: Many::default() }
    }
}

/// As many connections are found one by one: what is looked at for it stays in the nearest caches.
const FEW: usize = 1 << 12;

/// Where a segment belongs.
enum Found {
    /// To this connection or its next incarnation.
    Connection(usize),
    /// To this connection, of which it was captured before, in another scope.
    Again(usize),
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

    /// The same of several at once, each in its place, which costs less than one after the other: after it,
    /// [`Tracker::looked`] has each.
    pub fn look_all(&self, indices: &[Option<usize>], scratch: &mut [Scratch<N>]) {
        self.store.look_all(indices, scratch);
    }

    /// Connection `i`, which [`Tracker::look_all`] has looked at with `scratch`.
    pub fn looked<'s>(&'s self, i: usize, scratch: &'s Scratch<N>) -> &'s Case<N> {
        self.store.looked(i, scratch)
    }

    /// Connection `i`, to be read in one go, if it may be a textbook one.
    #[inline(always)]
    pub fn abridged(&self, i: usize) -> Option<Abridged<'_>> {
        self.store.abridged(i)
    }

    /// Reads connection `i` as a textbook one into `book`, if it may be one.
    #[inline(always)]
    pub fn textbook<'a>(&'a self, i: usize, book: &'a mut Textbook) -> Option<Reading<'a>> {
        self.store.textbook(i, book)
    }

    /// The SYN that is all there is of connection `i`, the first on its four-tuple, if that is so and nothing about it is
    /// rare.
    pub fn lone(&self, i: usize) -> Option<Lone> {
        self.store.lone(i)
    }

    /// The sockets of connection `i`, and how many payload bytes passed on it and whether its second end spoke, if it is known at
    /// a glance that it is one segment after the other, from its SYN on.
    #[inline(always)]
    pub fn orderly_between(&self, i: usize) -> (Cow<'_, [Socket; 2]>, Option<(u32, bool)>) {
        self.store.orderly_between(i)
    }

    /// Time, packet number and scope of that SYN, and no more.
    #[inline]
    pub fn lone_syn(&self, i: usize) -> Option<(Time, u64, ScopeId)> {
        self.store.lone_syn(i)
    }

    /// Prefetches what connection `i` is found by.
    #[inline]
    pub fn prefetch_head(&self, i: usize) {
        self.store.heads.prefetch(i);
    }

    /// The same, once that is there, of its tape.
    #[inline]
    pub fn prefetch_tape(&self, i: usize) {
        self.store.prefetch_tape(i);
    }

    /// The sockets of connection `i`; the first sent the first segment.
    #[inline]
    pub fn sockets(&self, i: usize) -> Cow<'_, [Socket; 2]> {
        self.store.heads.sockets(i)
    }

    /// A glance at connection `i`.
    pub fn glance(&self, i: usize, scratch: &mut Scratch<N::Glimpse>) -> N::Glance {
        self.store.glance(i, scratch)
    }

    /// The same where it is looked at again, and costs less then.
    pub fn first_glance(&mut self, i: usize, scratch: &mut Scratch<N::Glimpse>) -> N::Glance {
        self.store.first_glance(i, scratch)
    }

    /// The notes beside connection `i`, to be changed.
    pub fn notes_mut(&mut self, i: usize) -> &mut N {
        let case = self.store.case_mut(i);
        case.unsettle();
        &mut case.notes
    }

    /// All connections so far.
    pub fn connections(&self) -> Vec<Cow<'_, Connection>> {
        (0..self.len()).map(|i| self.connection(i)).collect()
    }

    /// Number of the first packet of connection `i`.
    pub fn first_packet(&self, i: usize) -> u64 {
        self.store.heads.first_packet(i)
    }

    /// Whether the first packets of connections were captured in the order of their indices.
    pub fn is_in_order(&self) -> bool {
        !self.store.disordered
    }

    /// Whether any connection has one [before](Tracker::previous) it.
    pub fn has_incarnations(&self) -> bool {
        self.store.chained
    }

    /// The incarnation before connection `i` on the same four-tuple.
    pub fn previous(&self, i: usize) -> Option<usize> {
        self.store.heads.previous(i)
    }

    /// Whether connection `i`, which began at `first`, is the first on its four-tuple, or begins so long after the latest
    /// segment of the one before it, as far as that is known at a glance.
    pub fn begins_long_after(&self, i: usize, first: Time, span: Span) -> bool {
        let Some(before) = self.previous(i) else { return true };
        let quiet = |head: &Head| matches!(head.state.how(), How::Tape) && head.tape.quiet(first) >= span;
        self.store.heads.get(before).is_some_and(quiet)
    }

    /// The latest connection between two sockets.
    pub fn latest(&self, a: Socket, b: Socket, scope: ScopeId) -> Option<usize> {
        let head = self.head(&a, &b, self.latest.hash(&a, &b))?;
        self.seen_in(head, [a, b], scope).or(Some(head))
    }

    /// Takes one segment, in capture order; says what it was.
    pub fn segment(&mut self, seg: &Segment) -> Taken {
        let hash = self.latest.hash(&seg.src, &seg.dst);
        let head = self.head(&seg.src, &seg.dst, hash);
        self.segment_at(head, hash, seg)
    }

    /// The same as [`Tracker::segment`], for when it need not be known yet what it was: short connections are only written
    /// down. The index of its connection.
    #[inline(never)]
    pub fn pass(&mut self, seg: &Segment, ahead: Ahead) -> usize {
        let head = ahead.head as usize;
        match self.store.write(head, seg) {
            // What grows has nothing behind it: it is the latest one on its four-tuple, whatever came since.
            Some(true) => head,
            Some(false) if ahead.era == self.store.era => self.pass_on(head, ahead.hash, seg),
            _ => self.pass_anew(seg, ahead.hash),
        }
    }

    /// The same if `seg` is a usual one, of a connection that is known; else does nothing.
    #[inline(always)]
    pub fn pass_usual(&mut self, seg: &Segment, ahead: Ahead) -> Option<usize> {
        const NEVER: u16 = Flags::SYN.0 | Flags::RST.0;
        let head = ahead.head as usize;
        if seg.flags.0 & NEVER != 0 {
            return None;
        }
        let written = self.store.write_usual(head, seg);
        (written == Written::Yes || self.store.seal_behind(head, written)).then_some(head)
    }

    /// The same where none was found, or another has come since.
    #[inline(never)]
    fn pass_anew(&mut self, seg: &Segment, hash: u32) -> usize {
        let heads = &self.store.heads;
        match self.latest.find_or_room(hash, |i| heads.sender(i, &seg.src, &seg.dst).is_some()) {
            Ok(head) if self.store.record_anew(head, seg) => head,
            Ok(head) => self.pass_on(head, hash, seg),
            Err(room) => {
                let Some(i) = self.store.push_tape(seg, Kept::on_tape(1), 0) else {
                    return self.segment_at(None, hash, seg).connection;
                };
                self.latest.put_at(room, hash, i as u32);
                i
            }
        }
    }

    /// Whether there are so few connections that segments are best passed by [`Tracker::pass_next`].
    #[inline]
    pub fn has_few(&self) -> bool {
        self.len() <= FEW
    }

    /// The same as [`Tracker::pass`] without looking it up ahead; and whether a run may come behind it.
    #[inline]
    pub fn pass_next(&mut self, seg: &Segment) -> (usize, bool) {
        let guess = self.recent.guess(seg);
        match guess.get() {
            Some((head, slot)) if self.store.take_steady(head, slot, seg) => (head, true),
            Some((head, slot)) if self.store.take_recorded(head, slot, seg) => (head, false),
            _ => (self.pass_guessed(guess, seg), false),
        }
    }

    /// Passes the run of those `behind` the segment `first`, which [`Tracker::pass_next`] has just passed.
    #[inline(never)]
    pub fn pass_run<'a>(&mut self, first: &'a Segment, behind: impl Iterator<Item = &'a Segment>) -> Behind {
        let guess = self.recent.guess(first).get();
        guess.map_or_else(Behind::default, |(head, slot)| self.store.take_run(head, slot, first, behind))
    }

    /// The same of one that may be of the connection that `guess` says.
    #[inline(never)]
    fn pass_guessed(&mut self, guess: Guess, seg: &Segment) -> usize {
        let known = guess.get().and_then(|(head, _)| Some((head, self.store.sender(head, seg)?)));
        let ahead = match known {
            Some((head, x)) if self.store.record(head, x, seg) => return head,
            Some((head, _)) => self.known(head, seg),
            None => self.ahead(seg),
        };
        if let Some(head) = ahead.head() {
            self.recent.note(seg, head, self.store.slot(head));
        }
        self.pass(seg, ahead)
    }

    /// No more segments come: lets go of what they would be looked up in.
    pub fn complete(&mut self) {
        self.latest = Index::default();
        self.recent.clear();
        self.many.clear();
    }

    /// A new connection, on tape, the first of its four-tuple.
    #[inline]
    fn push_tape(&mut self, hash: u32, seg: &Segment) -> Option<usize> {
        let i = self.store.push_tape(seg, Kept::on_tape(1), 0)?;
        self.latest.insert(hash, i as u32);
        Some(i)
    }

    /// Takes a segment of the four-tuple that is found through `head`, if there is one yet.
    pub(super) fn segment_at(&mut self, head: Option<usize>, hash: u32, seg: &Segment) -> Taken {
        if let Some(head) = head {
            let first = self.store.heads.previous(head).is_none();
            let case = self.store.case_mut(head);
            let x = case.connection.sender(seg);
            if first && case.connection.is_in_scope(x, seg) && case.connection.goes_on(x, seg) {
                return case.take(x, seg, head);
            }
        }
        let i = match head.map_or(Found::Nothing { hash }, |head| self.find(head, seg)) {
            Found::Connection(i) => self.route(i, seg),
            Found::Again(i) => {
                self.connection_mut(i).again_in.get_or_insert_default().push(seg.scope);
                i
            }
            Found::OtherScope { head } => {
                let next = self.store.heads.at(head).beside;
                let i = self.store.push(seg, 1, 0, next);
                self.store.heads.open(head).beside = i as u32 + 1;
                self.many.push(i, head, next.checked_sub(1), seg);
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
        let taken = case.take(case.connection.sender(seg), seg, i);
        self.note_lane(&taken, seg);
        taken
    }

    /// Takes an ICMP error that quotes a segment: a SYN that it rejects did not arrive.
    pub fn icmp(&mut self, error: &IcmpError) {
        if let Some(i) = self.latest(error.src, error.dst, error.scope) {
            let c = self.connection_mut(i);
            c.icmp(usize::from(c.sockets[0] != error.src), error);
        }
    }

    pub(super) fn connection_mut(&mut self, i: usize) -> &mut Connection {
        let case = self.store.case_mut(i);
        case.unsettle();
        &mut case.connection
    }

    /// The connection through which all between two sockets are found.
    #[inline]
    pub(super) fn head(&self, a: &Socket, b: &Socket, hash: u32) -> Option<usize> {
        self.latest.find(hash, |i| self.store.heads.sender(i, a, b).is_some())
    }

    /// The latest connection of the four-tuple of `seg`, found through `head`, in its scope.
    fn find(&mut self, head: usize, seg: &Segment) -> Found {
        let some = self.in_question(head, seg);
        let find = |fits: fn(&Connection, usize, &Segment) -> bool| {
            some.iter().map(|i| *i as usize).find(|i| {
                let c = self.connection(*i);
                fits(&c, c.sender(seg), seg)
            })
        };
        if let Some(i) = find(Connection::is_in_scope) {
            return Found::Connection(i);
        }
        if let Some(i) = find(Connection::is_captured_again) {
            return Found::Again(i);
        }
        // A VLAN or tunnel may differ by direction: what answers a connection seen from one side only is its other side.
        find(Connection::is_answered_by).map_or(Found::OtherScope { head }, Found::Connection)
    }
}
