//! Connections held against a policy one by one. None is kept, only what quantiles are made of: a duration of each, and whose it
//! is.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use jiff::civil::Date;

use super::capture::{self, Known};
use super::limit::Asked;
use super::scope::{Allowed, group};
use super::wide::Wide;
use super::{Judgement, RuleVerdict, Status, counts, expect, limit, sum};
use crate::policy::model::{Expect, IfNone, Policy, Rule, Test};
use crate::report::carried::Reading;
use crate::report::{Connection, Report};
use crate::time::{Span, Time};

const NO_RULES: &str = "the policy has neither [[limit]] nor [[expect]]: nothing was judged but the capture's quality";

/// A policy, and what was heard of the connections of a capture so far.
pub struct Hearing<'p> {
    policy: &'p Policy,
    allowed: Allowed<'p>,
    known: Known,
    rules: Vec<Heard<'p>>,
}

/// What was heard about one rule.
struct Heard<'p> {
    rule: &'p Rule,
    about: About<'p>,
    /// Connections in its scope.
    before: u64,
    /// Those of them that an exception takes out.
    exempt: u64,
    /// Findings that an exception covers.
    covered: u64,
}

/// By group.
enum About<'p> {
    Limit(Asked<'p>, BTreeMap<String, limit::Group>),
    Expect(&'p Expect, BTreeMap<String, expect::Group>),
}

impl<'p> Hearing<'p> {
    /// On the day `today`.
    pub fn new(policy: &'p Policy, today: Date) -> Hearing<'p> {
        let heard = |rule: &'p Rule| {
            let about = match &rule.test {
                Test::Limit(limit) => About::Limit(Asked::new(limit, rule, policy), all_in_one(rule)),
                Test::Expect(expect) => About::Expect(expect, all_in_one(rule)),
            };
            Heard { rule, about, before: 0, exempt: 0, covered: 0 }
        };
        let (allowed, rules) = (Allowed::new(policy, today), policy.rules.iter().map(heard).collect());
        Hearing { policy, allowed, known: Known::default(), rules }
    }

    /// Whether nothing is asked of a connection that has been over for `span` which might come out otherwise later.
    pub fn is_final_after(&self, span: Span) -> bool {
        self.policy.capture.settled <= span
    }

    /// Takes a connection of a capture that ends at `end`, or was read up to there; connections may come in any order.
    pub fn take(&mut self, c: &Connection, end: Option<Time>) {
        self.known.take(c);
        self.allowed.take(c);
        for heard in &mut self.rules {
            let rule = heard.rule;
            if rule.scope.as_ref().is_some_and(|scope| !scope.matches(c)) {
                continue;
            }
            heard.before += 1;
            if self.allowed.exempts(&rule.name, c) {
                heard.exempt += 1;
                continue;
            }
            match &mut heard.about {
                About::Limit(asked, groups) => {
                    let group = group_of(c, rule, groups);
                    heard.covered += group.map_or(0, |group| group.take(asked, c, end, &mut self.allowed));
                }
                About::Expect(expect, groups) => {
                    group_of(c, rule, groups).into_iter().for_each(|g| g.take(expect, c, self.policy, end));
                }
            }
        }
    }

    /// The verdict; `report` is about the connections taken, and need not have them any more.
    pub fn judgement(self, report: &Report) -> Judgement {
        let Hearing { policy, mut allowed, known, rules, .. } = self;
        let capture = &report.capture;
        let quality = capture::verdict(&policy.capture, capture, &known);
        let lacking = quality.status != Status::Pass;
        allowed.all_are_taken();
        let reading = LazyCell::new(|| report.rollups.carried.reading());
        let mut verdicts = vec![quality];
        for heard in rules {
            let mut verdict = heard.verdict(report, &reading, &mut allowed);
            if verdict.status == Status::Pass && lacking {
                verdict.status = Status::Unclear;
                verdict.message =
                    format!("{}, but the capture does not show enough (capture quality)", verdict.message);
            }
            verdicts.push(verdict);
        }
        Judgement {
            policy: policy.file.clone(),
            files: capture.files.iter().map(|file| file.name.clone()).collect(),
            unread: capture.files.iter().any(|file| file.unreadable),
            connections: known.all,
            packets: capture.packets,
            first: capture.first,
            last: capture.last,
            rules: verdicts,
            notes: policy.is_empty().then(|| NO_RULES.to_owned()).into_iter().chain(allowed.notes()).collect(),
        }
    }
}

/// The group of `c` among those of `rule`. Where there is but one it has no name, and is not looked up by it: comparing empty
/// texts took half of the time of a check.
fn group_of<'g, G: Default>(c: &Connection, rule: &Rule, groups: &'g mut BTreeMap<String, G>) -> Option<&'g mut G> {
    match rule.each {
        None => groups.values_mut().next(),
        each => Some(groups.entry(group(each, c)).or_default()),
    }
}

/// One group without a name if the rule is about all together.
fn all_in_one<G: Default>(rule: &Rule) -> BTreeMap<String, G> {
    rule.each.is_none().then(|| (String::new(), G::default())).into_iter().collect()
}

impl Heard<'_> {
    /// The verdict on it; `reading` tells who has a part in what only many connections show.
    fn verdict<'r>(
        self,
        report: &'r Report,
        reading: &LazyCell<Reading<'r>, impl FnOnce() -> Reading<'r>>,
        allowed: &mut Allowed<'_>,
    ) -> RuleVerdict {
        let Heard { rule, about, before, exempt, mut covered } = self;
        let checked = before - exempt;
        let named = |name: String, mut part: super::Part| {
            if !name.is_empty() {
                part.message = format!("{name}: {}", part.message);
            }
            part
        };
        let parts = match about {
            About::Limit(asked, groups) => {
                let (of_many, carried) = (asked.of_many(report), &report.rollups.carried);
                let wide = Wide::new(of_many, carried, |code, id| reading.place(code, id));
                let dealt = asked.tells_apart().then(|| wide.deal(groups.values().map(limit::Group::ids)));
                let part = |(place, (name, group)): (u32, (String, limit::Group))| {
                    let (part, wide) = match &dealt {
                        Some(dealt) => group.part(&asked, dealt.of(place), allowed),
                        None => group.part(&asked, wide.all(), allowed),
                    };
                    covered += wide;
                    named(name, part)
                };
                (0..).zip(groups).map(part).collect()
            }
            About::Expect(expect, groups) => {
                groups.into_iter().map(|(name, group)| named(name, group.part(expect))).collect()
            }
        };
        let mut part = sum::sum(parts);
        if checked == 0 && !counts(&rule.test) {
            let what =
                if before == 0 { "no such connection in the capture" } else { "every such connection is exempt" };
            part.message = what.to_owned();
            part.status = match rule.if_none {
                _ if before > 0 => Status::Pass,
                IfNone::Unclear => Status::Unclear,
                IfNone::Pass => Status::Pass,
                IfNone::Fail => Status::Fail,
            };
        }
        let (kind, codes) = match &rule.test {
            Test::Limit(limit) => ("limit", limit.declarations().map(|d| d.code).collect()),
            Test::Expect(_) => ("expect", Vec::new()),
        };
        RuleVerdict {
            name: rule.name.clone(),
            kind,
            codes,
            why: rule.why.clone(),
            line: rule.line,
            level: rule.level,
            status: part.status,
            message: part.message,
            checked,
            allowed: exempt + covered,
            offending: part.offences.count,
            offences: part.offences.first,
            doubtful: part.doubts.count,
            doubts: part.doubts.first,
        }
    }
}
