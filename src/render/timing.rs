//! The timing tables as rows of text, for the formats that people read.

use super::rows::Rows;
use super::units::{count, plural, span};
use crate::report::timing::{Distribution, GroupTiming, Occupancy, Stops};
use crate::report::{Report, Side};
use crate::time::Span;
use crate::timing::quantile;
use crate::timing::table::Metric;
use crate::tracker::State;

/// Each metric, and what people call it.
const METRICS: [(Metric, &str); 17] = [
    (Metric::SynToSynack, "SYN → SYN-ACK"),
    (Metric::SynackToAck, "SYN-ACK → ACK"),
    (Metric::Handshake, "handshake"),
    (Metric::SynRetryDelay, "added by SYN retries"),
    (Metric::ConnectDelay, "first SYN → ACK"),
    (Metric::RttClient, "round trip to client"),
    (Metric::RttServer, "round trip to server"),
    (Metric::FirstRequest, "ACK → first request"),
    (Metric::Ttfb, "time to first byte"),
    (Metric::ServerThink, "server think"),
    (Metric::Response, "request → last byte"),
    (Metric::ClientThink, "client think"),
    (Metric::FinToAckClient, "client FIN → ACK"),
    (Metric::FinToAckServer, "server FIN → ACK"),
    (Metric::FinToFin, "FIN → FIN"),
    (Metric::CloseDuration, "close"),
    (Metric::Duration, "whole connection"),
];

/// Groups listed in the short view.
const FEW: usize = 5;
/// Groups listed in the long view.
const MANY: usize = 20;

/// The tables of a report; `long` are all of them in full.
pub fn tables(report: &Report, long: bool) -> Vec<Rows> {
    let timing = &report.timing;
    if timing.all.connections == 0 {
        return Vec::new();
    }
    let mut tables = vec![metrics(&timing.all, long, report.capture.left_out.is_some()), states(&timing.all, long)];
    let most = if long { MANY } else { FEW };
    // Where none passed, as with a packet for each connection, there is nothing to share out.
    if timing.all.blame.total().0 > 0 {
        tables.push(blame("WHERE THE TIME WENT", &timing.all, &timing.by_server, most, timing.omitted.servers));
    }
    // What is added up of one capture agrees with no history of the other end's.
    for table in tables.iter_mut().filter(|_| report.capture.both_ends.is_some()) {
        let alone = "by the client's capture alone";
        table.remark = if table.remark.is_empty() { alone.to_owned() } else { format!("{alone}; {}", table.remark) };
    }
    if long {
        tables.push(groups("BY SERVER", &timing.by_server, timing.omitted.servers));
        tables.push(groups("BY CLIENT", &timing.by_client, timing.omitted.clients));
        tables.push(groups("BY PAIR", &timing.by_pair, timing.omitted.pairs));
        tables.extend(pauses(&timing.all));
    }
    tables.retain(|t| !t.rows.is_empty());
    tables.iter_mut().for_each(Rows::prune);
    tables
}

/// `bars` as a row of blocks, from the least to the greatest sample in equal steps of the logarithm.
pub fn histogram(bars: &[u64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = bars.iter().copied().max().unwrap_or(0).max(1);
    let block = |n: u64| match n {
        0 => ' ',
        n => BLOCKS[((u128::from(n) * 8).div_ceil(u128::from(most)) as usize).clamp(1, 8) - 1],
    };
    bars.iter().map(|n| block(*n)).collect()
}

fn spread(d: &Distribution) -> String {
    if d.min == d.max { String::new() } else { histogram(&d.shape) }
}

/// Where a tap was, by its name in the JSON.
fn place(name: &str) -> &'static str {
    match name {
        "client" => "near the client",
        "server" => "near the server",
        "middle" => "between the ends",
        _ => "an unknown place",
    }
}

/// Where the taps were, in words.
fn seen_from(all: &GroupTiming) -> String {
    let mut places: Vec<(&str, u64)> = all.vantages.iter().map(|(name, n)| (place(name), *n)).collect();
    places.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let parts: Vec<String> = match places[..] {
        [(only, _)] => vec![only.to_owned()],
        _ => places.iter().map(|(name, n)| format!("{name} ({})", count(*n))).collect(),
    };
    format!("seen from {}", parts.join(", "))
}

