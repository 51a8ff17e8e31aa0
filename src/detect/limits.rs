//! The thresholds in force: what the user set instead of the defaults.

use std::collections::BTreeMap;

use super::threshold::{DURATION, Threshold, ThresholdError};
use super::thresholds;
use crate::amount;
use crate::report::settings::exact;
use crate::spelling::meant;
use crate::time::Span;

/// The thresholds in force: the defaults, and what was set instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    set: Vec<(&'static str, i64)>,
    stuck_after: Option<Span>,
}

impl Limits {
    /// The defaults, changed by settings of the form `NAME=VALUE`.
    ///
    /// # Errors
    /// For the first setting that is not of that form, names no threshold, or gives what is no value of it.
    pub fn read<'a>(settings: impl IntoIterator<Item = &'a str>) -> Result<Limits, ThresholdError> {
        let mut limits = Limits::default();
        for setting in settings {
            let (name, value) = setting.split_once('=').ok_or_else(|| ThresholdError::Form(setting.to_owned()))?;
            let plain = name.trim().to_ascii_lowercase().replace('_', "-");
            if plain == "stuck-after" {
                let span = amount::duration(&value.replace(' ', "")).ok_or_else(|| ThresholdError::Value {
                    name: "stuck-after",
                    value: value.to_owned(),
                    wanted: DURATION,
                })?;
                limits.stuck_after(span);
                continue;
            }
            let known = thresholds().find(|(d, t)| t.name == plain || d.is_called(name) && t.name == d.name);
            let (_, threshold) = known.ok_or_else(|| ThresholdError::Unknown {
                name: name.to_owned(),
                meant: meant(&plain, thresholds().map(|(_, t)| t.name)),
            })?;
            limits.put(threshold, threshold.read(value.trim())?);
        }
        Ok(limits)
    }

    /// The value of `threshold`.
    #[inline]
    pub fn get(&self, threshold: &Threshold) -> i64 {
        if !self.set.is_empty()
            && let Some((_, value)) = self.set.iter().rev().find(|(name, _)| *name == threshold.name)
        {
            return *value;
        }
        match self.stuck_after {
            Some(span) if threshold.waits => span.0,
            _ => threshold.default,
        }
    }

    /// The value of a threshold that is a duration.
    #[inline]
    pub fn span(&self, threshold: &Threshold) -> Span {
        Span(self.get(threshold))
    }

    /// Whether the user has drawn this line, by its name or with all that wait.
    pub fn is_set(&self, threshold: &Threshold) -> bool {
        threshold.waits && self.stuck_after.is_some() || self.set.iter().any(|(name, _)| *name == threshold.name)
    }

    /// How long what lasts up to the end of the capture must have lasted to be told, the capture being of this `length`
    /// (none while it goes on). One of some seconds would never tell of anything that waits for a minute: where the user
    /// has drawn no line, a tenth of the capture is enough if that is less, but no less than two seconds.
    pub fn patience(&self, threshold: &Threshold, length: Option<Span>) -> Span {
        let usual = self.span(threshold);
        match length {
            Some(length) if !self.is_set(threshold) => usual.min(Span(length.0 / 10).max(Span::secs(2))),
            _ => usual,
        }
    }

    /// All that was set, by name and as it would be typed.
    pub fn given(&self) -> BTreeMap<&'static str, String> {
        let all = self.stuck_after.map(|span| ("stuck-after", exact(span)));
        let known = |(name, value): &(&'static str, i64)| {
            let (_, threshold) = thresholds().find(|(_, threshold)| threshold.name == *name)?;
            Some((*name, threshold.typed(*value)))
        };
        all.into_iter().chain(self.set.iter().filter_map(known)).collect()
    }

    /// Sets everything that waits for something that does not happen.
    pub fn stuck_after(&mut self, span: Span) {
        self.stuck_after = Some(span);
    }

    /// Sets one threshold to a value of its unit.
    pub fn put(&mut self, threshold: &Threshold, value: i64) {
        self.set.push((threshold.name, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked_by_name_and_unit() {
        let limits = Limits::read(["time-wait-excess=200", "close_wait_stuck=5s"]).unwrap();
        let get = |name: &str| limits.get(thresholds().find(|(_, t)| t.name == name).unwrap().1);
        assert_eq!(get("time-wait-excess"), 200);
        assert_eq!(get("close-wait-stuck"), Span::secs(5).0);
        let given: Vec<String> = limits.given().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(given, ["close-wait-stuck=5s", "time-wait-excess=200"]);
        assert_eq!(Limits::read(given.iter().map(String::as_str)).unwrap().given(), limits.given());
        let error = Limits::read(["close-wait-stuk=5s"]).unwrap_err();
        assert_eq!(error.to_string(), "no threshold is called `close-wait-stuk`; did you mean `close-wait-stuck`?");
        assert!(Limits::read(["time-wait-excess=5s"]).is_err());
        assert!(Limits::read(["time-wait-excess"]).is_err());
    }

    #[test]
    fn one_threshold_can_be_set_against_all_that_wait() {
        let a = Threshold::wait("a", Span::secs(60), "", "");
        let b = Threshold::wait("b", Span::secs(60), "", "");
        let mut limits = Limits::default();
        limits.stuck_after(Span::secs(2));
        limits.put(&a, Span::secs(5).0);
        assert_eq!((limits.span(&a), limits.span(&b)), (Span::secs(5), Span::secs(2)));
    }

    #[test]
    fn a_short_capture_is_not_waited_out_unless_the_user_says_for_how_long() {
        let (a, b) = (Threshold::wait("a", Span::secs(60), "", ""), Threshold::duration("b", Span::secs(60), "", ""));
        let mut limits = Limits::default();
        let after = |limits: &Limits, seconds: i64| limits.patience(&a, Some(Span::secs(seconds)));
        let spans = [-5, 8, 20, 300, 600, 6_000].map(|seconds| after(&limits, seconds));
        assert_eq!(spans, [2, 2, 2, 30, 60, 60].map(Span::secs));
        assert_eq!(limits.patience(&a, None), Span::secs(60));
        limits.put(&a, Span::secs(60).0);
        assert_eq!((after(&limits, 8), limits.is_set(&b)), (Span::secs(60), false));
        let mut limits = Limits::default();
        limits.stuck_after(Span::secs(5));
        assert_eq!((after(&limits, 8), limits.is_set(&b)), (Span::secs(5), false));
    }
}
