//! What only many connections together show, or the capture as a whole, told once of both captures.

use serde_json::Value;

use super::merge::side_name;
use super::pair::{CLIENT, SERVER};
use crate::detect::is_wide;
use crate::report::Finding;

/// Facts that name whom a finding is about.
const ABOUT: [&str; 6] = ["service", "server", "host", "client", "holder", "at"];

/// The code of accept-queue-drops.
const QUEUE: &str = "O13";

/// Those of both captures. What both tell of the same service or host stands once, by the capture that shows more of it; what
/// is said of a capture stands for each, and says of which. SYNs that by `was_lost` never came to the server's side are none that
/// it dropped.
pub fn of_both([ours, theirs]: [Vec<Finding>; 2], was_lost: impl Fn(u64) -> bool) -> Vec<Finding> {
    let dropped = |f: &Finding| f.packets.is_empty() || !f.packets.iter().all(|packet| was_lost(*packet));
    let wide = |f: &Finding| is_wide(f.code);
    let mut ours: Vec<Option<Finding>> = ours.into_iter().filter(wide).map(Some).collect();
    let mut list = Vec::new();
    for other in theirs.into_iter().filter(wide) {
        let same = ours.iter_mut().find(|ours| ours.as_ref().is_some_and(|f| is_same(f, &other)));
        match same.and_then(Option::take) {
            Some(mut finding) if finding.facts == other.facts => {
                // Its connections were numbered otherwise.
                finding.connections.clear();
                list.push(finding);
            }
            Some(finding) if of_capture(&finding) => list.extend([at(finding, CLIENT), at(other, SERVER)]),
            Some(finding) if (finding.severity, finding.count) < (other.severity, other.count) => {
                list.push(at(other, SERVER));
            }
            Some(finding) => list.push(at(finding, CLIENT)),
            None => list.push(at(other, SERVER)),
        }
    }
    let ours = ours.into_iter().flatten().filter(|f| f.code != QUEUE || dropped(f));
    list.extend(ours.map(|finding| at(finding, CLIENT)));
    list
}

fn of_capture(finding: &Finding) -> bool {
    finding.code.starts_with('Q')
}

fn is_same(a: &Finding, b: &Finding) -> bool {
    let about = |f: &Finding| ABOUT.map(|name| f.facts.get(name).cloned());
    a.code == b.code && about(a) == about(b)
}

/// As the capture at this side tells it.
fn at(mut finding: Finding, tap: usize) -> Finding {
    let side = side_name(tap).name();
    finding.connections.clear();
    finding.facts.insert("seen_at", Value::from(side));
    if of_capture(&finding) {
        finding.message = format!("at the {side}'s side: {}", finding.message);
    }
    finding
}
