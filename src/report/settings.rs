//! What a report was made with, where that is not the usual.

use std::collections::BTreeMap;

use serde::Serialize;

use super::vantage::Vantage;
use crate::time::Span;

/// Settings that decide what a report says, as far as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Settings {
    /// Where findings draw their lines, by the names that `--threshold` takes and as it takes them; `stuck-after` is that of
    /// everything that waits for something that does not happen.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(test, schemars(default))]
    pub thresholds: BTreeMap<&'static str, String>,
    /// Whose timers were assumed, if not those of Linux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<&'static str>,
    /// The maximum segment lifetime that was assumed instead of the stack's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msl: Option<Span>,
    /// Where the tap was said to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vantage: Option<Vantage>,
}

impl Settings {
    /// Nothing if all is as usual.
    pub fn given(self) -> Option<Settings> {
        (self != Settings::default()).then_some(self)
    }

    /// As they would be typed.
    pub fn typed(&self) -> Vec<String> {
        let threshold = |(name, value): (&&str, &String)| match *name {
            "stuck-after" => format!("--stuck-after {value}"),
            name => format!("--threshold {name}={value}"),
        };
        let mut typed: Vec<String> = self.thresholds.iter().map(threshold).collect();
        typed.extend(self.stack.map(|stack| format!("--stack {stack}")));
        typed.extend(self.msl.map(|msl| format!("--msl {}", exact(msl))));
        typed.extend(self.vantage.map(|vantage| format!("--vantage {}", vantage.name())));
        typed
    }
}

/// A duration as options take it, to the nanosecond: `5s`, `0.25s`.
pub fn exact(span: Span) -> String {
    let seconds = span.to_string();
    format!("{}s", seconds.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_typed_as_they_are_taken() {
        let thresholds = BTreeMap::from([("a", "2%".to_owned()), ("stuck-after", exact(Span::millis(1_250)))]);
        let settings =
            Settings { thresholds, stack: Some("rfc"), msl: Some(Span::secs(10)), vantage: Some(Vantage::Middle) };
        assert_eq!(
            settings.typed().join(" "),
            "--threshold a=2% --stuck-after 1.25s --stack rfc --msl 10s --vantage middle"
        );
        assert_eq!(Settings::default().given(), None);
    }
}
