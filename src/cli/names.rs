//! Words that shells can complete and that are checked elsewhere, with better messages than a list of all of them.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};

use crate::detect;
use crate::report::Severity;
use crate::tracker::State;

/// Takes any word, and offers some.
#[derive(Clone, Copy, Debug)]
pub struct Offer(fn() -> Vec<&'static str>);

impl Offer {
    /// Names of findings.
    pub const FINDINGS: Offer = Offer(findings);
    /// Severities and names of findings.
    pub const SEVERITIES: Offer = Offer(|| {
        [Severity::Error, Severity::Warning, Severity::Note, Severity::Info]
            .map(Severity::name)
            .into_iter()
            .chain(findings())
            .collect()
    });
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
