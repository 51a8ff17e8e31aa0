//! What the tracker makes of a ladder, held against what the ladder says.
#![allow(dead_code, reason = "each test file uses another part")]

use tcpstate::ladder::{Cell, Ladder, Line};
use tcpstate::segment::{Segment, Socket};
use tcpstate::time::Time;
use tcpstate::tracker::mark::Place;
use tcpstate::tracker::rules::Event;
use tcpstate::tracker::{Profile, State, States, Tracker};

/// One state entered by one socket, in whichever incarnation of its four-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub time: Time,
    pub incarnation: usize,
    pub from: State,
    pub event: Event,
    pub state: State,
    /// Entered after the segment that this end sent at that time.
    pub after: bool,
}

/// A tracker that has taken `segments`.
pub fn track(segments: &[Segment]) -> Tracker {
    let mut tracker = Tracker::new();
    for seg in segments {
        tracker.segment(seg);
    }
    tracker
}

/// All states that `socket` entered, over the incarnations of its only four-tuple, as known at `now`.
pub fn history(tracker: &Tracker, socket: Socket, now: Time, profile: &Profile) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (incarnation, c) in tracker.connections().iter().enumerate() {
        let Some(e) = c.sockets.iter().position(|s| *s == socket) else { continue };
        entries.extend(c.verdicts(now, profile)[e].steps.iter().map(|s| Entry {
            time: s.mark.time,
            incarnation,
            from: s.rule.from,
            event: s.rule.event,
            state: s.rule.to,
            after: s.mark.place == Place::After,
        }));
    }
    entries.sort_by_key(|e| (e.time, e.incarnation));
    entries
}

/// The state of `socket` at `now` and all states possible then: those of the last incarnation in which it was
/// anything but CLOSED.
pub fn present(tracker: &Tracker, socket: Socket, now: Time, profile: &Profile) -> (State, States) {
    let last = history(tracker, socket, now, profile).last().map(|e| e.incarnation);
    let connections = tracker.connections();
    let Some(c) = last.map_or_else(|| connections.last(), |i| connections.get(i)) else {
        return (State::Closed, States::of(&[State::Closed]));
    };
    let e = usize::from(c.sockets[0] != socket);
    let verdict = &c.verdicts(now, profile)[e];
    (verdict.state(), verdict.possible)
}

/// LISTEN belongs to a port; a connection's end that waits for a SYN is CLOSED.
fn plain(state: State) -> State {
    if state == State::Listen { State::Closed } else { state }
}

fn names(states: impl IntoIterator<Item = State>) -> String {
    states.into_iter().map(State::name).collect::<Vec<_>>().join(", ")
}

/// Holds `ladder` against the tracker: the ladder with every wrong cell marked, if one is.
pub fn check(ladder: &Ladder) -> Result<(), String> {
    let profile = ladder.stack.profile();
    let segments = ladder.segments();
    let tracker = track(&segments);
    let mut marks: Vec<(usize, String)> = Vec::new();
    let mut columns = Vec::new();
    for (side, socket, cell) in [
        ("left", ladder.left, (|l| &l.left) as fn(&Line) -> &Cell),
        ("right", ladder.right, (|l| &l.right) as fn(&Line) -> &Cell),
    ] {
        let found = history(&tracker, socket, ladder.end(), &profile);
        let mut told = told(ladder, cell);
        let midway = told.first().is_some_and(|s| *s != State::Closed);
        for (i, line) in ladder.lines.iter().enumerate() {
            let Some(expected) = cell(line).states.last().copied().map(plain) else { continue };
            if i == 0 && line.arrow.is_none() && midway {
                continue;
            }
            let allowed = states_in(&found, ladder, i);
            if !allowed.contains(&expected) {
                marks.push((i, format!("{side}: {expected} expected, {} found", names(allowed))));
            }
        }
        let mut entered: Vec<State> = found.iter().map(|e| e.state).collect();
        if !midway {
            entered.insert(0, State::Closed);
        }
        told.dedup();
        entered.dedup();
        if told != entered {
            let (told, entered) = (names(told), names(entered));
            columns.push(format!("{side} column: {told}\n{side} history: {entered}"));
        }
    }
    let mut tracker = Tracker::new();
    let mut rest = segments.iter();
    for (i, line) in ladder.lines.iter().enumerate() {
        if line.arrow.as_ref().is_some_and(|a| a.captured)
            && let Some(seg) = rest.next()
        {
            tracker.segment(seg);
        }
        for (side, socket, cell) in [("left", ladder.left, &line.left), ("right", ladder.right, &line.right)] {
            let (state, possible) = present(&tracker, socket, Time(0) + line.time, &profile);
            if let Some(expected) = cell.believed
                && plain(expected) != state
            {
                marks.push((i, format!("{side}: ({expected}) expected at the time, ({state}) found")));
            }
            if let Some(expected) = cell.possible
                && expected != possible
            {
                let [a, b] = [expected, possible].map(|s| names(s.iter()));
                marks.push((i, format!("{side}: {{{a}}} expected at the time, {{{b}}} found")));
            }
            if !possible.has(state) {
                marks.push((i, format!("{side}: {state} is not among the possible {}", names(possible.iter()))));
            }
        }
    }
    if marks.is_empty() && columns.is_empty() { Ok(()) } else { Err(marked(ladder, &marks, &columns)) }
}

/// The states down one column, each once.
fn told(ladder: &Ladder, cell: fn(&Line) -> &Cell) -> Vec<State> {
    let mut told: Vec<State> = ladder.lines.iter().flat_map(|l| cell(l).states.iter().copied().map(plain)).collect();
    let blank = ladder.lines.first().is_none_or(|l| cell(l).states.is_empty());
    if blank {
        told.insert(0, State::Closed);
    }
    told.dedup();
    told
}

/// The state that lasts at line `i`, after those entered since the line before (and the one before those, if they came
/// after what was sent in this line).
fn states_in(found: &[Entry], ladder: &Ladder, i: usize) -> Vec<State> {
    let at = |i: usize| Time(0) + ladder.lines[i].time;
    let mut states = Vec::new();
    if !found.iter().any(|e| e.time <= at(i)) {
        states.push(State::Closed);
    }
    let since = i.checked_sub(1).map(at);
    let lasting = found.iter().rfind(|e| e.time <= at(i)).map(|e| e.state);
    for (j, entry) in found.iter().enumerate().filter(|(_, e)| e.time <= at(i) && since.is_none_or(|t| e.time > t)) {
        if entry.after && entry.time == at(i) {
            states.push(j.checked_sub(1).map_or(State::Closed, |j| found[j].state));
        }
        states.push(entry.state);
    }
    states.extend(lasting);
    states.dedup();
    states
}

fn marked(ladder: &Ladder, marks: &[(usize, String)], columns: &[String]) -> String {
    let mut text = String::new();
    for (i, row) in ladder.rows().iter().enumerate() {
        text += &format!("  {row}\n");
        for (_, mark) in marks.iter().filter(|(j, _)| *j == i) {
            text += &format!("  ^^ {mark}\n");
        }
    }
    for column in columns {
        text += &format!("{column}\n");
    }
    text
}
