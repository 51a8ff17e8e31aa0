//! Which connections a rule looks at: groups, and exceptions.

use jiff::civil::Date;

use crate::policy::model::{Allowance, Each, Policy};
use crate::report::Connection;

/// The name of the group that `c` is in; none if the rule is about all together.
pub fn group(each: Option<Each>, c: &Connection) -> String {
    match each {
        None => String::new(),
        Some(Each::Service) => format!("service {}", c.server),
        Some(Each::Server) => format!("server {}", c.server.addr),
        Some(Each::Client) => format!("client {}", c.client.addr),
    }
}

/// The exceptions of a policy on a given day, and which of them were needed.
pub struct Allowed<'p> {
    all: Vec<(&'p Allowance, bool, u64)>,
    today: Date,
}

impl<'p> Allowed<'p> {
    /// Those of `policy`; what has expired allows nothing.
    pub fn new(policy: &'p Policy, today: Date) -> Allowed<'p> {
        let valid = |a: &Allowance| a.expires.is_none_or(|last| today <= last);
        Allowed { all: policy.allowances.iter().map(|a| (a, valid(a), 0)).collect(), today }
    }

    /// Whether the rule called `rule` does not look at `c`.
    pub fn exempts(&mut self, rule: &str, c: &Connection) -> bool {
        self.any(c, |a| a.rule.as_deref() == Some(rule))
    }

    /// Whether finding `code` of `c` does not count.
    pub fn covers(&mut self, code: &str, c: &Connection) -> bool {
        self.any(c, |a| a.codes.contains(&code))
    }

    fn any(&mut self, c: &Connection, fits: impl Fn(&Allowance) -> bool) -> bool {
        let mut found = false;
        for (a, valid, used) in &mut self.all {
            if fits(a) && a.scope.as_ref().is_none_or(|scope| scope.matches(c)) {
                *used += 1;
                found |= *valid;
            }
        }
        found
    }

    /// What there is to say about the exceptions.
    pub fn notes(&self) -> Vec<String> {
        const SOON: i32 = 14;
        let mut notes = Vec::new();
        for (a, valid, used) in &self.all {
            let line = a.line.map(|line| format!(" (line {line})")).unwrap_or_default();
            let what = match &a.rule {
                Some(rule) => format!("from rule `{rule}`"),
                None => {
                    let name = |code: &&'static str| crate::detect::find(code).map_or(*code, |d| d.name);
                    format!("for {}", a.codes.iter().map(name).collect::<Vec<_>>().join(", "))
                }
            };
            let days = a.expires.and_then(|last| self.today.until(last).ok()).map(|span| span.get_days());
            match (a.expires, valid, used) {
                (Some(last), false, _) => {
                    notes.push(format!("the exception {what}{line} expired on {last}: {}", a.reason))
                }
                (_, true, 0) => notes.push(format!("the exception {what}{line} was not needed: {}", a.reason)),
                (Some(last), true, _) if days.is_some_and(|days| days <= SOON) => {
                    notes.push(format!("the exception {what}{line} expires on {last}: {}", a.reason));
                }
                _ => {}
            }
        }
        notes
    }
}
