//! Where connections are: on tape, as records, packed.
//!
//! Most connections have few segments; these are only written down until somebody asks (`Tape`). Others have a record.
//! It takes some 2 kB with all that is noted beside it, and only few connections are spoken on at a time. So there is a
//! limited number of records; when a connection needs one and all are taken, the one not spoken on for longest (about:
//! the clock algorithm, Corbató 1968) is packed to a few hundred bytes. Nothing is lost: what is packed is read back as it
//! was.

use std::borrow::Cow;

use super::case::{Case, Notes};
use super::connection::{Connection, sender};
use super::heads::{Head, Heads};
use super::kept::{How, Kept};
use super::run::Behind;
use super::steady::Room;
use super::tape::Tape;
use crate::pack::block::Rows;
use crate::pack::shelf::{Place, Shelf};
use crate::pack::{In, Out, Pack};
use crate::segment::{Flags, Segment};

/// Records at the beginning.
const RECORDS: usize = 1 << 13;
/// Records at most.
const MOST_RECORDS: usize = 1 << 17;

/// Whose record it is, and whether it was used since the hand passed.
#[derive(Clone, Copy, Debug)]
struct Tenant {
    index: u32,
    used: bool,
}

/// All connections.
#[derive(Clone, Debug)]
pub(super) struct Store<E> {
    pub(super) heads: Heads,
    pub(super) records: Vec<Case<E>>,
    tenants: Vec<Tenant>,
    /// Records at most, for now.
    pub(super) room: usize,
    hand: usize,
    pub(super) shelf: Shelf,
    pub(super) rows: Rows,
    /// Times are packed as distances from here.
    pub(super) base: i64,
    /// Number of the first packet of the latest connection.
    newest: u64,
    /// Whether first packets come in another order than connections.
    pub(super) disordered: bool,
    /// Whether a connection comes after another on its four-tuple.
    pub(super) chained: bool,
    /// How often a connection was put in the place of another, without that being noted at its head.
    pub(super) era: u32,
    /// How many were unpacked again since `room` was last looked at.
    returned: usize,
    buffer: Vec<u8>,
    /// Where tapes are played.
    ahead: Room,
}

impl<E> Default for Store<E> {
    fn default() -> Store<E> {
        Store {
            heads: Heads::default(),
            records: Vec::new(),
            tenants: Vec::new(),
            room: RECORDS,
            hand: 0,
            shelf: Shelf::default(),
            rows: Rows::default(),
            base: 0,
            newest: 0,
            disordered: false,
            chained: false,
            era: 0,
            returned: 0,
            buffer: Vec::new(),
            ahead: Room::default(),
        }
    }
}

impl<E: Notes> Store<E> {
    /// Sets how many records there are at first.
    pub(super) fn set_room(&mut self, room: usize) {
        self.room = room.max(1);
    }

    /// The next connection, as a record, beginning with `seg`, which is yet to be taken. Its index.
    pub(super) fn push(&mut self, seg: &Segment, incarnation: u32, previous: u32, beside: u32) -> usize {
        let index = self.heads.len();
        self.begin(seg);
        let case = Case::new(Connection::new(seg, incarnation), E::default());
        let slot = self.settle(index, case);
        self.push_head(seg, Kept::new(&How::Record(slot)), previous, beside, Tape::new)
    }

    /// The next connection, on tape as `kept` says, beginning with `seg`. Its index; `None` if `seg` cannot be written down.
    pub(super) fn push_tape(&mut self, seg: &Segment, kept: Kept, previous: u32) -> Option<usize> {
        self.begin(seg);
        if Tape::keeps(seg) {
            if kept == Kept::on_tape(1) && previous == 0 && self.heads.push_syn(seg) {
                self.count(seg, previous);
                return Some(self.heads.len() - 1);
            }
            return Some(self.push_head(seg, kept, previous, 0, Tape::keeping));
        }
        let index = self.push_head(seg, kept, previous, 0, Tape::new);
        if !self.heads.open(index).tape.record_other(0, 0, seg, &mut self.rows) {
            self.heads.pop();
            return None;
        }
        Some(index)
    }

    /// Writes `seg` of end `x` down if connection `index` is on tape and `seg` belongs to it, whatever became of it so far.
    #[inline]
    pub(super) fn record(&mut self, index: usize, x: usize, seg: &Segment) -> bool {
        let head = self.heads.open(index);
        if !head.state.is_growing() {
            return false;
        }
        if head.previous != 0 {
            return self.record_again(index, seg);
        }
        head.tape.record(head.first_packet, x, seg, &mut self.rows)
    }

