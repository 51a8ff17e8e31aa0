//! Copies of a few connections that outlast those they were made of: these are let go.

use super::case::Notes;
use super::kept::How;
use super::table::Tracker;
use crate::pack::block::Row;

impl<N: Notes> Tracker<N> {
    /// Takes over a copy of connection `index` of `other`, and of the one before it on its four-tuple: its index here. `None`
    /// where they are more than written down.
    pub fn adopt(&mut self, other: &Tracker<N>, index: usize) -> Option<usize> {
        let previous = other.previous(index).map(|previous| self.copy(other, previous, None));
        self.copy(other, index, previous.map_or(Some(None), |copied| copied.map(Some))?)
    }

    /// Takes over a copy of one of them, which comes after `previous`.
    fn copy(&mut self, other: &Tracker<N>, index: usize, previous: Option<usize>) -> Option<usize> {
        let mut head = *other.store.heads.at(index);
        let How::Tape = head.state.how() else { return None };
        let bytes = other.store.rows.get(&head.tape.row);
        (head.beside, head.previous) = (0, previous.map_or(0, |previous| previous as u32 + 1));
        head.tape.row = Row::EMPTY;
        let copied = |room: &mut [u8]| {
            room.get_mut(..bytes.len()).into_iter().for_each(|room| room.copy_from_slice(bytes));
            bytes.len()
        };
        if !bytes.is_empty() && !self.store.rows.append(&mut head.tape.row, copied) {
            return None;
        }
        self.store.heads.push(|| head);
        Some(self.store.heads.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Pack;
    use crate::segment::{Flags, Segment, Socket};
    use crate::time::Time;

    #[test]
    fn a_copy_is_as_what_it_was_made_of() {
        let (mut tracker, mut packet): (Tracker, u64) = (Tracker::new(), 0);
        let [ack, syn, fin] = [Flags::ACK, Flags::SYN, Flags::FIN | Flags::ACK];
        // Some four-tuples are used again, long after; every third connection is a lone SYN.
        for n in 0..40_u32 {
            let socket = |host: u32, port| Socket { addr: [192, 0, 2, host as u8].into(), port };
            let (lone, isn) = (n % 3 == 2, n.wrapping_mul(0x3000_0000));
            let sockets = [socket(if lone { n } else { n % 30 }, 4_000), socket(99, 80)];
            let [mine, theirs] = [isn, !isn].map(|isn| [0, 1, 2].map(|more| isn.wrapping_add(more)));
            let said = [
                (0, mine[0], 0, syn),
                (1, theirs[0], mine[1], syn | ack),
                (0, mine[1], theirs[1], ack),
                (0, mine[1], theirs[1], fin),
                (1, theirs[1], mine[2], fin),
                (0, mine[2], theirs[2], ack),
            ];
            for (x, seq, ack, flags) in said.into_iter().take(if lone { 1 } else { 6 }) {
                packet += 1;
                let (time, window) = (Time(i64::from(n) * 100_000_000_000 + packet as i64 * 1_000_000), 9_000);
                let [src, dst] = [sockets[x], sockets[1 - x]];
                let seg = Segment { time, packet, src, dst, seq, ack, flags, window, ..Segment::blank() };
                tracker.pass(&seg, tracker.ahead(&seg));
            }
        }
        tracker.complete();
        let (mut copies, mut after) = (Tracker::new(), 0);
        for index in 0..tracker.len() {
            let copy = copies.adopt(&tracker, index).expect("it is on tape");
            assert_eq!(format!("{:?}", copies.case(copy)), format!("{:?}", tracker.case(index)));
            let before = |tracker: &Tracker, index| {
                tracker.previous(index).map(|previous| format!("{:?}", tracker.connection(previous)))
            };
            assert_eq!(before(&copies, copy), before(&tracker, index));
            after += usize::from(tracker.previous(index).is_some());
        }
        assert!(after > 0, "some come after another");
    }
}
