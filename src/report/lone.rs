//! Lone SYNs in short: a flood brings millions of connections of which nothing differs but addresses, ports and times.

use super::model::Connection;
use crate::segment::Socket;
use crate::time::{Span, Time};

/// What tells a lone SYN from others of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoneSyn {
    /// Number of the connection.
    pub id: u64,
    /// Who sent it.
    pub client: Socket,
    /// To whom.
    pub server: Socket,
    /// When.
    pub time: Time,
    /// In which packet.
    pub packet: u64,
    /// How long before the end of the capture.
    pub rest: Span,
    /// For how long it went unanswered, in microseconds, if that is objected to; else 0.
    pub waited: i64,
}

/// Lone SYNs that are told in the same words.
#[derive(Clone, Debug)]
pub struct Kind {
    /// One of them, made up: none of these values stands in `connection` for anything else, nor do the address and port of
    /// one end, or the two times, look like each other.
    pub made_up: LoneSyn,
    /// The same in full.
    pub connection: Connection,
}

/// Some lone SYNs.
#[derive(Clone, Debug, Default)]
pub struct LoneSyns {
    /// The kinds there are.
    pub kinds: Vec<Kind>,
    /// In order of their numbers, each with the place of its kind.
    pub syns: Vec<(usize, LoneSyn)>,
}

impl LoneSyns {
    /// None.
    pub const NONE: LoneSyns = LoneSyns { kinds: Vec::new(), syns: Vec::new() };
}
