//! A report against a policy.
//!
//! What cannot be seen counts as neither good nor bad. For each rule it is worked out how many connections offend for
//! certain and how many may: the rule fails if the certain ones are too many, passes if all together are not, and cannot
//! be told in between. A capture below the policy's demands turns passes into "can't tell", never failures into passes.
//!
//! | file | holds |
//! |---|---|
//! | `capture` | whether the capture shows enough |
//! | `scope` | which connections a rule is about |
//! | `limit` | limits on findings; `wide`: on those that only many connections show |
//! | `expect`, `condition` | assertions about connections; whether one is as it says |
//! | `hearing` | connections one by one, as they pass |
//! | `listed` | what is wrong, the first of it in words |
//! | `sum` | several verdicts as one |

mod capture;
mod condition;
mod expect;
mod hearing;
mod limit;
mod listed;
mod scope;
mod sum;
mod wide;

use jiff::civil::Date;

use super::model::{Amount, Level, Policy, Share, Test};
use crate::report::{Connection, Report};
use crate::segment::Socket;
use crate::time::Time;
pub use capture::has_gap;
pub use expect::pick;
pub use hearing::Hearing;
pub use listed::Listed;

/// Offences and doubts listed for one rule.
pub const LISTED: usize = 10;

/// The verdict on one rule, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It holds.
    Pass,
    /// The capture does not show enough.
    Unclear,
    /// It does not hold.
    Fail,
}

impl Status {
    /// `pass`, `can't tell`, `fail`.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Pass => "pass",
            Status::Unclear => "can't tell",
            Status::Fail => "fail",
        }
    }

    /// In JSON: `pass`, `unclear`, `fail`.
    pub const fn word(self) -> &'static str {
        match self {
            Status::Unclear => "unclear",
            other => other.name(),
        }
    }

    /// From how many things offend for certain, how many more may, and of how many.
    pub fn of(certain: u64, doubtful: u64, of: u64, max: Amount) -> Status {
        let allows = |n: u64| match max {
            Amount::Count(max) => n <= max,
            Amount::Share(share) => share.allows(n, of),
        };
        if !allows(certain) {
            Status::Fail
        } else if allows(certain.saturating_add(doubtful)) {
            Status::Pass
        } else {
            Status::Unclear
        }
    }
}

/// What is wrong, or in doubt, at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Offence {
    /// Which connection, if it is one.
    pub connection: Option<u64>,
    /// Its two ends, or the group.
    pub who: String,
    /// Packet that shows it best.
    pub packet: Option<u64>,
    /// When.
    pub time: Option<Time>,
    /// What, in one sentence.
    pub message: String,
    /// How many it stands for.
    pub cases: u64,
}

impl Offence {
    /// Something about one connection.
    pub fn of(c: &Connection, packet: Option<u64>, time: Option<Time>, message: String) -> Offence {
        Offence::between(c.id, [c.client, c.server], packet, time, message)
    }

    /// The same about connection `id`, of this client and this server.
    pub fn between(
        id: u64,
        [client, server]: [Socket; 2],
        packet: Option<u64>,
        time: Option<Time>,
        message: String,
    ) -> Offence {
        Offence { connection: Some(id), who: format!("{client} → {server}"), packet, time, message, cases: 1 }
    }
}

/// What one rule came to in one group of connections, or in all.
#[derive(Clone, Debug)]
pub struct Part {
    /// The verdict.
    pub status: Status,
    /// One line that says what was found against what was wanted.
    pub message: String,
    /// Certain offences, in order.
    pub offences: Listed,
    /// What the capture does not show.
    pub doubts: Listed,
}

/// The verdict on one rule.
#[derive(Clone, Debug)]
pub struct RuleVerdict {
    /// The rule's name.
    pub name: String,
    /// `limit`, `expect` or `capture`.
    pub kind: &'static str,
    /// Codes of the findings it is about.
    pub codes: Vec<&'static str>,
    /// Why the rule exists.
    pub why: Option<String>,
    /// Line in the policy.
    pub line: Option<u32>,
    /// Whether a failure fails the run.
    pub level: Level,
    /// The verdict.
    pub status: Status,
    /// One line that says what was found against what was wanted.
    pub message: String,
    /// Connections looked at.
    pub checked: u64,
    /// Offences that an exception covers.
    pub allowed: u64,
    /// How many offend for certain.
    pub offending: u64,
    /// The first of them.
    pub offences: Vec<Offence>,
    /// How many may.
    pub doubtful: u64,
    /// The first of them.
    pub doubts: Vec<Offence>,
}

/// The verdict on a capture.
#[derive(Clone, Debug)]
#[must_use = "it says how it came out"]
pub struct Judgement {
    /// Name of the policy's file.
    pub policy: Option<String>,
    /// Names of the captures.
    pub files: Vec<String>,
    /// Of one of them nothing could be read.
    pub unread: bool,
    /// Connections in the capture.
    pub connections: u64,
    /// Packets in the capture.
    pub packets: u64,
    /// First packet.
    pub first: Option<Time>,
    /// Last packet.
    pub last: Option<Time>,
    /// The quality of the capture, then each rule in the order of the policy.
    pub rules: Vec<RuleVerdict>,
    /// About exceptions: expired, soon to expire, not needed; or that the policy asks for nothing.
    pub notes: Vec<String>,
}

impl Judgement {
    /// The verdict on the whole: the worst of all rules, failed warnings not counted.
    pub fn status(&self) -> Status {
        let counted = |rule: &RuleVerdict| match (rule.level, rule.status) {
            (Level::Warning, Status::Fail) => Status::Pass,
            (_, status) => status,
        };
        self.rules.iter().map(counted).max().unwrap_or(Status::Pass)
    }

    /// How many rules came to `status`.
    pub fn count(&self, status: Status) -> usize {
        self.rules.iter().filter(|rule| rule.status == status).count()
    }
}

/// Holds `report` against `policy` on the day `today`.
pub fn judge(policy: &Policy, report: &Report, today: Date) -> Judgement {
    let mut hearing = Hearing::new(policy, today);
    report.connections.iter().for_each(|c| hearing.take(c, report.capture.last));
    hearing.judgement(report)
}

/// Whether a rule about no connections says something all the same.
fn counts(test: &Test) -> bool {
    match test {
        Test::Limit(_) => false,
        Test::Expect(expect) => {
            expect.conditions.iter().all(|condition| matches!(condition, super::model::Condition::Count(..)))
        }
    }
}

/// The most that may not be as expected.
fn rest(at_least: Share) -> Amount {
    Amount::Share(Share(Share::ALL.0 - at_least.0.min(Share::ALL.0)))
}
