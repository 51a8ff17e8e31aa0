//! What is to be seen, as plain data: texts are ready, nothing is left to be worked out but the layout.

use super::rank::Sort;
use super::ui::Ui;
use crate::report::Severity;
use crate::tracker::State;

/// Everything on the screen.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Interface or pipe.
    pub source: String,
    /// Time of day at the tap.
    pub time: String,
    /// Packets and new connections per second.
    pub rates: (String, String),
    /// Packets dropped by the kernel, if it says.
    pub dropped: Option<u64>,
    /// What is wrong with the interface or pipe.
    pub problem: Option<String>,
    /// Connections seen, remembered, forgotten.
    pub connections_seen: u64,
    /// See `connections_seen`.
    pub tracked: u64,
    /// See `connections_seen`.
    pub evicted: u64,
    /// One row for each state that a connection can be in.
    pub states: Vec<StateRow>,
    /// Findings that hold, then those that held.
    pub findings: Vec<FindingRow>,
    /// The connections that matter most, in order.
    pub connections: Vec<ConnectionRow>,
    /// How many there are to be listed in all.
    pub listed: u64,
    /// Index into `connections`.
    pub selected: usize,
    /// In which order.
    pub sort: Sort,
    /// The other way round.
    pub reverse: bool,
    /// What is shown is no longer brought up to date.
    pub paused: bool,
    /// The filter in force.
    pub filter: Option<String>,
    /// The filter being typed, and what is wrong with it.
    pub typing: Option<(String, Option<String>)>,
    /// The keys are shown.
    pub help: bool,
    /// All findings instead of the list, scrolled down by so many lines.
    pub in_full: bool,
    /// See `in_full`.
    pub scroll: usize,
    /// One connection instead of the list.
    pub ladder: Option<Ladder>,
}

impl View {
    /// Takes over what the user has chosen about the looks; what is shown stays as it was.
    pub fn apply(&mut self, ui: &Ui) {
        self.selected = ui.selected.min(self.connections.len().saturating_sub(1));
        (self.paused, self.help) = (ui.paused, ui.help);
        (self.in_full, self.scroll) = (ui.in_full, ui.scroll.min(4 * self.findings.len()));
        self.typing = ui.typing.clone();
        self.filter = ui.filter.clone();
        match (&mut self.ladder, ui.open) {
            (Some(ladder), Some(_)) => ladder.scroll = ui.scroll,
            (ladder, None) => *ladder = None,
            (None, Some(_)) => {}
        }
    }
}

/// One state.
#[derive(Clone, Debug)]
pub struct StateRow {
    /// Which.
    pub state: State,
    /// Endpoints in it now.
    pub client: u64,
    /// See `client`.
    pub server: u64,
    /// The most at one time, both sides together.
    pub past: Vec<u64>,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct FindingRow {
    /// How much it matters.
    pub severity: Severity,
    /// Its name and sentence.
    pub text: String,
    /// It held, but does so no longer.
    pub cleared: bool,
}

/// One connection in the list.
#[derive(Clone, Debug)]
pub struct ConnectionRow {
    /// Its number.
    pub id: u64,
    /// Both ends.
    pub client: String,
    /// See `client`.
    pub server: String,
    /// Both states.
    pub states: [State; 2],
    /// Time in the more telling of the two states.
    pub age: String,
    /// Since the last packet.
    pub idle: String,
    /// Payload of both ends.
    pub bytes: String,
    /// The worst that was found about it.
    pub severity: Option<Severity>,
}

/// One connection, from its beginning, as it goes on.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    /// Number and ends.
    pub title: String,
    /// What became of it so far, and other facts.
    pub facts: Vec<String>,
    /// From top to bottom.
    pub rungs: Vec<Rung>,
    /// It was forgotten.
    pub gone: bool,
    /// Rungs that it is scrolled up from its end.
    pub scroll: usize,
}

/// One step of a ladder.
#[derive(Clone, Debug)]
pub struct Rung {
    /// Since the beginning of the connection.
    pub time: String,
    /// State of the client after it.
    pub client: State,
    /// State of the server after it.
    pub server: State,
    /// What passed or happened.
    pub text: String,
    /// From the client to the server; `None` for what is no segment.
    pub to_server: Option<bool>,
}
