//! Which four-tuple of one capture is which of the other. Mostly they are the same; behind NAT, what the segments carry
//! tells.

use std::collections::BTreeMap;

use super::pair::{CLIENT, SERVER};
use super::segments::{Kept, Lists, Segments, Tuples};
use crate::segment::Socket;

/// Two sockets, the lower one first.
pub type Tuple = (Socket, Socket);

/// For each socket of the server tap's capture that is called otherwise in the client tap's, what it is called there, by
/// four-tuple: (server tap's tuple) to (what its lower and its higher socket are).
pub type Translation = BTreeMap<Tuple, (Socket, Socket)>;

/// What a translation leaves alone.
type Mark = (u32, u32, u32, u8, Option<u32>);

fn mark(kept: &Kept) -> Mark {
    (kept.seq, kept.ack, kept.len, kept.flags(), kept.tsval())
}

/// Which four-tuples of a capture have a SYN, by number.
fn opened(of: &Segments) -> Vec<bool> {
    let mut opened = vec![false; of.tuples.len()];
    of.all.iter().filter(|kept| kept.flags() & 2 != 0).for_each(|kept| opened[kept.tuple as usize] = true);
    opened
}

/// Finds the counterparts of four-tuples that only one capture has, or has the opening of, by segments that are alike and
/// unlike all others.
pub(super) fn translate(client: &Segments, server: &Segments) -> Translation {
    /// So many segments alike are no chance; a SYN, with its random number, is worth that many.
    const ENOUGH: u32 = 3;
    let alone = |of: &Segments, other: &Segments| -> Vec<bool> {
        of.tuples.iter().map(|tuple| other.tuples.find(tuple).is_none()).collect()
    };
    let (mut ours, theirs) = (alone(client, server), alone(server, client));
    // Where the other capture has the same names without the opening, they may be of what a NAT without an entry let through.
    let (here, there) = (opened(client), opened(server));
    for ((tuple, alone), opened) in client.tuples.iter().zip(&mut ours).zip(here) {
        *alone |= opened && server.tuples.find(tuple).is_some_and(|same| !there[same as usize]);
    }
    let mut found = Translation::new();
    if !ours.contains(&true) || !theirs.contains(&true) {
        return found;
    }
    // By what a segment says: its sender and receiver, if there is only one that says it.
    let mut said: BTreeMap<Mark, Option<(Socket, Socket)>> = BTreeMap::new();
    for kept in client.all.iter().filter(|kept| ours[kept.tuple as usize]) {
        let ends = client.ends(kept);
        said.entry(mark(kept)).and_modify(|known| *known = known.filter(|k| *k == ends)).or_insert(Some(ends));
    }
    let lists = server.by_tuple();
    for (tuple, number) in server.tuples.iter().zip(0..).filter(|(_, number)| theirs[*number as usize]) {
        let mut votes: BTreeMap<(Socket, Socket), u32> = BTreeMap::new();
        for kept in lists.get(number).iter().map(|i| &server.all[*i as usize]) {
            let Some(Some((src, dst))) = said.get(&mark(kept)).copied() else { continue };
            let ends = if kept.is_from_first() { (src, dst) } else { (dst, src) };
            *votes.entry(ends).or_default() += if kept.flags() & 2 != 0 { ENOUGH } else { 1 };
        }
        let best = votes.into_iter().max_by_key(|(ends, n)| (*n, std::cmp::Reverse(*ends)));
        if let Some((ends, _)) = best.filter(|(_, n)| *n >= ENOUGH) {
            found.insert(tuple, ends);
        }
    }
    found
}

/// `socket` of a four-tuple of the server tap's capture, as the client tap's capture calls it.
pub fn rename(translation: &Translation, tuple: Tuple, socket: Socket) -> Socket {
    match translation.get(&tuple) {
        Some((low, _)) if socket == tuple.0 => *low,
        Some((_, high)) => *high,
        None => socket,
    }
}

/// The four-tuples of both captures as the client tap's calls them, numbered, and which segments are of each.
#[derive(Debug)]
pub(super) struct Named {
    pub tuples: Tuples,
    /// For each tap, for each four-tuple of its capture: its number here, and whether its sockets are the other way about.
    called: [Vec<(u32, bool)>; 2],
    lists: [Lists; 2],
}

impl Named {
    /// Those of the client's tap, and of the server's.
    pub fn of(segments: [&Segments; 2], translation: &Translation) -> Named {
        let mut tuples = Tuples::default();
        let mut call = |(a, b): Tuple| {
            let is_turned = a > b;
            (tuples.number(if is_turned { (b, a) } else { (a, b) }), is_turned)
        };
        let ours = segments[CLIENT].tuples.iter().map(&mut call).collect();
        let theirs = segments[SERVER].tuples.iter().map(|tuple| call(*translation.get(&tuple).unwrap_or(&tuple)));
        let called: [Vec<(u32, bool)>; 2] = [ours, theirs.collect()];
        let lists = [CLIENT, SERVER].map(|tap| {
            let number = |kept: &Kept| Some(called[tap][kept.tuple as usize].0);
            Lists::of(tuples.len(), segments[tap].all.iter().map(number))
        });
        Named { tuples, called, lists }
    }

    /// What was captured at `tap` of the four-tuple of this number: indices, in capture order.
    pub fn list(&self, tap: usize, number: u32) -> &[u32] {
        self.lists[tap].get(number)
    }

    /// The number of the four-tuple of a segment captured at `tap`.
    pub fn number(&self, tap: usize, kept: &Kept) -> u32 {
        self.called[tap][kept.tuple as usize].0
    }

    /// Whether the first socket of its four-tuple here sent a segment captured at `tap`.
    pub fn is_from_first(&self, tap: usize, kept: &Kept) -> bool {
        kept.is_from_first() != self.called[tap][kept.tuple as usize].1
    }

    /// Who sent it, and who was to receive it.
    pub fn ends(&self, tap: usize, kept: &Kept) -> (Socket, Socket) {
        let (first, second) = self.tuples.get(self.number(tap, kept));
        if self.is_from_first(tap, kept) { (first, second) } else { (second, first) }
    }
}
