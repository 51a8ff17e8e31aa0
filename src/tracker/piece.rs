//! Some heads one after the other; in a flood of lone SYNs what these follow from, in less room.

use super::heads::Head;
use super::syn::Syn;
use crate::segment::Segment;

/// Heads of a piece, as a power of two: 32 KiB, or 12 of lone SYNs.
pub(super) const BITS: u32 = 8;
pub(super) const PIECE: usize = 1 << BITS;

/// So many of a piece of lone SYNs may become more.
const FEW: usize = PIECE / 16;

/// Heads one after the other, or lone SYNs. Neither where they were let go.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece {
    heads: Vec<Head>,
    syns: Option<Box<Syns>>,
}

/// Lone SYNs: what the heads of their connections would be follows from them.
#[derive(Clone, Debug)]
struct Syns {
    /// Number of the packet of the first one.
    first: u64,
    syns: Vec<Syn>,
    /// The heads of a few that are more than that, where their SYNs say.
    grown: Vec<Head>,
}

impl Syns {
    /// The head of one that is more than a SYN.
    fn get(&self, place: usize) -> Option<&Head> {
        // Mostly there is none, and no SYN has to be looked at.
        if self.grown.is_empty() { None } else { self.grown.get(self.syns.get(place)?.moved()?) }
    }

    /// The head at this place.
    fn open(&mut self, place: usize) -> &mut Head {
        let Syns { first, syns, grown } = self;
        let next = grown.len();
        let syn = std::mem::replace(&mut syns[place], Syn::to(next));
        match syn.moved() {
            Some(at) => syns[place] = Syn::to(at),
            None => grown.push(syn.head(*first)),
        }
        &mut grown[syn.moved().unwrap_or(next)]
    }
}

impl Piece {
    /// One with room for heads.
    pub(super) fn of_heads() -> Piece {
        Piece { heads: Vec::with_capacity(PIECE), syns: None }
    }

    /// One with room for lone SYNs, in this packet or later ones.
    pub(super) fn of_syns(first: u64) -> Piece {
        let syns = Syns { first, syns: Vec::with_capacity(PIECE), grown: Vec::new() };
        Piece { heads: Vec::new(), syns: Some(Box::new(syns)) }
    }

    /// The head at this place, unless there is a lone SYN.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&Head> {
        self.heads.get(place).or_else(|| self.grown(place))
    }

    /// The same where there are no lone SYNs.
    #[inline]
    pub(super) fn whole(&self, place: usize) -> Option<&Head> {
        self.heads.get(place)
    }

    /// The same, to be changed.
    #[inline(always)]
    pub(super) fn whole_mut(&mut self, place: usize) -> Option<&mut Head> {
        self.heads.get_mut(place)
    }

    /// The lone SYN at this place, and the packet that it counts from.
    #[inline]
    pub(super) fn syn(&self, place: usize) -> Option<(&Syn, u64)> {
        let Syns { first, syns, .. } = &**self.syns.as_ref()?;
        Some((syns.get(place).filter(|syn| syn.moved().is_none())?, *first))
    }

    /// The head at this place, to be changed.
    #[inline]
    pub(super) fn open(&mut self, place: usize) -> &mut Head {
        if place < self.heads.len() { &mut self.heads[place] } else { self.open_syn(place) }
    }

    /// Where another head goes.
    #[inline]
    pub(super) fn room(&mut self) -> &mut Vec<Head> {
        if self.syns.is_none() { &mut self.heads } else { self.apart() }
    }

    /// Adds a SYN behind the others; false, and nothing is done, if it has no room among them.
    #[inline]
    pub(super) fn push_syn(&mut self, seg: &Segment) -> bool {
        let Some(Syns { first, syns, .. }) = self.syns.as_deref_mut() else { return false };
        let syn = Syn::of(seg, *first);
        syns.extend(syn);
        syn.is_some()
    }

    /// Puts a SYN that counts from `before` at this place; false if it has no room among others there.
    pub(super) fn put_syn(&mut self, place: usize, syn: Syn, before: u64) -> bool {
        if self.has_grown() {
            self.spread();
        }
        let Some(Syns { first, syns, .. }) = self.syns.as_deref_mut() else { return false };
        let syn = syn.after(*first, before);
        syn.into_iter().for_each(|syn| syns[place] = syn);
        syn.is_some()
    }

    /// Makes heads of lone SYNs, if more than a few grow.
    fn make_room(&mut self) {
        if self.syns.as_ref().is_some_and(|syns| syns.grown.len() >= FEW) {
            self.spread();
        }
    }

    /// Makes heads of lone SYNs.
    fn spread(&mut self) {
        if let Some(syns) = self.syns.take() {
            self.heads.reserve_exact(PIECE);
            let head = |place: usize| syns.get(place).copied().unwrap_or_else(|| syns.syns[place].head(syns.first));
            self.heads.extend((0..syns.syns.len()).map(head));
        }
    }

    #[cold]
    #[inline(never)]
    fn grown(&self, place: usize) -> Option<&Head> {
        self.syns.as_ref()?.get(place)
    }

    /// The head at this place, to be changed, where there may be a lone SYN.
    #[cold]
    #[inline(never)]
    fn open_syn(&mut self, place: usize) -> &mut Head {
        if self.grown(place).is_none() {
            self.make_room();
        }
        match self.syns.as_deref_mut() {
            Some(syns) => syns.open(place),
            None => &mut self.heads[place],
        }
    }

    /// Where another head goes, if there are lone SYNs.
    #[cold]
    #[inline(never)]
    fn apart(&mut self) -> &mut Vec<Head> {
        self.make_room();
        match self.syns.as_deref_mut() {
            Some(Syns { syns, grown, .. }) => {
                syns.push(Syn::to(grown.len()));
                grown
            }
            None => &mut self.heads,
        }
    }

    /// Lets go of those from this place on.
    pub(super) fn truncate(&mut self, len: usize) {
        if self.has_grown() {
            self.spread();
        }
        self.heads.truncate(len);
        self.syns.iter_mut().for_each(|syns| syns.syns.truncate(len));
    }

    fn has_grown(&self) -> bool {
        self.syns.as_ref().is_some_and(|syns| !syns.grown.is_empty())
    }

    /// Whether nothing is in it but lone SYNs.
    #[inline]
    pub(super) fn is_lone(&self) -> bool {
        self.syns.as_ref().is_some_and(|syns| syns.grown.is_empty())
    }

    /// All heads.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Head> {
        let grown = self.syns.iter_mut().flat_map(|syns| syns.grown.iter_mut());
        self.heads.iter_mut().chain(grown)
    }

    /// Whether nothing is left of it.
    pub(super) fn is_gone(&self) -> bool {
        self.heads.capacity() == 0 && self.syns.is_none()
    }

    /// Whether most are lone SYNs.
    pub(super) fn is_flood(&self) -> bool {
        let some = self.heads.iter().step_by(PIECE / 32);
        let lone = some.clone().filter(|head| head.tape.is_lone_syn());
        self.syns.is_some() || lone.count() * 8 > some.len() * 7
    }
}