fn metrics(all: &GroupTiming, long: bool, unacknowledged: bool) -> Rows {
    let mut rough = false;
    let mut rows = Vec::new();
    for (metric, label) in METRICS {
        let Some(d) = all.metrics.get(metric.name()).filter(|_| long || metric.is_short()) else { continue };
        rough |= d.error.is_some();
        rows.push(vec![
            label.to_owned(),
            count(d.n),
            span(d.min),
            span(d.p50),
            span(d.p95),
            span(d.p99),
            span(d.max),
            spread(d),
        ]);
    }
    let mut remark = seen_from(all);
    if all.excluded > 0 {
        remark.push_str(&format!(
            "; {} left out: sent again, not to be told apart, or acknowledged unseen",
            count(all.excluded)
        ));
    }
    if unacknowledged {
        remark.push_str(
            ", as far as that shows; round trips took no longer, as acknowledgments without data are missing",
        );
    }
    if rough {
        remark.push_str(&format!("; quantiles of many samples ±{:.1} %", quantile::ERROR * 100.0));
    }
    let header = vec!["", "n", "min", "p50", "p95", "p99", "max", "spread (log)"];
    Rows { title: "TIMING", remark, left: 1, header, rows }
}

fn states(all: &GroupTiming, long: bool) -> Rows {
    let title = "TIME IN STATE";
    let remark = "open: lasted when the capture ended, or before it began".to_owned();
    if long {
        let header = vec![
            "state",
            "of",
            "n",
            "min",
            "p50",
            "p95",
            "p99",
            "max",
            "p50 between",
            "open",
            "longest",
            "spread (log)",
        ];
        let mut rows = Vec::new();
        for state in State::ALL {
            for side in Side::ALL {
                if let Some(o) = all.states.get(side).get(&state) {
                    rows.push(long_row(state, side, o));
                }
            }
        }
        return Rows { title, remark, left: 2, header, rows };
    }
    let header = vec!["state", "clients", "p50", "p95", "max", "open", "servers", "p50", "p95", "max", "open"];
    let cells = |o: Option<&Occupancy>| -> [String; 5] {
        let Some(o) = o else { return Default::default() };
        let of = |f: &dyn Fn(&Distribution) -> Span| o.spans.as_ref().map_or("-".to_owned(), |d| span(f(d)));
        let dash = |n: u64| if n == 0 { "-".to_owned() } else { count(n) };
        [dash(o.spans.as_ref().map_or(0, |d| d.n)), of(&|d| d.p50), of(&|d| d.p95), of(&|d| d.max), dash(o.open)]
    };
    let mut rows = Vec::new();
    for state in State::ALL {
        let [client, server] = [all.states.client.get(&state), all.states.server.get(&state)];
        if client.is_some() || server.is_some() {
            let row = std::iter::once(state.name().to_owned());
            rows.push(row.chain(cells(client)).chain(cells(server)).collect());
        }
    }
    Rows { title, remark, left: 1, header, rows }
}

fn long_row(state: State, side: Side, o: &Occupancy) -> Vec<String> {
    let of = |f: &dyn Fn(&Distribution) -> Span| o.spans.as_ref().map_or("-".to_owned(), |d| span(f(d)));
    let between = match (&o.at_least, &o.at_most) {
        (Some(low), Some(high)) => format!("{} – {}", span(low.p50), span(high.p50)),
        _ => String::new(),
    };
    vec![
        state.name().to_owned(),
        side.name().to_owned(),
        count(o.spans.as_ref().map_or(0, |d| d.n)),
        of(&|d| d.min),
        of(&|d| d.p50),
        of(&|d| d.p95),
        of(&|d| d.p99),
        of(&|d| d.max),
        between,
        count(o.open),
        o.open_longest.map(|s| format!("≥ {}", span(s))).unwrap_or_default(),
        o.spans.as_ref().map(spread).unwrap_or_default(),
    ]
}

/// Tenths of a percent: `12.3`, `-` for none.
fn percent(per_mille: u64) -> String {
    if per_mille == 0 { "-".to_owned() } else { format!("{}.{}", per_mille / 10, per_mille % 10) }
}

fn blame(title: &'static str, all: &GroupTiming, groups: &[GroupTiming], most: usize, omitted: u64) -> Rows {
    let header = vec![
        "server",
        "conns",
        "time",
        "slowest",
        "handshake",
        "network",
        "recovery",
        "server",
        "client",
        "zero-win S",
        "zero-win C",
        "idle",
        "close",
    ];
    let row = |name: String, g: &GroupTiming| {
        let head = [name, count(g.connections), span(g.blame.total()), slowest(g)];
        head.into_iter().chain(g.blame.shares().map(percent)).collect::<Vec<String>>()
    };
    let mut rows: Vec<Vec<String>> = groups.iter().take(most).map(|g| row(name(g), g)).collect();
    if groups.len() != 1 {
        rows.push(row("all".to_owned(), all));
    }
    let rest = groups.iter().skip(most).map(|g| g.connections).sum::<u64>() + omitted;
    let more =
        if rest > 0 { format!("; {} to other servers not listed", plural(rest, "connection")) } else { String::new() };
    let remark = format!("shares of the connections' time in %, which add up to 100{more}");
    Rows { title, remark, left: 1, header, rows }
}

