//! An endpoint's history in one line: each state, how it is known, how long it lasted.

use super::text::{BOLD, DIM, Text, YELLOW};
use super::units::{at_least, count, span};
use crate::report::{Endpoint, Report};
use crate::time::{Span, Time};
use crate::tracker::{Evidence, State};

/// How long a state lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasted {
    /// From its entry to the next.
    For(Span),
    /// From its entry to the end of the capture, and nobody knows for how long after.
    AtLeast(Span),
    /// It is where nothing more happens, or the capture's end is not known.
    Untold,
}

/// One state of a history.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The state.
    pub state: State,
    /// How its entry is known.
    pub evidence: Evidence,
    /// How long it lasted.
    pub lasted: Lasted,
}

/// The states of an endpoint in order; `end` is the time of the capture's last packet.
pub fn steps(endpoint: &Endpoint, end: Option<Time>) -> Vec<Step> {
    let entries = &endpoint.history;
    let step = |(i, entry): (usize, &crate::report::Entry)| Step {
        state: entry.state,
        evidence: entry.evidence,
        lasted: match (entries.get(i + 1), end) {
            (Some(next), _) => Lasted::For(next.time - entry.time),
            (None, _) if entry.state == State::Closed => Lasted::Untold,
            (None, Some(end)) => Lasted::AtLeast(end - entry.time),
            (None, None) => Lasted::Untold,
        },
    };
    entries.iter().enumerate().map(step).collect()
}

/// The sign behind a state that no segment of its own proves.
pub const fn mark(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Sent | Evidence::Confirmed => "",
        Evidence::Inferred => "?",
        Evidence::Assumed => "~",
        Evidence::Timer => "*",
    }
}

/// What the signs that occur at `ends` mean, in one line; `None` if none occurs.
pub fn legend<'a>(ends: impl Iterator<Item = &'a Endpoint>) -> Option<String> {
    let mut seen = [false; Evidence::ALL.len()];
    let (mut several, mut throughout) = (false, false);
    for end in ends {
        end.history.iter().for_each(|entry| seen[entry.evidence as usize] = true);
        throughout |= end.history.is_empty() && end.evidence == Evidence::Assumed;
        several |= end.possible.len() > 1;
    }
    let assumed = match (seen[Evidence::Assumed as usize], throughout) {
        (true, false) => "~ assumed: its beginning or one direction is missing",
        (false, _) => "~ assumed: no packet shows a socket there",
        (true, true) => "~ assumed: its beginning or one direction is missing, or no packet shows a socket there",
    };
    seen[Evidence::Assumed as usize] |= throughout;
    let meaning = |grade: Evidence| match grade {
        Evidence::Sent | Evidence::Confirmed => None,
        Evidence::Inferred => Some("? inferred: what caused it was captured, its arrival is not proven"),
        Evidence::Assumed => Some(assumed),
        Evidence::Timer => Some("* timer of the stack, modelled"),
    };
    let grades = Evidence::ALL.into_iter().filter(|grade| seen[*grade as usize]).filter_map(meaning);
    let parts: Vec<&str> = grades.chain(several.then_some("A|B: the capture allows both")).collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// Histories longer than this lose their middle in one-line form.
const LONG: usize = 16;

/// The steps as pieces of a line, to be joined by ` → `; the state it ended in stands out.
pub fn pieces(endpoint: &Endpoint, report: &Report) -> Vec<Text> {
    let steps = steps(endpoint, report.capture.last);
    let Some(last) = steps.len().checked_sub(1) else {
        let text = Text::styled(BOLD, endpoint.state.name()).with(YELLOW, mark(endpoint.evidence));
        return vec![text.with(DIM, " throughout")];
    };
    let mut pieces: Vec<Text> = steps.iter().enumerate().map(|(i, step)| piece(step, i == last)).collect();
    if pieces.len() > LONG {
        let cut = pieces.len() - LONG;
        pieces.splice(LONG / 2..LONG / 2 + cut, [Text::styled(DIM, &format!("… {} more …", count(cut as u64)))]);
    }
    pieces
}

fn piece(step: &Step, last: bool) -> Text {
    let state = if last { Text::styled(BOLD, step.state.name()) } else { Text::plain(step.state.name()) };
    let state = state.with(YELLOW, mark(step.evidence));
    match step.lasted {
        Lasted::For(lasted) => state.with(DIM, &format!(" {}", span(lasted))),
        Lasted::AtLeast(lasted) => state.and(&format!(" ≥ {}", at_least(lasted))),
        Lasted::Untold => state,
    }
}

/// The steps as one plain line.
pub fn line(endpoint: &Endpoint, report: &Report) -> String {
    pieces(endpoint, report).iter().map(Text::to_plain).collect::<Vec<_>>().join(" → ")
}