    /// Which end of connection `index` sent `seg`, if that is between its sockets.
    #[inline]
    pub(super) fn sender(&self, index: usize, seg: &Segment) -> Option<usize> {
        self.heads.sender(index, &seg.src, &seg.dst)
    }

    /// Where the record of connection `index` is, if it has one and is the first on its four-tuple.
    #[inline]
    pub(super) fn slot(&self, index: usize) -> Option<usize> {
        match self.heads.get(index)? {
            Head { state, previous: 0, .. } => {
                if let How::Record(slot) = state.how() {
                    Some(slot)
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// Takes `seg`, found through connection `index`, if its record is at [`slot`](Store::slot) and steady, and `seg` is a
    /// usual one on its four-tuple, and in its scope; else does nothing.
    #[inline]
    pub(super) fn take_steady(&mut self, index: usize, slot: usize, seg: &Segment) -> bool {
        let (Some(case), Some(tenant)) = (self.records.get_mut(slot), self.tenants.get_mut(slot)) else { return false };
        if tenant.index as usize != index {
            return false;
        }
        let sockets = &case.connection.sockets;
        let x = sender(sockets, seg);
        let between = sockets[x & 1] == seg.src && sockets[1 - (x & 1)] == seg.dst;
        tenant.used |= between;
        between && case.take_steady(x, seg).is_some()
    }

    /// Takes `seg`, found through connection `index`, if its record is at [`slot`](Store::slot), and `seg` is on its four-tuple,
    /// in its scope, and cannot begin another; else does nothing.
    #[inline]
    pub(super) fn take_recorded(&mut self, index: usize, slot: usize, seg: &Segment) -> bool {
        slot < self.records.len() && self.slot(index) == Some(slot) && self.take_at(slot, index, seg)
    }

    #[inline(never)]
    fn take_at(&mut self, slot: usize, index: usize, seg: &Segment) -> bool {
        let case = &mut self.records[slot];
        let [a, b] = &case.connection.sockets;
        let x = case.connection.sender(seg);
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        let takes = *own == seg.src
            && *peer == seg.dst
            && !seg.has(Flags::SYN)
            && case.connection.is_in_scope(x, seg)
            && case.connection.goes_on(x, seg);
        if takes {
            self.tenants[slot].used = true;
            let taken = case.track(x, seg, index);
            case.note(&taken, seg);
        }
        takes
    }

    /// Takes the run of those `behind` the segment `first`, which [`Store::take_steady`] has just taken.
    #[inline]
    pub(super) fn take_run<'a, I>(&mut self, index: usize, slot: usize, first: &'a Segment, behind: I) -> Behind
    where
        I: Iterator<Item = &'a Segment>,
    {
        match (self.records.get_mut(slot), self.tenants.get(slot)) {
            (Some(case), Some(tenant)) if tenant.index as usize == index => case.take_run(first, behind),
            _ => Behind::default(),
        }
    }

    /// Prefetches what [`Store::record`] will need of the connection with this head.
    #[inline]
    pub(super) fn prefetch_end(&self, head: &Head) {
        head.tape.prefetch_end(&self.rows);
    }

    fn begin(&mut self, seg: &Segment) {
        if self.heads.is_empty() {
            self.base = seg.time.0;
        }
    }

    /// Takes note of a connection that begins with `seg` where it does.
    #[inline]
    fn count(&mut self, seg: &Segment, previous: u32) {
        self.disordered |= seg.packet < self.newest;
        self.chained |= previous != 0;
        self.newest = seg.packet;
    }

    /// The next connection, with a tape that is `made` of `seg`. Its index.
    #[inline(always)]
    fn push_head(
        &mut self,
        seg: &Segment,
        state: Kept,
        previous: u32,
        beside: u32,
        made: impl Fn(&Segment) -> Tape,
    ) -> usize {
        self.count(seg, previous);
        self.heads.push(|| Head {
            sockets: [seg.src, seg.dst],
            first_packet: seg.packet,
            state,
            beside,
            previous,
            tape: made(seg),
        });
        self.heads.len() - 1
    }

    /// The record of connection `index`.
    pub(super) fn case_mut(&mut self, index: usize) -> &mut Case<E> {
        let slot = match self.heads.state(index).how() {
            How::Record(slot) => slot,
            How::Packed(place) => {
                let case = self.unpacked(place);
                self.shelf.forget(place);
                self.returned += 1;
                let slot = self.settle(index, case);
                self.heads.open(index).state = Kept::new(&How::Record(slot));
                slot
            }
            How::Tape => {
                let mut room = std::mem::take(&mut self.ahead);
                let case = self.played(index, &mut room);
                self.ahead = room;
                if self.heads.state(index).followed().is_some() {
                    self.era = self.era.wrapping_add(1);
                }
                self.heads.open(index).tape.forget(&mut self.rows);
                let slot = self.settle(index, case);
                self.heads.open(index).state = Kept::new(&How::Record(slot));
                slot
            }
        };
        self.tenants[slot].used = true;
        &mut self.records[slot]
    }

    /// Connection `index`, unpacked where it is packed.
    pub(super) fn case(&self, index: usize) -> Cow<'_, Case<E>> {
        match self.heads.state(index).how() {
            How::Record(slot) => Cow::Borrowed(&self.records[slot]),
            How::Packed(place) => Cow::Owned(self.unpacked(place)),
            How::Tape => Cow::Owned(self.played(index, &mut Room::default())),
        }
    }

    fn unpacked(&self, place: Place) -> Case<E> {
        let mut case = Case::new(Connection::blank(), E::blank());
        self.read(place, &mut case);
        case
    }

    /// Reads what is packed at `place` into a blank.
    pub(super) fn read(&self, place: Place, into: &mut Case<E>) {
        let mut from = In::new(self.shelf.from(place), self.base);
        E::Glance::unpack(&mut from);
        into.connection.read(&mut from);
        into.notes.read(&mut from);
    }

    /// Gives `case` a record, another's if need be.
    fn settle(&mut self, index: usize, case: Case<E>) -> usize {
        let tenant = Tenant { index: index as u32, used: true };
        if self.records.len() < self.room {
            self.records.push(case);
            self.tenants.push(tenant);
            return self.records.len() - 1;
        }
        let slot = self.free();
        self.records[slot] = case;
        self.tenants[slot] = tenant;
        slot
    }

    /// Packs a record that was not used for long.
    fn free(&mut self) -> usize {
        loop {
            self.hand += 1;
            if self.hand >= self.records.len() {
                self.hand = 0;
                // Many came back within a round: more are spoken on than there are records.
                if self.returned > self.room / 4 {
                    self.room = (self.room * 2).min(MOST_RECORDS);
                }
                self.returned = 0;
            }
            let tenant = &mut self.tenants[self.hand];
            if tenant.used {
                tenant.used = false;
                continue;
            }
            self.buffer.clear();
            let case = &self.records[self.hand];
            let mut out = Out::new(&mut self.buffer, self.base);
            case.notes.glance(&case.connection).pack(&mut out);
            case.connection.pack(&mut out);
            case.notes.pack(&mut out);
            let place = self.shelf.put(&self.buffer);
            self.heads.open(tenant.index as usize).state = Kept::new(&How::Packed(place));
            if self.shelf.is_mostly_holes() {
                self.close_holes();
            }
            return self.hand;
        }
    }

    /// Moves all that is packed to a new shelf.
    fn close_holes(&mut self) {
        let old = std::mem::take(&mut self.shelf);
        for head in self.heads.iter_mut() {
            let how = match head.state.how() {
                How::Record(_) | How::Tape => continue,
                How::Packed(place) => How::Packed(self.shelf.put(old.get(place))),
            };
            head.state = Kept::new(&how);
        }
    }

    /// Forgets the connections for which `keep` is false, by index; the others move up, in their order.
    pub(super) fn evict(&mut self, keep: impl Fn(usize) -> bool) {
        let mut free = Vec::new();
        let mut moved = 0;
        for index in 0..self.heads.len() {
            let how = self.heads.state(index).how();
            if keep(index) {
                if let How::Record(slot) = how {
                    self.tenants[slot].index = moved;
                }
                moved += 1;
                continue;
            }
            match how {
                How::Record(slot) => free.push(slot),
                How::Packed(place) => self.shelf.forget(place),
                How::Tape => self.heads.at(index).tape.forget(&mut self.rows),
            }
        }
        self.heads.retain(keep);
        // From the last on, so that what takes the place of a freed one is none to be freed.
        free.sort_unstable();
        for slot in free.into_iter().rev() {
            self.records.swap_remove(slot);
            self.tenants.swap_remove(slot);
            if let Some(tenant) = self.tenants.get(slot) {
                self.heads.open(tenant.index as usize).state = Kept::new(&How::Record(slot));
            }
        }
        self.hand = 0;
        if self.shelf.is_mostly_holes() {
            self.close_holes();
        }
    }
}
