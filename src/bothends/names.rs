//! Which four-tuple of one capture is which of the other. Mostly they are the same; behind NAT, what the segments carry
//! tells.

use std::collections::BTreeMap;

use super::tap::Seen;
use crate::segment::Socket;

/// Two sockets, the lower one first.
pub type Tuple = (Socket, Socket);

/// The four-tuple of a segment.
pub fn tuple(seen: &Seen) -> Tuple {
    if seen.src <= seen.dst { (seen.src, seen.dst) } else { (seen.dst, seen.src) }
}

/// Segments of a capture by four-tuple: indices, in capture order.
pub fn by_tuple(segments: &[Seen]) -> BTreeMap<Tuple, Vec<u32>> {
    let mut tuples: BTreeMap<Tuple, Vec<u32>> = BTreeMap::new();
    for (i, seen) in segments.iter().enumerate() {
        tuples.entry(tuple(seen)).or_default().push(i as u32);
    }
    tuples
}

/// For each socket of the server tap's capture that is called otherwise in the client tap's, what it is called there, by
/// four-tuple: (server tap's tuple) to (what its lower and its higher socket are).
pub type Translation = BTreeMap<Tuple, (Socket, Socket)>;

/// What a translation leaves alone.
type Mark = (u32, u32, u32, u8, Option<u32>);

fn mark(seen: &Seen) -> Mark {
    (seen.seq, seen.ack, seen.len, seen.flags, seen.tsval)
}

/// Whether a SYN is among these.
fn opens(segments: &[Seen], indices: &[u32]) -> bool {
    indices.iter().any(|i| segments[*i as usize].flags & 2 != 0)
}

/// Finds the counterparts of four-tuples that only one capture has, or has the opening of, by segments that are alike and unlike all others.
pub fn translate(client: &[Seen], server: &[Seen]) -> Translation {
    /// So many segments alike are no chance; a SYN, with its random number, is worth that many.
    const ENOUGH: u32 = 3;
    let (ours, theirs) = (by_tuple(client), by_tuple(server));
    // By what a segment says: its sender and receiver, if there is only one that says it.
    let mut said: BTreeMap<Mark, Option<(Socket, Socket)>> = BTreeMap::new();
    // Where the other capture has the same names without the opening, they may be of what a NAT without an entry let through.
    let elsewhere = |tuple: &Tuple, indices: &[u32]| {
        theirs.get(tuple).is_none_or(|same| opens(client, indices) && !opens(server, same))
    };
    for indices in ours.iter().filter(|(tuple, indices)| elsewhere(tuple, indices)).map(|(_, indices)| indices) {
        for seen in indices.iter().map(|i| &client[*i as usize]) {
            let ends = (seen.src, seen.dst);
            said.entry(mark(seen)).and_modify(|known| *known = known.filter(|k| *k == ends)).or_insert(Some(ends));
        }
    }
    let mut found = Translation::new();
    for (theirs, indices) in theirs.iter().filter(|(tuple, _)| !ours.contains_key(*tuple)) {
        let mut votes: BTreeMap<(Socket, Socket), u32> = BTreeMap::new();
        for seen in indices.iter().map(|i| &server[*i as usize]) {
            let Some(Some((src, dst))) = said.get(&mark(seen)).copied() else { continue };
            let ends = if seen.src == theirs.0 { (src, dst) } else { (dst, src) };
            *votes.entry(ends).or_default() += if seen.flags & 2 != 0 { ENOUGH } else { 1 };
        }
        let best = votes.into_iter().max_by_key(|(ends, n)| (*n, std::cmp::Reverse(*ends)));
        if let Some((ends, _)) = best.filter(|(_, n)| *n >= ENOUGH) {
            found.insert(*theirs, ends);
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
