//! Words that shells can complete and that are checked elsewhere, with better messages than a list of all of them.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};

use super::failure::Failure;
use crate::detect::{self, Limits};
use crate::filter::{self, Filter, FilterError};
use crate::policy::output::Kind;
use crate::report::Severity;
use crate::time::Span;
use crate::tracker::State;

/// The filter that `text` is, of which all findings are known; `asked` is the option that has it.
pub fn filter(asked: &str, text: &str) -> Result<Filter, Failure> {
    let filter = filter::parse(text).map_err(|mut error| {
        let word = text.get(error.at.clone()).unwrap_or_default();
        if detect::find(word).is_some() {
            error.hint = Some(format!("did you mean `finding {word}`?"));
        }
        Failure::usage(format!("{asked}: {error}"))
    })?;
    detect::known(filter.findings()).map_err(|wrong| {
        let error = FilterError::about(text, wrong.written(), wrong.what(), wrong.hint());
        Failure::usage(format!("{asked}: {error}"))
    })?;
    Ok(filter)
}

/// The thresholds of `--threshold` and `--stuck-after`.
pub fn limits(thresholds: &[String], stuck_after: Option<Span>) -> Result<Limits, Failure> {
    let settings = thresholds.iter().map(String::as_str);
    let mut limits = Limits::read(settings).map_err(|error| Failure::usage(format!("--threshold: {error}")))?;
    if let Some(span) = stuck_after {
        limits.stuck_after(span);
    }
    Ok(limits)
}

/// Takes any word, and offers some.
#[derive(Clone, Copy, Debug)]
pub struct Offer(fn() -> Vec<&'static str>);

impl Offer {
    /// Names of findings.
    pub const FINDINGS: Offer = Offer(findings);
    /// Severities and names of findings.
    pub const SEVERITIES: Offer =
        Offer(|| Severity::ALL.map(Severity::name).into_iter().rev().chain(findings()).collect());
    /// Kinds of reports of `check`.
    pub const REPORTS: Offer = Offer(|| Kind::ALL.map(Kind::name).to_vec());
    /// Commands.
    pub const COMMANDS: Offer = Offer(|| super::COMMANDS.to_vec());
    /// Parts of a report and names of findings.
    pub const PARTS: Offer =
        Offer(|| ["findings", "rollups", "totals", "timing", "connections"].into_iter().chain(findings()).collect());
    /// States and names of findings.
    pub const TOPICS: Offer = Offer(|| State::ALL.map(State::name).into_iter().chain(findings()).collect());
}

fn findings() -> Vec<&'static str> {
    detect::ALL.iter().map(|d| d.name).collect()
}

impl TypedValueParser for Offer {
    type Value = String;

    fn parse_ref(&self, cmd: &clap::Command, arg: Option<&clap::Arg>, value: &OsStr) -> Result<String, clap::Error> {
        clap::builder::StringValueParser::new().parse_ref(cmd, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}
