//! Findings as they come and go.

use super::event::{Cleared, Event};
use crate::report::Finding;
use crate::time::Time;

/// Findings that held are remembered up to this number.
const HELD: usize = 20;

/// Findings that hold, and those that held.
#[derive(Clone, Debug, Default)]
pub(super) struct Firing {
    pub(super) now: Vec<Finding>,
    /// The latest last.
    pub(super) held: Vec<Finding>,
    /// The next findings are of other connections: what is not among them is not over for that.
    anew: bool,
}

/// What makes two findings the same one at different times: its code and whom it is about.
fn key(f: &Finding) -> (&'static str, [Option<&serde_json::Value>; 3]) {
    (f.code, ["service", "client", "at"].map(|fact| f.facts.get(fact)))
}

impl Firing {
    /// From now on findings are looked for among other connections.
    pub(super) fn choose_anew(&mut self) {
        self.held.clear();
        self.anew = true;
    }

    /// Takes over the findings of `now`, and tells what is new, what has become much worse, and what is over.
    pub(super) fn update(&mut self, findings: Vec<Finding>, now: Time, events: &mut Vec<Event>) {
        let mut next = Vec::with_capacity(findings.len());
        for mut finding in findings {
            let before = self.now.iter().position(|f| key(f) == key(&finding)).map(|i| self.now.swap_remove(i));
            let worse = before.as_ref().is_none_or(|old| {
                finding.severity > old.severity || finding.count >= told(old).saturating_mul(2).max(1)
            });
            // How many there were when it was told last goes along with it.
            let last = if worse { finding.count } else { before.as_ref().map_or(finding.count, told) };
            finding.facts.insert(TOLD, last.into());
            if worse {
                let mut shown = finding.clone();
                shown.facts.remove(TOLD);
                events.push(Event::Finding(Box::new(shown)));
            }
            next.push(finding);
        }
        let over = std::mem::replace(&mut self.now, next);
        if std::mem::take(&mut self.anew) {
            return;
        }
        for over in over {
            let service = over.facts.get("service").and_then(|s| s.as_str()).map(str::to_owned);
            events.push(Event::Cleared(Cleared { code: over.code, name: over.name, service, time: now }));
            self.held.push(over);
        }
        let many = self.held.len().saturating_sub(HELD);
        self.held.drain(..many);
    }
}

/// Fact that is only for here.
const TOLD: &str = "told";

fn told(f: &Finding) -> u64 {
    f.facts.get(TOLD).and_then(serde_json::Value::as_u64).unwrap_or(f.count)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::Severity;

    fn finding(code: &'static str, count: u64) -> Finding {
        Finding {
            code,
            name: code,
            severity: Severity::Warning,
            count,
            message: String::new(),
            advice: "",
            connections: Vec::new(),
            packets: Vec::new(),
            facts: BTreeMap::new(),
        }
    }

    fn tell(firing: &mut Firing, findings: Vec<Finding>) -> Vec<String> {
        let mut events = Vec::new();
        firing.update(findings, Time(0), &mut events);
        let said = |e: &Event| match e {
            Event::Finding(f) => format!("{} {}", f.code, f.count),
            Event::Cleared(c) => format!("{} over", c.code),
            _ => String::new(),
        };
        events.iter().map(said).collect()
    }

    #[test]
    fn a_finding_is_told_when_it_comes_when_it_doubles_and_when_it_goes() {
        let mut firing = Firing::default();
        assert_eq!(tell(&mut firing, vec![finding("C01", 3)]), ["C01 3"]);
        assert_eq!(tell(&mut firing, vec![finding("C01", 4), finding("R01", 1)]), ["R01 1"]);
        assert_eq!(tell(&mut firing, vec![finding("C01", 5), finding("R01", 1)]), Vec::<String>::new());
        assert_eq!(tell(&mut firing, vec![finding("C01", 6), finding("R01", 1)]), ["C01 6"]);
        assert_eq!(tell(&mut firing, vec![finding("C01", 6)]), ["R01 over"]);
        assert_eq!(firing.held.len(), 1);
    }

    #[test]
    fn what_a_filter_leaves_out_is_not_told_as_over() {
        let mut firing = Firing::default();
        tell(&mut firing, vec![finding("C01", 3), finding("R01", 1)]);
        firing.choose_anew();
        assert_eq!(tell(&mut firing, vec![finding("C01", 3)]), Vec::<String>::new());
        assert_eq!((firing.now.len(), firing.held.len()), (1, 0));
        assert_eq!(tell(&mut firing, Vec::new()), ["C01 over"]);
    }
}
