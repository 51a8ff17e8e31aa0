//! Which anomalies the user wants to see, and which make the run fail.

use super::{ALL, Declaration, Detect, find};
use crate::report::{Report, Severity};
use crate::spelling::{asked, meant};

/// A word that names no finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}; {}", self.what(), self.hint())]
pub struct UnknownName {
    /// What was given.
    pub name: String,
    /// The names that may have been meant.
    pub meant: Vec<&'static str>,
}

impl UnknownName {
    /// What is wrong.
    pub fn what(&self) -> String {
        format!("`{}` is no finding", self.name)
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        let question = asked(&self.meant).map(|question| format!("{question} ")).unwrap_or_default();
        format!("{question}`tcpstate explain` lists them")
    }
}

fn named(text: &str) -> Result<&'static Declaration, UnknownName> {
    find(text).ok_or_else(|| UnknownName { name: text.to_owned(), meant: meant(text, ALL.iter().map(|d| d.name)) })
}

/// Why connections cannot be chosen by a finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoChoice {
    /// There is no such finding.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// Only many connections together show it, which are not known while one is looked at.
    #[error("{}; {}", self.what(), self.hint())]
    OfMany {
        /// As it was written.
        written: String,
        /// Its name.
        name: &'static str,
    },
}

impl NoChoice {
    /// The finding as it was written.
    pub fn written(&self) -> &str {
        match self {
            NoChoice::Unknown(unknown) => &unknown.name,
            NoChoice::OfMany { written, .. } => written,
        }
    }

    /// What is wrong.
    pub fn what(&self) -> String {
        match self {
            NoChoice::Unknown(unknown) => unknown.what(),
            NoChoice::OfMany { name, .. } => format!("no single connection shows `{name}`, only many together"),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            NoChoice::Unknown(unknown) => unknown.hint(),
            NoChoice::OfMany { name, .. } => format!("`tcpstate analyze --only {name}` tells which"),
        }
    }
}

/// Whether connections can be chosen by all of the findings of these `names` or codes.
///
/// # Errors
/// For the first that is none, or is only told of many connections together.
pub fn known<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), NoChoice> {
    names.into_iter().try_for_each(|written| match named(written)? {
        Declaration { detect: Detect::Connection(..), .. } => Ok(()),
        Declaration { detect: Detect::Capture(_) | Detect::Service(_), name, .. } => {
            Err(NoChoice::OfMany { written: written.to_owned(), name })
        }
    })
}

/// Which anomalies to look for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    only: Vec<&'static str>,
    ignore: Vec<&'static str>,
}

impl Selection {
    /// Only those in `only` (all, if empty), and none of those in `ignore`; by code or name.
    ///
    /// # Errors
    /// For the first that is neither.
    pub fn new(only: &[String], ignore: &[String]) -> Result<Selection, UnknownName> {
        let codes = |names: &[String]| names.iter().map(|n| named(n).map(|d| d.code)).collect::<Result<Vec<_>, _>>();
        Ok(Selection { only: codes(only)?, ignore: codes(ignore)? })
    }

    /// The names of those that alone are wanted, and of those that are not.
    pub fn named(&self) -> [Vec<&'static str>; 2] {
        [&self.only, &self.ignore].map(|codes| codes.iter().filter_map(|code| Some(find(code)?.name)).collect())
    }

    /// Whether `declaration` is wanted.
    pub fn wants(&self, declaration: &Declaration) -> bool {
        (self.only.is_empty() || self.only.contains(&declaration.code)) && !self.ignore.contains(&declaration.code)
    }
}

/// What makes a run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Any finding at least this severe.
    Severity(Severity),
    /// Any finding with this code.
    Code(&'static str),
}

impl FailOn {
    /// A severity, or the name or code of an anomaly.
    ///
    /// # Errors
    /// For what is none of these.
    pub fn read(text: &str) -> Result<FailOn, UnknownName> {
        Ok(match Severity::named(&text.trim().to_ascii_lowercase()) {
            Some(severity) => FailOn::Severity(severity),
            None => {
                let known = || Severity::ALL.map(Severity::name).into_iter().chain(ALL.iter().map(|d| d.name));
                let code = named(text).map(|d| d.code);
                FailOn::Code(code.map_err(|unknown| UnknownName { meant: meant(text, known()), ..unknown })?)
            }
        })
    }

    /// Whether `report` has such a finding.
    pub fn is_met(&self, report: &Report) -> bool {
        let told = report.findings.iter().map(|f| (f.code, f.severity));
        told.chain(report.untold.iter().map(|f| (f.code, f.severity))).any(|finding| self.is(finding))
    }

    /// Whether a finding of this code and severity is such a one.
    pub fn is(&self, (found, severity): (&str, Severity)) -> bool {
        match self {
            FailOn::Severity(least) => severity >= *least,
            FailOn::Code(code) => found == *code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_knows_codes_and_names() {
        let all = Selection::new(&[], &["C01".to_owned()]).unwrap();
        assert!(!all.wants(find("close-wait-stuck").unwrap()) && all.wants(find("O01").unwrap()));
        assert!(Selection::new(&["nonsense".to_owned()], &[]).is_err());
        assert_eq!(FailOn::read("ERROR"), Ok(FailOn::Severity(Severity::Error)));
        assert_eq!(FailOn::read("syn_refused"), Ok(FailOn::Code("O02")));
    }

    #[test]
    fn connections_are_chosen_by_what_one_of_them_shows() {
        for d in ALL {
            assert_eq!(known([d.name]).is_err(), crate::detect::is_wide(d.name), "{}", d.name);
        }
    }
}
