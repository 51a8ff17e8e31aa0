//! From the watcher and what the user has chosen to what is to be seen.

use super::rank::{self, Candidate};
use super::ui::Ui;
use super::view::{ConnectionRow, FindingRow, Ladder, Rung, StateRow, View};
use crate::live::{Followed, Watcher};
use crate::render::Zone;
use crate::render::clean::clean;
use crate::render::units::{about, bytes, clock, count};
use crate::report::{Connection, Entry, Side};
use crate::segment::Flags;
use crate::source::FileInfo;
use crate::time::{Span, Time};
use crate::tracker::State;

/// Rows of the list at most: more than any screen has.
const ROWS: usize = 200;

/// What is to be seen now.
pub fn build(watcher: &Watcher, source: &FileInfo, ui: &Ui, zone: Zone) -> View {
    let now = watcher.now();
    let counts = watcher.counts();
    let (packets, begun) = counts.rates(5);
    let (seen, tracked) = watcher.tally();
    let candidates = candidates(watcher);
    let listed = candidates.len() as u64;
    let first = rank::first(candidates, ui.sort, ui.reverse, ROWS, now);
    let connections: Vec<ConnectionRow> = first.iter().map(|c| row(watcher, c, now)).collect();
    let mut view = View {
        source: if source.name == "-" { "standard input".to_owned() } else { source.name.clone() },
        // Seconds are enough for a clock on the wall.
        time: clock(now, zone).split('.').next().unwrap_or_default().to_owned(),
        rates: (about(packets.round() as u64), about(begun.round() as u64)),
        dropped: source.dropped,
        problem: source.problem.as_deref().map(|problem| clean(problem).into_owned()),
        connections_seen: seen,
        tracked,
        evicted: watcher.metrics().evicted,
        states: states(watcher),
        findings: findings(watcher),
        selected: 0,
        connections,
        listed,
        sort: ui.sort,
        reverse: ui.reverse,
        paused: false,
        filter: None,
        typing: None,
        help: false,
        in_full: false,
        scroll: 0,
        ladder: ui.open.map(|id| ladder(watcher, id)),
    };
    view.apply(ui);
    view
}

fn states(watcher: &Watcher) -> Vec<StateRow> {
    let counts = watcher.counts();
    let row = |state: State| StateRow {
        state,
        client: counts.now.client[state as usize],
        server: counts.now.server[state as usize],
        past: counts.past().map(|s| s.states.client[state as usize] + s.states.server[state as usize]).collect(),
    };
    State::OPEN.iter().copied().map(row).collect()
}

fn findings(watcher: &Watcher) -> Vec<FindingRow> {
    let row = |finding: &crate::report::Finding, cleared| FindingRow {
        severity: finding.severity,
        text: format!("{}: {}", finding.name, finding.message),
        cleared,
    };
    let held = watcher.held().iter().rev().map(|finding| row(finding, true));
    watcher.findings().iter().map(|finding| row(finding, false)).chain(held).collect()
}

fn candidates(watcher: &Watcher) -> Vec<Candidate> {
    let candidate = |(index, id, ends)| {
        let (last, bytes) = watcher.traffic(index);
        Candidate { index, id, ends, last, bytes, severity: watcher.severity(index) }
    };
    watcher.connections().map(candidate).collect()
}

fn row(watcher: &Watcher, candidate: &Candidate, now: Time) -> ConnectionRow {
    let c = watcher.tracked(candidate.index);
    let (client, _) = c.client();
    ConnectionRow {
        id: candidate.id,
        client: c.sockets[client].to_string(),
        server: c.sockets[1 - client].to_string(),
        states: [candidate.ends.client.state, candidate.ends.server.state],
        age: age(candidate.age(now)),
        idle: age(Span((now - candidate.last).0.max(0))),
        bytes: bytes(candidate.bytes),
        severity: candidate.severity,
    }
}

/// In six columns, and in whole seconds: the screen should not flicker.
fn age(of: Span) -> String {
    let seconds = of.0.max(0) / 1_000_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match () {
        () if seconds < 1 => "<1 s".to_owned(),
        () if minutes < 1 => format!("{seconds} s"),
        () if hours < 1 => format!("{minutes}m{:02}s", seconds % 60),
        () if days < 1 => format!("{hours}h{:02}m", minutes % 60),
        () => format!("{days}d{:02}h", hours % 24),
    }
}

fn ladder(watcher: &Watcher, id: u64) -> Ladder {
    let Some(index) = watcher.find(id) else {
        return Ladder { title: format!("#{id}"), gone: true, ..Ladder::default() };
    };
    let c = watcher.connection(index);
    let mut facts = vec![format!(
        "{}, {} packets, {} to the server, {} to the client",
        c.outcome.name(),
        count(c.packets.total()),
        bytes(c.bytes.client),
        bytes(c.bytes.server)
    )];
    for (side, endpoint) in [(Side::Client, &c.endpoints.client), (Side::Server, &c.endpoints.server)] {
        if endpoint.possible.len() > 1 {
            let states: Vec<&str> = endpoint.possible.iter().map(|s| s.name()).collect();
            facts.push(format!("the {} may be in {}", side.name(), states.join(", ")));
        }
    }
    facts.extend(c.anomalies.iter().map(|anomaly| format!("{}: {}", anomaly.name, anomaly.message)));
    Ladder {
        title: format!("#{id} {} → {}", c.client, c.server),
        facts,
        rungs: rungs(&c, watcher.followed(id)),
        gone: false,
        scroll: 0,
    }
}

/// Histories of both ends, and the segments noted since the connection was opened, in order of time.
fn rungs(c: &Connection, followed: &[Followed]) -> Vec<Rung> {
    enum What<'a> {
        Entered(Side, &'a Entry),
        Segment(&'a Followed),
    }
    let entered = |side: Side| c.endpoints.get(side).history.iter().map(move |e| (e.time, 1, What::Entered(side, e)));
    let segments = followed.iter().map(|seg| (seg.time, 0, What::Segment(seg)));
    let mut all: Vec<_> = entered(Side::Client).chain(entered(Side::Server)).chain(segments).collect();
    all.sort_by_key(|(time, rank, _)| (*time, *rank));
    let mut states = [State::Closed; 2];
    let mut rungs: Vec<Rung> = Vec::with_capacity(all.len());
    for (time, _, what) in all {
        let (text, to_server) = match what {
            What::Entered(side, entry) => {
                states[side as usize] = entry.state;
                (format!("{} {} ({})", side.name(), entry.cause, entry.evidence.name()), None)
            }
            What::Segment(seg) => (segment(seg), Some(seg.to_server)),
        };
        let time = format!("{:.6}", (time - c.first).as_secs_f64());
        rungs.push(Rung { time, client: states[0], server: states[1], text, to_server });
    }
    rungs
}

fn segment(p: &Followed) -> String {
    let mut text = format!("{} seq {}", p.flags, p.seq);
    if p.flags.has(Flags::ACK) {
        text.push_str(&format!(" ack {}", p.ack));
    }
    if p.len > 0 {
        text.push_str(&format!(" len {}", p.len));
    }
    text
}
