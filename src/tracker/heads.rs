//! What every connection is found by, in pieces that never move: memory is touched once, however many come.

use std::borrow::Cow;
use std::net::IpAddr;

use super::kept::{How, Kept};
use super::piece::{BITS, PIECE, Piece};
use super::syn::Syn;
use super::tape::Tape;
use crate::pack::Pack;
use crate::prefetch::prefetch;
use crate::segment::{Segment, Socket};

/// So many pieces before a new one it shows whether there is a flood: by then what was answered has been.
const LATELY: usize = 4;

/// What is known of a connection without its record. Two cache lines: what it is found by, and its tape.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Head {
    pub(super) sockets: [Socket; 2],
    pub(super) first_packet: u64,
    pub(super) state: Kept,
    /// The latest one on the same four-tuple in another scope, plus one; 0 for none.
    pub(super) beside: u32,
    /// The one before it on the same four-tuple, plus one; 0 for none.
    pub(super) previous: u32,
    /// Its segments, while they are only written down.
    pub(super) tape: Tape,
}

const _: () = assert!(size_of::<Head>() == 128);

impl Head {
    /// That of a tape without segments.
    fn blank() -> Head {
        let seg = Segment::blank();
        let (sockets, state, tape) = ([seg.src, seg.dst], Kept::new(&How::Tape), Tape::new(&seg));
        Head { sockets, first_packet: 0, state, beside: 0, previous: 0, tape }
    }

    /// Which of its ends `a` is, if it is about these two sockets.
    #[inline(always)]
    pub(super) fn sender(&self, a: &Socket, b: &Socket) -> Option<usize> {
        self.sender_by_port(a, b).or_else(|| self.is_from_same_port(a, b).then_some(1))
    }

    /// The same, in one direction only where the port does not tell which it is.
    #[inline(always)]
    pub(super) fn sender_by_port(&self, a: &Socket, b: &Socket) -> Option<usize> {
        // Nobody foresees the direction: it is counted with, not asked for.
        let back = usize::from(a.port != self.sockets[0].port);
        (self.sockets[back] == *a && self.sockets[1 - back] == *b).then_some(back)
    }

    /// The same where the port does not tell the direction, in the other one.
    #[inline(never)]
    fn is_from_same_port(&self, a: &Socket, b: &Socket) -> bool {
        a.port == b.port && self.sockets[0] == *b && self.sockets[1] == *a
    }
}

/// The heads of all connections, by number.
///
/// One list of them would be copied whenever it grows: what is aligned to cache lines the allocator does not move by
/// giving its pages another address.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads {
    /// Behind those in which the last ones are there may be others with nothing in them.
    pieces: Vec<Piece>,
    len: usize,
    /// Whether those that came a while ago were of a flood, or none did.
    flood: bool,
}

impl Heads {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Head `i`, unless all there is of it is a SYN.
    #[inline]
    pub(super) fn get(&self, i: usize) -> Option<&Head> {
        self.pieces.get(i >> BITS)?.get(i % PIECE)
    }

    /// The same where there are no lone SYNs beside it, as is the case without a flood behind the first [`LATELY`] pieces.
    #[inline]
    pub(super) fn whole(&self, i: usize) -> Option<&Head> {
        self.pieces.get(i >> BITS)?.whole(i % PIECE)
    }

    /// The same, to be changed.
    #[inline(always)]
    pub(super) fn whole_mut(&mut self, i: usize) -> Option<&mut Head> {
        self.pieces.get_mut(i >> BITS)?.whole_mut(i % PIECE)
    }

    /// The lone SYN that is kept in the place of head `i`, and the first packet of those that it is kept with.
    #[inline]
    pub(super) fn syn(&self, i: usize) -> Option<(&Syn, u64)> {
        self.pieces.get(i >> BITS)?.syn(i % PIECE)
    }

