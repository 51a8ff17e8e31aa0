//! A05: all connections to a server break at the same moment.

use std::ops::Range;

use super::prelude::*;

const LEAST: Threshold =
    Threshold::count("mass-break", 3, "how many connections must break together", "two may be chance");
const WITHIN: Threshold =
    Threshold::duration("mass-break-within", Span::secs(1), "within how long", "a restart takes less");

pub static DECLARATION: Declaration = Declaration {
    code: "A05",
    name: "mass-break",
    severity: Severity::Warning,
    summary: "all connections to a server broke at the same moment: a restart or failover",
    what: "Every connection to one host that was open ended by RST within a second.",
    why: "It is one event and not many: the process was killed, the host failed over, or a device dropped its table.",
    decided: "At least so many connections of one server address, from the RSTs in their histories within the time given, and none \
              that had been open for longer survives it.",
    confused: "connections that are reset one by one.",
    advice: "Look at what happened on the server at that time: deployment, crash, failover of an address, reload of a firewall.",
    thresholds: &[&LEAST, &WITHIN],
    absence: false,
    witness: Witness::Either,
    raises: Example::many(KILLED, 6, Span::millis(20)),
    silent: Example::many(KILLED, 6, Span::secs(5)),
    detect: Detect::Capture(detect),
};

const KILLED: &str = opened!(
    "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=10> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK> --> ESTABLISHED
7. CLOSED <-- <SEQ=311><ACK=111><CTL=RST,ACK> <-- CLOSED @ 30s
"
);

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let within = scene.limits.span(&WITHIN);
    let least = usize::try_from(scene.limits.get(&LEAST)).unwrap_or(usize::MAX).max(2);
    let mut shown = Vec::new();
    let marked = services.marked(scene.limits.get(&LEAST), Counted::Broke).into_iter();
    let broken = marked.map(|(service, _, broken)| (service, Broken::of(&broken, (within, least))));
    let broken: BTreeMap<usize, Broken<'_>> = broken.filter(|(_, broken)| broken.is_old.contains(&true)).collect();
    let begin = |service: usize| broken.contains_key(&service).then(Vec::new);
    let add = |calm: &mut Vec<_>, c: Digest<'_>| calm.extend(c.broke().is_none().then(|| (c.first, c.last())));
    for (service, server, calm) in services.those(begin, add) {
        let Broken { breaks, groups, is_old } = &broken[&service];
        let groups: Vec<&[Break<'_>]> = groups.iter().map(|group| &breaks[group.clone()]).collect();
        let all = Lasting::of(&calm, &groups);
        for (i, group) in groups.iter().enumerate().filter(|(i, _)| is_old[*i]) {
            let (n, start, end) = (group.len(), group[0].0, group[group.len() - 1].0);
            if all.besides(i, start - within) > Some(end + within) {
                continue;
            }
            shown.push(Shown {
                severity: Severity::Warning,
                count: n as u64,
                message: format!(
                    "{server} reset all its {} within {}",
                    plural(n as u64, "connection"),
                    super::Plain(end - start)
                ),
                at: Some(Side::Server),
                connections: group.iter().map(|(_, c)| c.id()).collect(),
                packets: group.iter().map(|(_, c)| c.broke().map_or(0, |b| b.1)).take(LISTED).collect(),
                facts: facts([("server", Value::from(server.to_string())), ("time", Value::from(start.to_string()))]),
            });
        }
    }
    shown
}

/// When a connection was reset by its server.
type Break<'a> = (Time, Digest<'a>);

/// Connections of one server that it reset.
struct Broken<'a> {
    /// In order of time.
    breaks: Vec<Break<'a>>,
    /// Those that broke together.
    groups: Vec<Range<usize>>,
    /// Whether enough of a group were old: a server that resets every request is another matter.
    is_old: Vec<bool>,
}

impl<'a> Broken<'a> {
    /// Of connections that broke; `within` such a time `least` of them must.
    fn of(broken: &[Digest<'a>], (within, least): (Span, usize)) -> Broken<'a> {
        let mut breaks: Vec<Break<'a>> = broken.iter().filter_map(|c| c.broke().map(|(t, _)| (t, *c))).collect();
        breaks.sort_by_key(|(t, c)| (*t, c.id()));
        let (mut groups, mut from) = (Vec::new(), 0);
        while let Some((start, _)) = breaks.get(from) {
            let n = breaks[from..].iter().take_while(|(t, _)| *t - *start <= within).count();
            groups.push(from..from + n);
            from += n;
        }
        let old = |(t, c): &&Break<'_>| *t - c.first > Span(within.0.saturating_mul(2));
        let is_old = groups.iter().map(|group| breaks[group.clone()].iter().filter(old).count() >= least).collect();
        Broken { breaks, groups, is_old }
    }
}

/// How long connections were seen, by when they began.
struct Lasting {
    /// In order of their first packet: that; and the latest last packet so far with the group of its connection, and the
    /// latest of any other group.
    sorted: Vec<(Time, Latest)>,
}

/// Each with its group.
type Latest = [Option<(Time, usize)>; 2];

impl Lasting {
    /// First and last packets of the `calm` ones, which did not break, and the others, by which of them broke together.
    fn of(calm: &[(Time, Time)], groups: &[&[Break<'_>]]) -> Lasting {
        let broken = groups.iter().enumerate().flat_map(|(i, g)| g.iter().map(move |(_, c)| (c.first, c.last(), i)));
        let calm = calm.iter().map(|(first, last)| (*first, *last, usize::MAX));
        let mut all: Vec<(Time, Time, usize)> = broken.chain(calm).collect();
        all.sort_unstable();
        let mut best: Latest = [None, None];
        let sorted = all.into_iter().map(|(first, last, group)| {
            let now = Some((last, group));
            if best[0].is_none_or(|b| b.1 == group) {
                best[0] = best[0].max(now);
            } else if best[0] < now {
                best = [now, best[0]];
            } else if best[1] < now {
                best[1] = now;
            }
            (first, best)
        });
        Lasting { sorted: sorted.collect() }
    }

    /// The latest last packet of those that began before `begin` and are not of `group`.
    fn besides(&self, group: usize, begin: Time) -> Option<Time> {
        let n = self.sorted.partition_point(|c| c.0 < begin);
        let best = &self.sorted[n.checked_sub(1)?].1;
        best.iter().flatten().find(|b| b.1 != group).map(|b| b.0)
    }
}
