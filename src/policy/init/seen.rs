//! What the connections of a capture are like, one by one: none is kept.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::super::judge::has_gap;
use crate::report::{Connection, Severity, Side};
use crate::time::Span;
use crate::tracker::State;

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How many there are.
    pub(super) all: u64,
    /// Packets of so many are missing, though both directions were captured.
    pub(super) gaps: u64,
    /// Of so many one direction was captured.
    pub(super) one_way: u64,
    /// How many have a finding with this code that is a warning or worse.
    pub(super) troubled: BTreeMap<&'static str, u64>,
    /// By server port.
    ports: BTreeMap<u16, Members>,
}

/// Those to one port.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// How many there are.
    pub count: u64,
    /// What became of them.
    pub outcomes: BTreeSet<&'static str>,
    /// Who closed first.
    pub closers: BTreeSet<&'static str>,
    /// Of how many that is known.
    pub closed: u64,
    /// Whether any was, or may have been, in one of the states that are [rare](Members::RARE).
    pub rare: [bool; 4],
    /// How long opening them took.
    pub handshakes: Vec<Span>,
    /// The longest time in CLOSE_WAIT of the client and of the server.
    pub close_wait: [Option<Span>; 2],
}

impl Members {
    /// States that a service may never be in, and whose they are.
    pub const RARE: [(State, Side); 4] = [
        (State::CloseWait, Side::Client),
        (State::CloseWait, Side::Server),
        (State::Closing, Side::Client),
        (State::Closing, Side::Server),
    ];

    fn take(&mut self, c: &Connection) {
        self.count += 1;
        self.outcomes.insert(c.outcome.name());
        self.closers.extend(c.closed_first.map(|who| who.name()));
        self.closed += u64::from(c.closed_first.is_some());
        for ((state, side), ever) in Members::RARE.into_iter().zip(&mut self.rare) {
            let endpoint = c.endpoints.get(side);
            *ever |= endpoint.possible.has(state) || endpoint.history.iter().any(|entry| entry.state == state);
        }
        self.handshakes.extend(c.timing.handshake);
        for (side, longest) in Side::ALL.into_iter().zip(&mut self.close_wait) {
            *longest = c.endpoints.get(side).time_in_state.get(State::CloseWait).max(*longest);
        }
    }
}

impl Seen {
    /// Takes a connection.
    pub fn take(&mut self, c: &Connection) {
        self.all += 1;
        self.gaps += u64::from(has_gap(c) && !c.is_one_way());
        self.one_way += u64::from(c.is_one_way());
        let trouble = c.anomalies.iter().filter(|a| a.severity >= Severity::Warning).map(|a| a.code);
        for code in trouble.collect::<BTreeSet<_>>() {
            *self.troubled.entry(code).or_default() += 1;
        }
        self.ports.entry(c.server.port).or_default().take(c);
    }

    /// The ports with the most connections, so many of them, in the order of their numbers.
    pub(super) fn busiest(&self, most: usize) -> BTreeMap<u16, &Members> {
        let mut ports: Vec<(u16, &Members)> = self.ports.iter().map(|(port, members)| (*port, members)).collect();
        ports.sort_by_key(|(port, members)| (Reverse(members.count), *port));
        ports.into_iter().take(most).collect()
    }
}
