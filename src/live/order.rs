//! Who is forgotten first when there are too many connections.
//!
//! 1. those that are over: both ends CLOSED, or their TIME_WAIT run out; the longest over first;
//! 2. those in TIME_WAIT, which have nothing left to do, the longest silent first;
//! 3. those that never came about (SYN_SENT, SYN_RCVD): what a flood of SYNs is made of; the longest silent first;
//! 4. all others, the longest silent first.

use crate::time::Time;
use crate::tracker::State;

/// What counts: class, then how recently a packet passed.
pub type Rank = (u8, Time);

/// The rank of a connection with these states whose last packet passed at `last`; the lowest goes first.
pub fn rank(states: [State; 2], last: Time) -> Rank {
    let all = |set: &[State]| states.iter().all(|s| set.contains(s));
    let class = if all(&[State::Closed]) {
        0
    } else if all(&[State::Closed, State::TimeWait]) {
        1
    } else if all(&[State::Closed, State::SynSent, State::SynRcvd, State::Listen]) {
        2
    } else {
        3
    };
    (class, last)
}

/// Which of `ranks` stay when `forget` of them have to go.
pub fn keep(ranks: &[Rank], forget: usize) -> Vec<bool> {
    let mut by_rank: Vec<(Rank, usize)> = ranks.iter().copied().zip(0..).collect();
    let forget = forget.min(by_rank.len());
    let mut keep = vec![true; by_rank.len()];
    if forget > 0 {
        by_rank.select_nth_unstable(forget - 1);
        by_rank[..forget].iter().for_each(|(_, i)| keep[*i] = false);
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_goes_before_what_waits_and_open_ones_last() {
        use State::{Closed, Established, SynRcvd, SynSent, TimeWait};
        let ranks = [
            rank([Established, Established], Time(1)),
            rank([TimeWait, Closed], Time(2)),
            rank([SynSent, SynRcvd], Time(3)),
            rank([Closed, Closed], Time(4)),
            rank([Established, Established], Time(5)),
            rank([Closed, Closed], Time(3)),
        ];
        assert_eq!(keep(&ranks, 0), [true; 6]);
        assert_eq!(keep(&ranks, 1), [true, true, true, true, true, false]);
        assert_eq!(keep(&ranks, 3), [true, false, true, false, true, false]);
        assert_eq!(keep(&ranks, 5), [false, false, false, false, true, false]);
        assert_eq!(keep(&ranks, 9), [false; 6]);
    }
}
