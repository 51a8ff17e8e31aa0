//! A02: more and more sockets in CLOSE_WAIT.

use std::net::IpAddr;

use super::SHORT_CAPTURE;
use super::close_wait_stuck::AFTER;
use super::prelude::*;

const LEAST: Threshold = Threshold::count(
    "close-wait-growth",
    10,
    "how many sockets of one service must be in CLOSE_WAIT when the capture ends",
    "ten leaked connections are no chance",
);
const WINDOWS: usize = 4;

pub static DECLARATION: Declaration = Declaration {
    code: "A02",
    name: "close-wait-growth",
    severity: Severity::Error,
    summary: "the number of sockets in CLOSE_WAIT only grows: a leak",
    what: "In every quarter of the capture more sockets of one host and service are in CLOSE_WAIT than in the one before.",
    why: "This is the strongest sign of a leak that a capture can show: it ends when the process runs out of file descriptors.",
    decided: "The number of ends in CLOSE_WAIT at the end of each quarter of the capture, from the histories; it must grow in each \
              and reach the threshold. Ends whose peer's FIN was not captured do not count: what shows that FIN may have \
              been a byte of data. In a capture shorter than the threshold of close-wait-stuck an application that closes late \
              looks alike: that is a note that says so (fact `short_capture`).",
    confused: "a burst of clients that close at the same moment and are served a little later: then it falls again.",
    advice: "See close-wait-stuck: the application on that side does not close what its peers have closed.",
    thresholds: &[&LEAST],
    absence: true,
    witness: Witness::Either,
    raises: Example::many(NEVER_CLOSED, 40, Span::secs(5)),
    silent: Example::many(NEVER_CLOSED, 8, Span::secs(5)),
    detect: Detect::Capture(detect),
};

const NEVER_CLOSED: &str = opened!(
    "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
"
);

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let least = scene.limits.get(&LEAST);
    let lasted = scene.end - scene.begin;
    let short = lasted < scene.limits.span(&AFTER);
    let mut shown = Vec::new();
    let most = |service: usize| {
        let unclosed = services.count(service, Counted::Unclosed);
        (unclosed > 0 && i64::from(unclosed) >= least).then_some(unclosed)
    };
    for (_, service, connections) in services.which(most, |c| c.was_unclosed()) {
        // The host that does not close, and who it is.
        let mut counts: BTreeMap<(Side, IpAddr), ([u64; WINDOWS], Vec<u64>)> = BTreeMap::new();
        for c in connections {
            let Some((side, quarters, lasts)) = c.close_wait() else { continue };
            let host = if side == Side::Server { service.addr } else { services.directory.addr(c.parties.client) };
            let (windows, ids) = counts.entry((side, host)).or_default();
            for (n, covered) in windows.iter_mut().zip(quarters) {
                *n += u64::from(covered);
            }
            if lasts {
                ids.push(c.id());
            }
        }
        for ((side, host), (windows, ids)) in counts {
            if (windows[WINDOWS - 1] as i64) < least || !windows.windows(2).all(|w| w[0] < w[1]) {
                continue;
            }
            let unseen = scene.is_unseen(host).then(|| ONE_DIRECTION.to_owned());
            let series: Vec<String> = windows.iter().map(|n| count(*n)).collect();
            let mut growth = Shown {
                severity: if short { Severity::Note } else { Severity::Error },
                count: windows[WINDOWS - 1],
                message: format!(
                    "sockets in CLOSE_WAIT at the {} {host} of {service} grow through the capture: {}{}",
                    side.name(),
                    series.join(", "),
                    if short { too_short(lasted) } else { String::new() },
                ),
                at: Some(side),
                connections: ids,
                packets: Vec::new(),
                facts: facts([
                    ("by_quarter", windows.to_vec().into()),
                    ("at", Value::from(side.name())),
                    ("host", Value::from(host.to_string())),
                    ("service", Value::from(service.to_string())),
                ]),
            };
            if short {
                growth.facts.insert(SHORT_CAPTURE, true.into());
            }
            shown.push(growth.doubted(scene.quality.doubt(true).or(unseen)));
        }
    }
    shown
}

/// In so short a time sockets also grow where all are closed, only later.
fn too_short(lasted: Span) -> String {
    format!("; in {} an application that closes late looks alike", Plain(lasted))
}
