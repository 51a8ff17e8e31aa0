//! Which connections come first, and which are alike enough that one stands for all.

use std::str::FromStr;

use super::facts::Parts;
use super::rank::{self, Kinds, Pick, Ranked};
use super::{Limit, RenderOptions};
use crate::report::{Connection, Outcome, Report, Row, Severity};
use crate::segment::Socket;
use crate::tracker::State;

/// What connections can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// Trouble first: findings, stuck, reset, unanswered, refused; then the largest.
    Attention,
    /// By number, which is the order of first packets.
    Id,
    /// Longest first.
    Duration,
    /// Most payload bytes first.
    Bytes,
    /// Most packets first.
    Packets,
    /// Slowest handshake first.
    Handshake,
    /// Last packet earliest first: who fell silent first.
    Last,
    /// By client address, then port.
    Client,
    /// By server address, then port.
    Server,
}

impl SortKey {
    /// All of them.
    pub const ALL: [SortKey; 9] = [
        SortKey::Attention,
        SortKey::Id,
        SortKey::Duration,
        SortKey::Bytes,
        SortKey::Packets,
        SortKey::Handshake,
        SortKey::Last,
        SortKey::Client,
        SortKey::Server,
    ];

    /// As on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            SortKey::Attention => "attention",
            SortKey::Id => "id",
            SortKey::Duration => "duration",
            SortKey::Bytes => "bytes",
            SortKey::Packets => "packets",
            SortKey::Handshake => "handshake",
            SortKey::Last => "last",
            SortKey::Client => "client",
            SortKey::Server => "server",
        }
    }
}

/// The error is what to write instead.
impl FromStr for SortKey {
    type Err = String;

    fn from_str(word: &str) -> Result<SortKey, String> {
        let found = SortKey::ALL.into_iter().find(|key| key.name() == word);
        found.ok_or_else(|| super::instead(word, "key", SortKey::ALL.map(SortKey::name)))
    }
}

/// How much a connection wants to be looked at; the first of the order is the most urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attention {
    /// Something is wrong with it.
    Error,
    /// Something is probably wrong with it.
    Warning,
    /// Caught between opening and closed, with nobody moving.
    Stuck,
    /// Ended by a RST.
    Reset,
    /// Never answered.
    Unanswered,
    /// Refused.
    Refused,
    /// Something is worth knowing about it.
    Noted,
    /// The capture does not tell.
    Unknown,
    /// Still open, as connections are.
    Open,
    /// Closed as it should be.
    Closed,
}

impl Attention {
    /// How much a connection wants to be looked at: by its worst finding, outcome and final states.
    pub fn of(row: &Row) -> Attention {
        // Both FINs were seen; one that is still not acknowledged keeps its sender waiting.
        let waits = |state: &State| matches!(state, State::FinWait1 | State::Closing | State::LastAck);
        match (row.worst.map(|(_, severity)| severity), row.outcome) {
            (Some(Severity::Error), _) => Attention::Error,
            (Some(Severity::Warning), _) => Attention::Warning,
            (_, Outcome::HalfOpen | Outcome::HalfClosed) => Attention::Stuck,
            (_, Outcome::Reset) => Attention::Reset,
            (_, Outcome::Unanswered) => Attention::Unanswered,
            (_, Outcome::Refused) => Attention::Refused,
            (Some(Severity::Note), _) => Attention::Noted,
            (_, Outcome::Unknown) => Attention::Unknown,
            (_, Outcome::Open) => Attention::Open,
            (_, Outcome::Closed) if row.states.iter().any(waits) => Attention::Stuck,
            (_, Outcome::Closed) => Attention::Closed,
        }
    }
}

/// Whether the worst of `connection` is the finding called `name`, at the service `at` if one is given.
pub fn is_of(connection: &Connection, name: &str, at: Option<Socket>) -> bool {
    at.is_none_or(|at| at == connection.server) && connection.worst().is_some_and(|worst| worst.name == name)
}

/// Whether one of both can stand for the other.
pub fn is_like(one: &Connection, other: &Connection) -> bool {
    rank::are_alike(&Row::of(one), &Row::of(other))
}

/// The connection like `shown` that a finding of `report` names as its worst case: it is the one that people look for.
fn named<'a>(report: &'a Report, shown: &Connection) -> Option<&'a Connection> {
    let all = &report.connections;
    let told = report.findings.iter().filter(|finding| is_of(shown, finding.name, None));
    let worst = told.filter_map(|finding| finding.facts.get("worst")?.as_u64());
    let mut cases = worst.filter_map(|id| all.get(all.binary_search_by_key(&id, |c| c.id).ok()?));
    cases.find(|case| is_like(shown, case))
}

/// A connection to list, and how many others it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// Others with the same server, outcome, worst finding and final states.
    pub alike: u64,
}

