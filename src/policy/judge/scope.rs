//! Which connections a rule looks at: groups, and exceptions.

use jiff::civil::Date;

use crate::detect::{find, is_wide};
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
    all: Vec<Exception<'p>>,
    today: Date,
}

struct Exception<'p> {
    allowance: &'p Allowance,
    /// It has not expired.
    valid: bool,
    used: u64,
    /// Numbers of the connections in its scope, where it is about findings that only many together show.
    ids: Option<Vec<u64>>,
}

impl<'p> Allowed<'p> {
    /// Those of `policy`; what has expired allows nothing.
    pub fn new(policy: &'p Policy, today: Date) -> Allowed<'p> {
        let exception = |allowance: &'p Allowance| {
            let wide = allowance.scope.is_some() && allowance.codes.iter().any(|code| is_wide(code));
            let valid = allowance.expires.is_none_or(|last| today <= last);
            Exception { allowance, valid, used: 0, ids: wide.then(Vec::new) }
        };
        Allowed { all: policy.allowances.iter().map(exception).collect(), today }
    }

    /// Takes a connection, before anything is asked about it.
    pub fn take(&mut self, c: &Connection) {
        for Exception { allowance, ids, .. } in &mut self.all {
            if let (Some(ids), Some(scope)) = (ids, &allowance.scope)
                && scope.matches(c)
            {
                ids.push(c.id);
            }
        }
    }

    /// All connections have been taken.
    pub fn all_are_taken(&mut self) {
        self.all.iter_mut().flat_map(|exception| &mut exception.ids).for_each(|ids| ids.sort_unstable());
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
        for Exception { allowance: a, valid, used, .. } in &mut self.all {
            if fits(a) && a.scope.as_ref().is_none_or(|scope| scope.matches(c)) {
                *used += 1;
                found |= *valid;
            }
        }
        found
    }

    /// Takes those of the connections `members` out that are excepted from the finding with this `code`, which only many
    /// connections together show, or the capture if there are none; how many that are. [All](Allowed::all_are_taken) have been
    /// taken.
    pub fn take_wide(&mut self, code: &str, members: &mut Vec<u64>) -> u64 {
        let all = members.len() as u64;
        let mut whole = false;
        let mut left = members.clone();
        for Exception { allowance, valid, used, ids } in &mut self.all {
            if !allowance.codes.contains(&code) {
                continue;
            }
            let Some(ids) = ids else {
                *used += 1;
                whole |= *valid;
                continue;
            };
            let has = |id: &u64| ids.binary_search(id).is_ok();
            *used += u64::from(members.iter().any(has));
            left.retain(|id| !(*valid && has(id)));
        }
        if whole {
            left.clear();
        }
        *members = left;
        if whole && all == 0 { 1 } else { all - members.len() as u64 }
    }

    /// What there is to say about the exceptions.
    pub fn notes(&self) -> Vec<String> {
        const SOON: i32 = 14;
        let mut notes = Vec::new();
        for Exception { allowance: a, valid, used, .. } in &self.all {
            let line = a.line.map(|line| format!(" (line {line})")).unwrap_or_default();
            let what = match &a.rule {
                Some(rule) => format!("from rule `{rule}`"),
                None => {
                    let name = |code: &&'static str| find(code).map_or(*code, |d| d.name);
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
