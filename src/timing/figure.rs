//! Figures that are added up over the connections of a group.

use crate::report::Side;
use crate::report::timing::{Blame, GroupTiming, Stops};
use crate::time::Span;

/// How many figures every connection adds to; see [`Figure::index`].
pub const ADDED: usize = 4 + 9;
/// How many figures there are: also those of what stood still.
pub const FIGURES: usize = ADDED + 5 * STOPS;
/// How many figures [`Stops`] have.
pub const STOPS: usize = 4;

/// What stood still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Payload, for a second or more.
    Idle,
    /// What an end may take in.
    ZeroWindow(Side),
    /// The stream of an end.
    Stalls(Side),
}

impl Stopped {
    /// All of them.
    pub const ALL: [Stopped; 5] = [
        Stopped::Idle,
        Stopped::ZeroWindow(Side::Client),
        Stopped::ZeroWindow(Side::Server),
        Stopped::Stalls(Side::Client),
        Stopped::Stalls(Side::Server),
    ];

    /// The place of its first figure among all.
    pub fn place(self) -> usize {
        ADDED + STOPS * self.index()
    }

    fn index(self) -> usize {
        match self {
            Stopped::Idle => 0,
            Stopped::ZeroWindow(side) => 1 + side as usize,
            Stopped::Stalls(side) => 3 + side as usize,
        }
    }

    /// Of a group.
    pub fn of(self, g: &mut GroupTiming) -> &mut Stops {
        match self {
            Stopped::Idle => &mut g.idle,
            Stopped::ZeroWindow(side) => g.zero_window.get_mut(side),
            Stopped::Stalls(side) => g.stalls.get_mut(side),
        }
    }
}

/// A figure that is added up over the connections of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// SYNs sent again.
    SynRetries,
    /// SYN-ACKs sent again.
    SynackRetries,
    /// Samples left out.
    Excluded,
    /// Corrected values that would have been negative.
    Clamped,
    /// A part of the account, by its place in [`Blame::parts`](crate::report::timing::Blame::parts).
    Blame(u8),
}

impl Figure {
    /// Its place among all.
    #[inline]
    pub fn index(self) -> usize {
        match self {
            Figure::SynRetries => 0,
            Figure::SynackRetries => 1,
            Figure::Excluded => 2,
            Figure::Clamped => 3,
            Figure::Blame(part) => 4 + usize::from(part.min(8)),
        }
    }
}

/// A part of the account, by its place in [`Blame::parts`].
pub fn part(blame: &mut Blame, part: u8) -> &mut Span {
    match part {
        0 => &mut blame.handshake,
        1 => &mut blame.network,
        2 => &mut blame.recovery,
        3 => &mut blame.server,
        4 => &mut blame.client,
        5 => &mut blame.zero_window_server,
        6 => &mut blame.zero_window_client,
        7 => &mut blame.idle,
        _ => &mut blame.close,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_same_place_for_both() {
        let mut blame = Blame::default();
        (0..9).for_each(|i| *part(&mut blame, i) = Span(i.into()));
        assert_eq!(blame.parts().map(|(_, span)| span.0), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
