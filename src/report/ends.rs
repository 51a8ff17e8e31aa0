//! What only two captures of the same traffic, one at each end, can tell.

use serde::Serialize;

use super::model::PerSide;
use crate::time::{Span, Time};

/// How the two captures fit together.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BothEnds {
    /// Which files were captured at which side.
    pub files: PerSide<Vec<String>>,
    /// Present if what is in both captures, of both directions, was captured with one and the same difference of times: they
    /// were made at one place, or one is a copy of the other. Then neither confirms what the other believes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, schemars(default))]
    pub one_place: bool,
    /// Segments were matched both ways, so that the clocks can be compared.
    pub clock_known: bool,
    /// What the clock of the server's side shows more than that of the client's.
    pub offset: Span,
    /// How much faster it goes, in parts per million; absent where that does not show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_ppm: Option<f64>,
    /// Half the least round trip between the taps, or half of what clocks that tremble contradict each other by; the
    /// offset is not wrong by more than the former.
    pub delay: Span,
    /// Segments by the side that sent them, of all connections.
    pub path: PerSide<Direction>,
    /// Four-tuples that the two captures name differently (NAT).
    pub translated: u64,
    /// Four-tuples whose segments have other numbers at the other side (a SYN proxy, a firewall that changes them): they
    /// cannot be matched, and `path` leaves them out.
    pub renumbered: u64,
    /// Beliefs of the single captures that the other one bore out.
    pub confirmed: u64,
    /// Beliefs of the single captures that the other one disproved.
    pub retracted: u64,
    /// Connections that both captures have.
    pub shared: u64,
    /// Connections that only the capture at that side has.
    pub only: PerSide<u64>,
    /// Most connections were opened from the side that was called the server's.
    pub swapped: bool,
}

impl BothEnds {
    /// Where most connections of even the capture that has fewer are not in the other one: how many are in both, and how
    /// many that capture has. They may be none of the same traffic.
    pub fn few_shared(&self) -> Option<(u64, u64)> {
        let fewer = self.shared + self.only.client.min(self.only.server);
        (self.shared * 2 < fewer).then_some((self.shared, fewer))
    }
}

/// What became of segments that were sent in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Direction {
    /// Captured at the sender.
    pub sent: u64,
    /// Of these, captured at the receiver, too.
    pub arrived: u64,
    /// Of these, not captured at the receiver, although the capture there ran.
    pub lost: u64,
    /// Of these, sent before the first packet of the capture at the receiver, or after its last: nothing shows that it ran.
    pub undecided: u64,
    /// Captured at the receiver once more.
    pub repeated: u64,
    /// Captured at the receiver only: missed at the sender, or put in on the way.
    pub unseen: u64,
}

impl Direction {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Direction) {
        self.sent += other.sent;
        self.arrived += other.arrived;
        self.lost += other.lost;
        self.undecided += other.undecided;
        self.repeated += other.repeated;
        self.unseen += other.unseen;
    }

    /// The share that was lost of what is known to have arrived or not.
    pub fn loss(&self) -> Option<f64> {
        let known = self.arrived + self.lost;
        (known > 0).then(|| self.lost as f64 / known as f64)
    }
}

/// The same segment in the capture at the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OtherTap {
    /// Its number in that capture.
    pub packet: u64,
    /// When it was captured there, by that tap's clock.
    pub time: Time,
}