/// What of a report's connections is shown to a person; the others are only counted.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// All connections.
    pub all: u64,
    /// How many lack a part.
    pub parts: Parts,
    /// Those to list, in their order.
    pub listed: Vec<Listed<'a>>,
    /// The number of kinds there are, when connections were put together by kind.
    pub kinds: Option<usize>,
}

impl<'a> Shown<'a> {
    /// Of a report with all its connections: what `options` ask for; without an order or limit of their own, one of each
    /// kind, at most so many `kinds`.
    pub fn of(report: &'a Report, options: &RenderOptions, kinds: usize) -> Shown<'a> {
        let (mut picker, mut parts) = (Picker::new(options, kinds), Parts::default());
        for (index, c) in report.connections.iter().enumerate() {
            let row = Row::of(c);
            picker.add(index, &row);
            parts.add(&row);
        }
        let (chosen, kinds) = picker.chosen();
        let listed = |chosen: Pick| {
            let connection = report.connections.get(chosen.index)?;
            let named = if chosen.alike > 0 { named(report, connection) } else { None };
            Some(Listed { connection: named.unwrap_or(connection), alike: chosen.alike })
        };
        let listed = chosen.into_iter().filter_map(listed).collect();
        Shown { all: report.connections.len() as u64, parts, listed, kinds }
    }
}

/// Picks the connections that are shown to a person, as they come by.
#[derive(Clone, Debug)]
pub enum Picker {
    /// One of each kind.
    Kinds(Kinds, usize),
    /// The first ones of an order.
    Ranked(Ranked),
}

impl Picker {
    /// As `options` ask for; so many `kinds` if they do not say.
    pub fn new(options: &RenderOptions, kinds: usize) -> Picker {
        if by_kind(options) { Picker::Kinds(Kinds::default(), kinds) } else { Picker::Ranked(ranked(options, kinds)) }
    }

    /// As [`for_programs`] chooses.
    pub fn for_programs(options: &RenderOptions) -> Picker {
        Picker::Ranked(ranked_for_programs(options))
    }

    /// Takes a connection that the caller finds at `index`; they come in order of their numbers.
    pub fn add(&mut self, index: usize, row: &Row) {
        match self {
            Picker::Kinds(kinds, _) => kinds.add(index, row),
            Picker::Ranked(ranked) => ranked.add(index, row),
        }
    }

    /// Those that may still be picked, by where the caller finds them: at most so many of `most` that are the first now.
    pub fn held(&self, most: usize) -> Vec<usize> {
        match self {
            Picker::Kinds(kinds, shown) => kinds.held(most, *shown).collect(),
            Picker::Ranked(ranked) => ranked.held().collect(),
        }
    }

    /// Those picked, in their order, and how many kinds there are.
    pub fn chosen(self) -> (Vec<Pick>, Option<usize>) {
        match self {
            Picker::Kinds(kinds, most) => (kinds.chosen(most), Some(kinds.len())),
            Picker::Ranked(ranked) => (ranked.chosen(), None),
        }
    }
}

/// Whether a person is shown one connection of each kind: without an order or limit asked for.
fn by_kind(options: &RenderOptions) -> bool {
    options.sort.is_none() && options.limit == Limit::Suited && !options.detail
}

/// The order in which a person is shown connections, otherwise; `kinds` of them unless told how many.
fn ranked(options: &RenderOptions, kinds: usize) -> Ranked {
    let key = options.sort.unwrap_or(if options.detail { SortKey::Id } else { SortKey::Attention });
    let limit = match options.limit {
        // Whoever names connections wants to see each of them.
        Limit::Suited if options.detail => usize::MAX,
        Limit::Suited => kinds,
        Limit::At(n) => n,
        Limit::All => usize::MAX,
    };
    Ranked::new(key, options.reverse, limit)
}

/// The connections that `options` ask for, in their order, for a program: all by number unless told otherwise.
pub fn for_programs<'a>(report: &'a Report, options: &RenderOptions) -> impl Iterator<Item = &'a Connection> {
    let all = &report.connections;
    let limit = limit_for_programs(options);
    let key = options.sort.unwrap_or(SortKey::Id);
    // As they stand, nearly always.
    let sorted = key == SortKey::Id && !options.reverse && all.is_sorted_by_key(|c| c.id);
    let chosen = (!sorted).then(|| {
        let mut ranked = ranked_for_programs(options);
        all.iter().enumerate().for_each(|(index, c)| ranked.add(index, &Row::of(c)));
        ranked.chosen()
    });
    let plain = if sorted { limit } else { 0 };
    let chosen = chosen.into_iter().flatten().filter_map(|chosen| all.get(chosen.index));
    all.iter().take(plain).chain(chosen)
}

fn ranked_for_programs(options: &RenderOptions) -> Ranked {
    Ranked::new(options.sort.unwrap_or(SortKey::Id), options.reverse, limit_for_programs(options))
}

fn limit_for_programs(options: &RenderOptions) -> usize {
    match options.limit {
        Limit::At(n) => n,
        Limit::Suited | Limit::All => usize::MAX,
    }
}
