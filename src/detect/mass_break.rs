//! A05: all connections to a server break at the same moment, or are closed, and it is gone for a while.

use std::ops::Range;

use super::outage::{self, After, Outage};
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
    what: "Every connection to one host that was open ended by RST within a second; or the server closed them all, with FIN or \
           RST, and then new ones were refused or unanswered.",
    why: "It is one event and not many: the process was restarted or killed, the host failed over, or a device dropped its table. \
          How long new connections failed is the outage as clients saw it.",
    decided: "At least so many connections of one server address, from the RSTs in their histories within the time given, and none \
              that had been open for longer survives it. Where the server also sent FINs, before its clients did, new \
              connections must have failed before any was taken up, within 10 s one of a client that had lost one: refused, \
              unanswered for 3 s, or their SYN repeated. Times are told from the first of the ends on.",
    confused: "connections that are reset one by one; a server that closes after each response, a timer that closes what is idle, \
               and a reload after which the next connection is taken up at once: nothing is said of these.",
    advice: "Look at what happened on the server at that time: deployment, crash, failover of an address, reload of a firewall. \
             If new connections failed, drain first: take the server out of the load balancer, or hand the listening socket over \
             (socket activation, SO_REUSEPORT), and let clients wait a little before they try again.",
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
    let outages = outages(scene, services, (within, least), &mut shown);
    let marked = services.marked(scene.limits.get(&LEAST), Counted::Broke).into_iter();
    let broken = marked.map(|(service, _, broken)| {
        let breaks = broken.iter().filter_map(|c| c.broke().map(|(t, _)| (t, *c)));
        (service, Broken::of(breaks.collect(), (within, least)))
    });
    let broken: BTreeMap<usize, Broken<'_>> = broken.filter(|(_, broken)| broken.is_old.contains(&true)).collect();
    let begin = |service: usize| broken.contains_key(&service).then(Vec::new);
    let add = |calm: &mut Vec<_>, c: Digest<'_>| calm.extend(c.broke().is_none().then(|| (c.first, c.last())));
    for (service, server, calm) in services.those(begin, add) {
        let out = outages.get(&service).map_or(&[][..], Vec::as_slice);
        let told = |time: Time| {
            let before = out.partition_point(|(from, _)| *from <= time).checked_sub(1);
            before.is_some_and(|before| time <= out[before].1)
        };
        for group in broken[&service].whole(&calm, within).filter(|group| !told(group[0].0)) {
            let (n, start, end) = (group.len(), group[0].0, group[group.len() - 1].0);
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

/// From when to when services, by number, were out, in order.
type Outages = BTreeMap<usize, Vec<(Time, Time)>>;

/// Adds what ended the connections of a service at one moment, after which new ones failed.
fn outages(scene: &Scene, services: &Services<'_>, line: (Span, usize), shown: &mut Vec<Shown>) -> Outages {
    let counts = services.tally(|c, [failed, ended]| {
        *failed += u32::from(outage::failed(scene, c));
        *ended += u32::from(c.may_be_ended_by_server());
    });
    let is_due = |[failed, ended]: [u32; 2]| failed > 0 && ended as usize >= line.1;
    let mut out = Outages::new();
    let begin = |service: usize| is_due(counts[service]).then(Course::default);
    for (service, server, mut course) in services.those(begin, |course, c| course.add(scene, c)) {
        course.after.sort();
        let broken = Broken::of(std::mem::take(&mut course.ended), line);
        let mut gone_until = None;
        for group in broken.whole(&course.calm, line.0) {
            let moment = (group[0].0, group[group.len() - 1].0);
            // A moment in the outage of another is no other.
            if gone_until.is_some_and(|until| moment.0 <= until) {
                continue;
            }
            let mut clients: Vec<u32> = group.iter().map(|(_, c)| c.parties.client).collect();
            clients.sort_unstable();
            let outage = course.after.outage(moment, |client| clients.binary_search(&client).is_ok());
            let Some(outage) = outage else { continue };
            let until = outage.back.unwrap_or(scene.end);
            gone_until = Some(until);
            out.entry(service).or_default().push((moment.0, until));
            shown.push(of_outage(scene, server, group, &outage));
        }
    }
    out
}

/// What is told of a service that ended these, and was not there for a while.
fn of_outage(scene: &Scene, server: Socket, group: &[Break<'_>], outage: &Outage<'_>) -> Shown {
    let (n, start, end) = (group.len() as u64, group[0].0, group[group.len() - 1].0);
    let reset = group.iter().filter(|(t, c)| c.broke().is_some_and(|broke| broke.0 == *t)).count() as u64;
    let how = match reset {
        0 => "closed".to_owned(),
        reset if reset == n => "reset".to_owned(),
        reset => format!("ended ({} with FIN, {} with RST)", count(n - reset), count(reset)),
    };
    let (all, failed) = (plural(n, "connection"), outage.failed.iter().map(|c| c.id()));
    let mut facts = outage.facts(scene);
    facts.extend([
        ("server", Value::from(server.to_string())),
        ("time", Value::from(start.to_string())),
        ("closed", Value::from(n - reset)),
        ("reset", Value::from(reset)),
    ]);
    let shown = Shown {
        severity: Severity::Warning,
        count: n,
        message: format!("{server} {how} all its {all} within {}; {}", Plain(end - start), outage.words(scene)),
        at: Some(Side::Server),
        connections: group.iter().map(|(_, c)| c.id()).chain(failed).collect(),
        packets: outage.failed.iter().map(|c| c.first_packet()).take(LISTED).collect(),
        facts,
    };
    shown.doubted(scene.quality.doubt(false).filter(|_| outage.is_silence()))
}

/// What became of the connections of a service.
#[derive(Default)]
struct Course<'a> {
    /// Those that it ended.
    ended: Vec<Break<'a>>,
    /// First and last packets of the others.
    calm: Vec<(Time, Time)>,
    after: After<'a>,
}

impl<'a> Course<'a> {
    fn add(&mut self, scene: &Scene, c: Digest<'a>) {
        self.after.add(scene, c);
        match c.ended_by_server() {
            Some(time) => self.ended.push((time, c)),
            None => self.calm.extend(c.was_established().then(|| (c.first, c.last()))),
        }
    }
}

/// When a connection was ended by its server.
type Break<'a> = (Time, Digest<'a>);

/// Connections of one server that it ended.
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
    fn of(mut breaks: Vec<Break<'a>>, (within, least): (Span, usize)) -> Broken<'a> {
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

    /// The groups of which enough were old, and which nothing that had been open for longer survived: of the `calm` ones,
    /// which did not break, or of other groups.
    fn whole(&self, calm: &[(Time, Time)], within: Span) -> impl Iterator<Item = &[Break<'a>]> {
        let groups: Vec<&[Break<'a>]> = self.groups.iter().map(|group| &self.breaks[group.clone()]).collect();
        let all = self.is_old.contains(&true).then(|| Lasting::of(calm, &groups));
        let survived = move |i: usize, group: &[Break<'_>]| {
            let (start, end) = (group[0].0, group[group.len() - 1].0);
            all.as_ref().is_none_or(|all| all.besides(i, start - within) > Some(end + within))
        };
        groups.into_iter().enumerate().filter(move |(i, group)| self.is_old[*i] && !survived(*i, group)).map(|(_, g)| g)
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