/// What took longest, idle and close aside; nothing where next to all time went into these.
fn slowest(g: &GroupTiming) -> String {
    let parts = g.blame.parts();
    let most = parts.iter().find(|(name, _)| Some(*name) == g.slowest).map_or(0, |(_, span)| span.0);
    let told = most.saturating_mul(100) >= g.blame.total().0;
    g.slowest.filter(|_| told).unwrap_or("-").to_owned()
}

/// What the members of a group have in common.
fn name(g: &GroupTiming) -> String {
    match (g.client, g.server) {
        (Some(client), Some(server)) => format!("{client} → {server}"),
        (Some(client), None) => client.to_string(),
        (None, Some(server)) => server.to_string(),
        (None, None) => "all".to_owned(),
    }
}

fn groups(title: &'static str, groups: &[GroupTiming], omitted: u64) -> Rows {
    let header = vec![
        "",
        "conns",
        "SYN retries",
        "SYN→SYN-ACK p50",
        "p95",
        "RTT client p50",
        "RTT server p50",
        "TTFB p50",
        "p95",
        "think p50",
        "p95",
        "FIN→FIN p50",
        "slowest",
    ];
    let row = |g: &GroupTiming| {
        let get = |metric: &str, f: &dyn Fn(&Distribution) -> Span| {
            g.metrics.get(metric).map_or("-".to_owned(), |d| span(f(d)))
        };
        vec![
            name(g),
            count(g.connections),
            count(g.syn_retries),
            get("syn_to_synack", &|d| d.p50),
            get("syn_to_synack", &|d| d.p95),
            get("rtt_client", &|d| d.p50),
            get("rtt_server", &|d| d.p50),
            get("ttfb", &|d| d.p50),
            get("ttfb", &|d| d.p95),
            get("server_think", &|d| d.p50),
            get("server_think", &|d| d.p95),
            get("fin_to_fin", &|d| d.p50),
            slowest(g),
        ]
    };
    let rest = groups.iter().skip(MANY).map(|g| g.connections).sum::<u64>() + omitted;
    let remark = if rest > 0 { format!("{} of others not listed", plural(rest, "connection")) } else { String::new() };
    Rows { title, remark, left: 1, header, rows: groups.iter().take(MANY).map(row).collect() }
}

/// What stood still.
fn pauses(all: &GroupTiming) -> Option<Rows> {
    let kinds = [
        ("no payload for a second or more", &all.idle),
        ("client's window closed", &all.zero_window.client),
        ("server's window closed", &all.zero_window.server),
        ("client's data stalled by loss", &all.stalls.client),
        ("server's data stalled by loss", &all.stalls.server),
    ];
    let row = |(name, s): (&str, &Stops)| vec![name.to_owned(), count(s.count), span(s.total), span(s.longest)];
    let rows: Vec<Vec<String>> = kinds.into_iter().filter(|(_, s)| s.count > 0).map(row).collect();
    let header = vec!["", "n", "in all", "longest"];
    (!rows.is_empty()).then(|| Rows { title: "PAUSES", remark: String::new(), left: 1, header, rows })
}

/// The timing of one connection in a few lines, for the view in full.
pub fn connection(c: &crate::report::Connection) -> Vec<String> {
    let t = &c.timing;
    let mut lines = Vec::new();
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: Option<Span>| facts.extend(value.map(|s| format!("{name} {}", span(s))));
    fact("SYN retries added", t.syn_retry_delay);
    fact("first byte p50", t.ttfb.as_ref().map(|d| d.p50));
    fact("server think p50", t.server_think.as_ref().map(|d| d.p50));
    fact("client think p50", t.client_think.as_ref().map(|d| d.p50));
    fact("FIN→FIN", t.fin_to_fin);
    if !facts.is_empty() {
        lines.push(facts.join(" · "));
    }
    let trips = [("client", &t.rtt.client), ("server", &t.rtt.server)];
    let trips: Vec<String> = trips
        .iter()
        .filter_map(|(name, trips)| trips.samples.as_ref().map(|d| (name, d)))
        .map(|(name, d)| format!("to {name} {}/{}/{} (n {})", span(d.min), span(d.p50), span(d.max), count(d.n)))
        .collect();
    if !trips.is_empty() {
        let place = t.vantage.map(|v| format!(", tap {}", place(v.name()))).unwrap_or_default();
        lines.push(format!("round trips min/p50/max: {}{place}", trips.join(" · ")));
    }
    let shares = t.blame.shares();
    let parts: Vec<String> = t
        .blame
        .parts()
        .iter()
        .zip(shares)
        .filter(|(_, share)| *share > 0)
        .map(|((name, s), share)| format!("{name} {} ({} %)", span(*s), percent(share)))
        .collect();
    if !parts.is_empty() {
        lines.push(format!("time went to {}", parts.join(" · ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_bar_is_full_and_an_empty_one_is_blank() {
        assert_eq!(histogram(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(histogram(&[0, 0]), "  ");
    }
}
