//! Single values of a policy: from what TOML has to what a rule needs, with an error that points.

use std::ops::Range;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::DeValue;

use super::error::PolicyError;
use crate::amount;
use crate::detect::{ALL, Cause};
use crate::policy::model::{Amount, Quantile, Share};
use crate::report::{ClosedFirst, Outcome, Severity, Side};
use crate::spelling::suggestion;
use crate::time::Span;
use crate::tracker::State;

/// Where values come from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
}

type Value<'a> = Spanned<DeValue<'a>>;

impl Source<'_> {
    /// An error about `at`.
    pub fn error(&self, at: Range<usize>, message: impl Into<String>, hint: Option<String>) -> PolicyError {
        PolicyError::new(self.file, self.text, at, message, hint)
    }

    fn wanted(&self, value: &Value<'_>, what: &str) -> PolicyError {
        self.error(value.span(), format!("expected {what}, found {}", kind(value.get_ref())), None)
    }

    /// Text.
    pub fn text(&self, value: &Value<'_>) -> Result<String, PolicyError> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.wanted(value, "text in quotes")),
        }
    }

    /// A whole number.
    pub fn count(&self, value: &Value<'_>) -> Result<u64, PolicyError> {
        const WANTED: &str = "a whole number";
        let DeValue::Integer(n) = value.get_ref() else { return Err(self.wanted(value, WANTED)) };
        u64::from_str_radix(n.as_str(), n.radix()).map_err(|_| {
            let found = if n.as_str().starts_with('-') { "a negative one" } else { "one that is too large" };
            self.error(value.span(), format!("expected {WANTED}, found {found}"), None)
        })
    }

    /// `"1%"`
    pub fn share(&self, value: &Value<'_>) -> Result<Share, PolicyError> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.trim(),
            _ => return Err(self.wanted(value, "a share such as \"1%\"")),
        };
        let percent = text.strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok());
        match percent.filter(|n| (0.0..=100.0).contains(n)) {
            Some(n) => Ok(Share((n * 1e4).round() as u32)),
            None => Err(self.error(value.span(), format!("`{text}` is not a share"), Some("as in \"1%\"".to_owned()))),
        }
    }

    /// A number or a share.
    pub fn amount(&self, value: &Value<'_>) -> Result<Amount, PolicyError> {
        match value.get_ref() {
            DeValue::Integer(_) => self.count(value).map(Amount::Count),
            DeValue::String(_) => self.share(value).map(Amount::Share),
            _ => Err(self.wanted(value, "a whole number, or a share such as \"1%\"")),
        }
    }

    /// `"50ms"`
    pub fn duration(&self, value: &Value<'_>) -> Result<Span, PolicyError> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.as_ref(),
            _ => return Err(self.wanted(value, "a duration such as \"50ms\"")),
        };
        // With blanks as reports write it, and as thresholds take it.
        amount::duration(&text.replace(' ', "")).ok_or_else(|| {
            let hint = Some("with its unit, as in \"50ms\", \"1.5s\", \"2min\"".to_owned());
            self.error(value.span(), format!("`{text}` is not a duration"), hint)
        })
    }

    /// A day, bare or in quotes.
    pub fn date(&self, value: &Value<'_>) -> Result<Date, PolicyError> {
        let text = match value.get_ref() {
            DeValue::Datetime(day) => day.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => return Err(self.wanted(value, "a day such as 2027-01-31")),
        };
        let hint = || Some("as in 2027-01-31".to_owned());
        text.parse().map_err(|_| self.error(value.span(), format!("`{text}` is not a day"), hint()))
    }

    /// true or false.
    pub fn switch(&self, value: &Value<'_>) -> Result<bool, PolicyError> {
        value.get_ref().as_bool().ok_or_else(|| self.wanted(value, "true or false"))
    }

    /// One word or a list of words, each read by `read`; `what` names one of them, `names` are all that there are.
    fn words<T>(
        &self,
        value: &Value<'_>,
        what: &str,
        names: &[&str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, PolicyError> {
        let one = |value: &Value<'_>| {
            let DeValue::String(word) = value.get_ref() else {
                return Err(self.wanted(value, &format!("{what} in quotes")));
            };
            read(word).ok_or_else(|| {
                let hint = match suggestion(word, names.iter().copied()) {
                    Some(question) => Some(question),
                    None if names.len() > 15 => Some("`tcpstate explain` lists them".to_owned()),
                    None => Some(names.join(", ")).filter(|_| !names.iter().all(|name| what.contains(name))),
                };
                self.error(value.span(), format!("`{word}` is not {what}"), hint)
            })
        };
        match value.get_ref() {
            DeValue::Array(all) if all.is_empty() => Err(self.error(value.span(), "the list is empty", None)),
            DeValue::Array(all) => all.iter().map(one).collect(),
            _ => one(value).map(|word| vec![word]),
        }
    }

    /// Codes of findings.
    pub fn findings(&self, value: &Value<'_>) -> Result<Vec<&'static str>, PolicyError> {
        let names: Vec<&str> = ALL.iter().map(|d| d.name).collect();
        self.words(value, "a finding", &names, |word| crate::detect::find(word).map(|d| d.code))
    }

    /// A severity.
    pub fn severity(&self, value: &Value<'_>) -> Result<Severity, PolicyError> {
        let word = self.word(value, &Severity::ALL.map(Severity::name))?;
        Ok(Severity::ALL[word])
    }

    /// States.
    pub fn states(&self, value: &Value<'_>) -> Result<Vec<State>, PolicyError> {
        self.words(value, "a TCP state", &State::ALL.map(State::name), |word| word.parse().ok())
    }

    /// States, of one end where that is said.
    pub fn end_states(&self, value: &Value<'_>) -> Result<Vec<(Option<Side>, State)>, PolicyError> {
        let of = |end: &str| State::ALL.map(|state| format!("{end}{state}"));
        let all = ["", "client.", "server."].map(of).concat();
        let names: Vec<&str> = all.iter().map(String::as_str).collect();
        self.words(value, "a TCP state", &names, |word| {
            let Some((end, state)) = word.split_once('.') else { return Some((None, word.parse().ok()?)) };
            let side = Side::ALL.into_iter().find(|side| side.name() == plain(end))?;
            Some((Some(side), state.parse().ok()?))
        })
    }

    /// Outcomes.
    pub fn outcomes(&self, value: &Value<'_>) -> Result<Vec<Outcome>, PolicyError> {
        self.words(value, "an outcome", &Outcome::ALL.map(Outcome::name), |word| {
            Outcome::ALL.into_iter().find(|outcome| outcome.name() == plain(word))
        })
    }

    /// Who may close first.
    pub fn closers(&self, value: &Value<'_>) -> Result<Vec<ClosedFirst>, PolicyError> {
        self.words(value, "client, server or both", &ClosedFirst::ALL.map(ClosedFirst::name), |word| {
            ClosedFirst::ALL.into_iter().find(|who| who.name() == plain(word))
        })
    }

    /// Causes of resets.
    pub fn causes(&self, value: &Value<'_>) -> Result<Vec<String>, PolicyError> {
        let names: Vec<&str> = Cause::names().collect();
        self.words(value, "a cause of a reset", &names, |word| {
            names.iter().find(|name| **name == plain(word)).map(|name| (*name).to_owned())
        })
    }

    /// Which of `words` it is.
    pub fn word(&self, value: &Value<'_>, words: &[&str]) -> Result<usize, PolicyError> {
        let found = self.words(value, &format!("one of {}", words.join(", ")), words, |word| {
            words.iter().position(|known| *known == plain(word))
        })?;
        match (value.get_ref(), found.first()) {
            (DeValue::String(_), Some(at)) => Ok(*at),
            _ => Err(self.wanted(value, "one word in quotes")),
        }
    }

    /// A quantile and the most it may be.
    pub fn quantile(
        &self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Value<'_>,
    ) -> Result<(Quantile, Span), PolicyError> {
        let known = Quantile::ALL.into_iter().find(|(known, _)| known == name.get_ref());
        let Some((_, quantile)) = known else {
            let hint = Some(Quantile::ALL.map(|(name, _)| name).join(", "));
            return Err(self.error(name.span(), format!("`{}` is not a quantile", name.get_ref()), hint));
        };
        Ok((quantile, self.duration(value)?))
    }
}

fn plain(word: &str) -> String {
    word.trim().to_ascii_lowercase().replace('_', "-")
}

/// What a value is, for messages.
pub fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with decimals",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