    /// How many come from head `i` on in a piece that holds nothing but lone SYNs; 0 if it holds more.
    #[inline]
    pub(super) fn lone_from(&self, i: usize) -> usize {
        if self.pieces.get(i >> BITS).is_some_and(Piece::is_lone) { PIECE - i % PIECE } else { 0 }
    }

    /// Head `i`.
    #[inline]
    pub(super) fn at(&self, i: usize) -> Cow<'_, Head> {
        self.get(i).map_or_else(|| Cow::Owned(self.made(i)), Cow::Borrowed)
    }

    /// What head `i` would be; of one that was let go, that of a tape without segments.
    #[cold]
    #[inline(never)]
    fn made(&self, i: usize) -> Head {
        self.syn(i).map_or_else(Head::blank, |(syn, first)| syn.head(first))
    }

    /// Head `i`, to be changed.
    #[inline]
    pub(super) fn open(&mut self, i: usize) -> &mut Head {
        self.pieces[i >> BITS].open(i % PIECE)
    }

    /// How connection `i` is kept; of one that was let go, that it was on tape.
    #[inline]
    pub(super) fn state(&self, i: usize) -> Kept {
        self.get(i).map_or(Kept::on_tape(1), |head| head.state)
    }

    /// Number of the first packet of connection `i`.
    #[inline]
    pub(super) fn first_packet(&self, i: usize) -> u64 {
        match (self.whole(i), self.syn(i)) {
            (Some(head), _) => head.first_packet,
            (_, Some((syn, first))) => syn.packet(first),
            _ => self.at(i).first_packet,
        }
    }

    /// The sockets of connection `i`.
    #[inline]
    pub(super) fn sockets(&self, i: usize) -> Cow<'_, [Socket; 2]> {
        match (self.whole(i), self.syn(i)) {
            (Some(head), _) => Cow::Borrowed(&head.sockets),
            (_, Some((syn, _))) => Cow::Owned(syn.sockets()),
            _ => Cow::Owned(self.at(i).sockets),
        }
    }

    /// Who sent the first segment of connection `i`.
    #[inline]
    pub(super) fn sender_addr(&self, i: usize) -> IpAddr {
        match self.whole(i) {
            Some(head) => head.sockets[0].addr,
            None => self.syn(i).map_or_else(|| self.at(i).sockets[0].addr, |(syn, _)| syn.sender_addr()),
        }
    }

    /// The one before it on the same four-tuple.
    #[inline]
    pub(super) fn previous(&self, i: usize) -> Option<usize> {
        (self.get(i)?.previous as usize).checked_sub(1)
    }

    /// The latest one on the same four-tuple in another scope.
    pub(super) fn beside(&self, i: usize) -> Option<usize> {
        (self.get(i)?.beside as usize).checked_sub(1)
    }

    /// Which end of connection `i` the socket `a` is, if it is between these two.
    #[inline]
    pub(super) fn sender(&self, i: usize, a: &Socket, b: &Socket) -> Option<usize> {
        match self.get(i) {
            Some(head) => head.sender(a, b),
            None => self.syn(i)?.0.sender(a, b),
        }
    }

    /// Prefetches head `i`, both lines.
    #[inline]
    pub(super) fn prefetch(&self, i: usize) {
        if let Some(head) = self.whole(i) {
            prefetch(&head.sockets);
            prefetch(&head.tape);
        } else if let Some((syn, _)) = self.syn(i) {
            prefetch(syn);
        }
    }

    /// Adds one, which is `made` where it stays: what was just put together elsewhere is slow to copy.
    #[inline(always)]
    pub(super) fn push(&mut self, made: impl Fn() -> Head) {
        let place = self.len >> BITS;
        if place == self.pieces.len() {
            self.grow();
        }
        self.len += 1;
        self.pieces[place].room().extend((0..1).map(|_| made()));
    }

    /// Adds that of a connection that begins with `seg`, the first on its four-tuple, where there is a flood of those that a
    /// tape could [keep](Tape::keeps), as `seg`; else does nothing, and says so.
    #[inline]
    pub(super) fn push_syn(&mut self, seg: &Segment) -> bool {
        if self.len.is_multiple_of(PIECE) {
            self.begin_flood(seg);
        }
        self.flood && self.push_another(seg)
    }

    /// The same where it is known that there is a flood.
    fn push_another(&mut self, seg: &Segment) -> bool {
        let added = self.pieces.get_mut(self.len >> BITS).is_some_and(|piece| piece.push_syn(seg));
        self.len += usize::from(added);
        added
    }

    /// Begins a piece of lone SYNs, if those that came a while ago were of a flood, or there are few yet.
    #[cold]
    fn begin_flood(&mut self, seg: &Segment) {
        let place = self.len >> BITS;
        let before = place.checked_sub(LATELY).and_then(|before| self.pieces.get(before));
        self.flood = before.is_none_or(Piece::is_flood);
        if self.flood {
            self.pieces.truncate(place);
            self.pieces.push(Piece::of_syns(seg.packet));
        }
    }

    /// Takes the last one back.
    pub(super) fn pop(&mut self) {
        self.truncate(self.len.saturating_sub(1));
    }

    fn truncate(&mut self, len: usize) {
        self.len = len;
        let mut pieces = self.pieces.iter_mut().skip(len >> BITS);
        pieces.next().into_iter().for_each(|piece| piece.truncate(len % PIECE));
        pieces.for_each(|piece| piece.truncate(0));
    }

    #[cold]
    fn grow(&mut self) {
        self.pieces.push(Piece::of_heads());
    }

    /// Those that are more than lone SYNs.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Head> {
        self.pieces.iter_mut().flat_map(Piece::iter_mut)
    }

    /// Forgets those for which `keep` is false, by number; the others move up, in their order. Room that is left is kept.
    pub(super) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let mut kept = 0;
        for i in (0..self.len).filter(|i| keep(*i)) {
            if kept < i {
                self.put(kept, i);
            }
            kept += 1;
        }
        self.truncate(kept);
    }

    /// Puts head `i` in the place of head `to`.
    fn put(&mut self, to: usize, i: usize) {
        let syn = self.syn(i).map(|(syn, first)| (*syn, first));
        if !syn.is_some_and(|(syn, first)| self.pieces[to >> BITS].put_syn(to % PIECE, syn, first)) {
            let head = *self.at(i);
            *self.open(to) = head;
        }
    }

    /// Lets go of those below `end`, as far as they are in pieces of their own: nobody asks for them any more.
    pub(super) fn let_go(&mut self, end: usize) {
        let whole = end.min(self.len) >> BITS;
        // From the end on, since nearly all were let go before.
        let some = self.pieces.iter_mut().take(whole).rev().take_while(|piece| !piece.is_gone());
        some.for_each(|piece| *piece = Piece::default());
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::segment::{Flags, Options, Timestamps};
    use crate::time::Time;

    /// The `n`th SYN of all, with numbers that follow from it.
    fn syn(n: u32) -> Segment {
        let socket = |n: u32| Socket { addr: Ipv4Addr::from_bits(n.wrapping_mul(0x9e37_79b9)).into(), port: n as u16 };
        let stamps = Timestamps { value: n ^ 0x55, echo: 0 };
        let options = Options {
            mss: n.is_multiple_of(3).then_some(n as u16),
            window_scale: n.is_multiple_of(5).then_some(n as u8),
            sack_permitted: n.is_multiple_of(7),
            timestamps: n.is_multiple_of(2).then_some(stamps),
            ..Options::default()
        };
        Segment {
            time: Time(i64::from(n) - 300),
            packet: u64::from(n) + (1 << 40),
            src: socket(n),
            dst: socket(n + 1),
            seq: u32::MAX - n,
            flags: Flags(Flags::SYN.0 | ((n % 1_024) as u16 * 64)),
            window: n as u16,
            checksum: n as u16 ^ 7,
            ip_id: n as u16 ^ 9,
            ttl: n as u8,
            options,
            ..Segment::blank()
        }
    }

    /// The head of a connection that begins with it.
    fn head(seg: &Segment) -> Head {
        let (sockets, state, tape) = ([seg.src, seg.dst], Kept::new(&How::Tape), Tape::keeping(seg));
        Head { sockets, first_packet: seg.packet, state, beside: 0, previous: 0, tape }
    }

    fn check(heads: &mut Heads, expected: &[Head]) {
        assert_eq!(heads.len(), expected.len());
        for (i, expected) in expected.iter().enumerate() {
            assert_eq!(format!("{:?}", heads.at(i)), format!("{expected:?}"), "head {i}");
            assert_eq!((*heads.sockets(i), heads.state(i)), (expected.sockets, expected.state));
            assert_eq!(heads.beside(i), expected.beside.checked_sub(1).map(|i| i as usize));
            let [a, b] = expected.sockets;
            let senders = [(a, b), (b, a), (a, a)].map(|(a, b)| heads.sender(i, &a, &b));
            assert_eq!(senders, [Some(0), Some(1), None]);
            if let Some((syn, first)) = heads.syn(i) {
                let lone = expected.tape.lone(expected.first_packet);
                assert_eq!(format!("{:?}", Some(syn.lone(first))), format!("{lone:?}"));
            }
        }
        assert!(heads.get(expected.len()).is_none() && heads.syn(expected.len()).is_none());
    }

    #[test]
    fn those_kept_move_up_in_their_order_and_more_come_behind_them() {
        let mut heads = Heads::default();
        assert!(heads.is_empty());
        let (mut expected, mut n): (Vec<Head>, u32) = (Vec::new(), 0);
        for (flood, keep_every) in [(true, 3), (false, 50_000), (false, 1), (true, 7), (true, 2), (true, 1)] {
            for _ in 0..3 * PIECE + 5 {
                n += 1;
                let seg = syn(n);
                if !(flood && heads.push_syn(&seg)) {
                    heads.push(|| head(&seg));
                }
                expected.push(head(&seg));
            }
            check(&mut heads, &expected);
            heads.retain(|i| i % keep_every == 0);
            expected = expected.into_iter().step_by(keep_every).collect();
            check(&mut heads, &expected);
            heads.pop();
            expected.pop();
            // Some go on, in some pieces many.
            for i in (0..heads.len()).filter(|i| i % 100 == 7 || i / PIECE % 3 == 1 && i.is_multiple_of(3)) {
                heads.open(i).beside = n;
                expected[i].beside = n;
            }
            check(&mut heads, &expected);
            for head in heads.iter_mut().filter(|head| head.beside == n) {
                head.beside = 1 << 20;
            }
            expected.iter_mut().filter(|head| head.beside == n).for_each(|head| head.beside = 1 << 20);
            check(&mut heads, &expected);
        }
        assert!((0..heads.len()).any(|i| heads.syn(i).is_some()), "some take little room");
    }

    #[test]
    fn what_is_let_go_says_nothing() {
        let mut heads = Heads::default();
        (0..5 * PIECE as u32).for_each(|n| assert!(heads.push_syn(&syn(n))));
        heads.open(PIECE);
        assert_eq!([3, PIECE + 3, 5 * PIECE - 1].map(|i| heads.lone_from(i)), [PIECE - 3, 0, 1]);
        for end in [PIECE - 1, 2 * PIECE + 7, 2 * PIECE + 8, 4 * PIECE] {
            heads.let_go(end);
            for i in 0..heads.len() {
                let (gone, expected) = (i < end / PIECE * PIECE, head(&syn(i as u32)));
                assert_eq!((heads.at(i).tape.is_empty(), *heads.sockets(i) == expected.sockets), (gone, !gone));
            }
        }
    }
}
