//! Tables to rules.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{PolicyError, position};
use super::keys::{ALLOW, CAPTURE, EXPECT, LIMIT, SECTIONS, Section, VERSION};
use super::value::{Source, kind};
use crate::detect::{self, Limits};
use crate::filter::{self, Filter, FilterError};
use crate::policy::model::*;
use crate::report::Side;
use crate::spelling::suggestion;
use crate::time::Span;

type Value<'a> = Spanned<DeValue<'a>>;

impl Policy {
    /// Reads a policy; `file` is its name for messages.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn read(file: &str, text: &str) -> Result<Policy, PolicyError> {
        let source = Source { file, text };
        let root = DeTable::parse(text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or("cannot be read").to_owned();
            source.error(error.span().unwrap_or(0..0), message, None)
        })?;
        let mut policy = Policy { file: Some(file.to_owned()), ..Policy::default() };
        for (name, value) in root.get_ref().iter() {
            let tables = || source.tables(name.get_ref(), value);
            match name.get_ref().as_ref() {
                "version" if source.count(value)? == VERSION as u64 => {}
                "version" => {
                    let hint = Some(format!("this program knows version {VERSION}"));
                    return Err(source.error(value.span(), "a policy of another version", hint));
                }
                "thresholds" => policy.limits = source.thresholds(tables()?[0].0)?,
                "capture" => policy.capture = source.demands(&source.section(&CAPTURE, tables()?[0].clone())?)?,
                "limit" | "expect" | "allow" => {}
                _ => return Err(source.unknown_section(name)),
            }
        }
        for section in [&LIMIT, &EXPECT, &ALLOW] {
            let Some(value) = root.get_ref().get(section.name) else { continue };
            for table in source.tables(section.name, value)? {
                let fields = source.section(section, table)?;
                match section.name {
                    "limit" => policy.rules.push(source.limit(&fields)?),
                    "expect" => policy.rules.push(source.expect(&fields)?),
                    _ => policy.allowances.push(source.allow(&fields)?),
                }
            }
        }
        // As they stand in the file, whatever their kind.
        policy.rules.sort_by_key(|rule| rule.line);
        source.check_names(root.get_ref(), &policy)?;
        source.check_exceptions(root.get_ref(), &policy)?;
        Ok(policy)
    }
}

/// Text with every run of white space as one blank: names and reasons are shown in lines.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One table of a known kind, its keys checked.
struct Fields<'t, 'a> {
    section: &'static Section,
    table: &'t DeTable<'a>,
    at: Range<usize>,
}

impl<'t, 'a> Fields<'t, 'a> {
    fn get(&self, key: &str) -> Option<&'t Value<'a>> {
        debug_assert!(self.section.keys.iter().any(|known| known.name == key), "{key} is declared");
        self.table.get(key)
    }

    fn map<T>(&self, key: &str, read: impl Fn(&Value<'a>) -> Result<T, PolicyError>) -> Result<Option<T>, PolicyError> {
        self.get(key).map(read).transpose()
    }
}

impl Source<'_> {
    fn line(&self, at: &Range<usize>) -> Option<u32> {
        Some(position(self.text, at.start).0)
    }

    fn unknown_section(&self, name: &Spanned<std::borrow::Cow<'_, str>>) -> PolicyError {
        let names = SECTIONS.map(|s| s.name);
        let forms: Vec<String> =
            SECTIONS.iter().map(|s| if s.many { format!("[[{}]]", s.name) } else { format!("[{}]", s.name) }).collect();
        let hint = suggestion(name.get_ref(), names).unwrap_or_else(|| format!("a policy has {}", forms.join(", ")));
        self.error(name.span(), format!("`{}` is no part of a policy", name.get_ref()), Some(hint))
    }

    /// The table or tables that `value` is.
    fn tables<'t, 'a>(
        &self,
        name: &str,
        value: &'t Value<'a>,
    ) -> Result<Vec<(&'t DeTable<'a>, Range<usize>)>, PolicyError> {
        let many = SECTIONS.iter().any(|s| s.name == name && s.many);
        match value.get_ref() {
            DeValue::Table(table) if !many => Ok(vec![(table, value.span())]),
            DeValue::Array(all) if many => all
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::Table(table) => Ok((table, item.span())),
                    other => Err(self.error(item.span(), format!("expected a table, found {}", kind(other)), None)),
                })
                .collect(),
            other => {
                let form = if many { format!("[[{name}]]") } else { format!("[{name}]") };
                let message = format!("`{name}` is written as {form}, not as {}", kind(other));
                Err(self.error(value.span(), message, None))
            }
        }
    }

    /// Checks that all keys of a table are known and that none is missing.
    fn section<'t, 'a>(
        &self,
        section: &'static Section,
        (table, at): (&'t DeTable<'a>, Range<usize>),
    ) -> Result<Fields<'t, 'a>, PolicyError> {
        let names = || section.keys.iter().map(|key| key.name);
        for (key, _) in table.iter() {
            if !names().any(|name| name == key.get_ref()) {
                let hint = suggestion(key.get_ref(), names())
                    .unwrap_or_else(|| format!("it has {}", names().collect::<Vec<_>>().join(", ")));
                let message = format!("`{}` is not a key of `{}`", key.get_ref(), section.name);
                return Err(self.error(key.span(), message, Some(hint)));
            }
        }
        if let Some(key) = section.keys.iter().find(|key| key.required && !table.contains_key(key.name)) {
            return Err(self.error(at, format!("`{}` is missing", key.name), Some(key.meaning.to_owned())));
        }
        Ok(Fields { section, table, at })
    }

    fn thresholds(&self, table: &DeTable<'_>) -> Result<Limits, PolicyError> {
        let mut settings = Vec::new();
        for (name, value) in table.iter() {
            let written = match value.get_ref() {
                DeValue::Integer(_) => self.count(value)?.to_string(),
                _ => self.text(value)?,
            };
            let setting = format!("{}={written}", name.get_ref());
            Limits::read([setting.as_str()]).map_err(|error| {
                let unknown = matches!(error, crate::detect::ThresholdError::Unknown { .. });
                let at = if unknown { name.span() } else { value.span() };
                self.error(at, error.what(), error.hint())
            })?;
            settings.push(setting);
        }
        Limits::read(settings.iter().map(String::as_str)).map_err(|error| self.error(0..0, error.to_string(), None))
    }

    fn demands(&self, fields: &Fields<'_, '_>) -> Result<Demands, PolicyError> {
        let d = Demands::default();
        Ok(Demands {
            line: self.line(&fields.at),
            min_packets: fields.map("min-packets", |v| self.count(v))?.unwrap_or(d.min_packets),
            min_connections: fields.map("min-connections", |v| self.count(v))?.unwrap_or(d.min_connections),
            min_duration: fields.map("min-duration", |v| self.duration(v))?.unwrap_or(d.min_duration),
            max_missing: fields.map("max-missing", |v| self.share(v))?.unwrap_or(d.max_missing),
            max_one_way: fields.map("max-one-way", |v| self.share(v))?.unwrap_or(d.max_one_way),
            max_midstream: fields.map("max-midstream", |v| self.share(v))?.unwrap_or(d.max_midstream),
            complete: fields.map("complete", |v| self.switch(v))?.unwrap_or(d.complete),
            settled: fields.map("settled", |v| self.duration(v))?.unwrap_or(d.settled),
        })
    }

    fn filter(&self, value: &Value<'_>) -> Result<Filter, PolicyError> {
        let text = self.text(value)?;
        // Where the text stands in the file as it was typed, the place is known to the letter.
        let place = |part: Range<usize>| {
            let span = value.span();
            let typed = self.text.get(span.clone()).and_then(|raw| raw.find(text.as_str()));
            typed.map_or(span.clone(), |inset| span.start + inset + part.start..span.start + inset + part.end)
        };
        let filter = filter::parse(&text).map_err(|error| self.error(place(error.at), error.message, error.hint))?;
        detect::known(filter.findings()).map_err(|error| {
            let error = FilterError::about(&text, error.written(), error.what(), error.hint());
            self.error(place(error.at), error.message, error.hint)
        })?;
        Ok(filter)
    }

    fn rule(&self, fields: &Fields<'_, '_>, test: Test) -> Result<Rule, PolicyError> {
        let word = |key: &str, words: &[&str]| fields.map(key, |v| self.word(v, words));
        let name = fields.map("name", |v| self.text(v))?.unwrap_or_default();
        Ok(Rule {
            name: one_line(&name),
            why: fields.map("why", |v| self.text(v))?.map(|why| one_line(&why)),
            line: self.line(&fields.at),
            level: word("level", &["error", "warning"])?.map_or(Level::Error, |i| [Level::Error, Level::Warning][i]),
            scope: fields.map("where", |v| self.filter(v))?,
            each: word("each", &["service", "server", "client"])?
                .map(|i| [Each::Service, Each::Server, Each::Client][i]),
            if_none: word("if-none", &["unclear", "pass", "fail"])?
                .map_or(IfNone::Unclear, |i| [IfNone::Unclear, IfNone::Pass, IfNone::Fail][i]),
            test,
        })
    }

    fn limit(&self, fields: &Fields<'_, '_>) -> Result<Rule, PolicyError> {
        let codes = fields.map("finding", |v| self.findings(v))?;
        let severity = fields.map("severity", |v| self.severity(v))?;
        if codes.is_none() && severity.is_none() {
            let hint = Some("say which findings it limits: `finding` or `severity`".to_owned());
            return Err(self.error(fields.at.clone(), "a limit on nothing", hint));
        }
        let max = fields.map("max", |v| self.amount(v))?.unwrap_or(Amount::Count(0));
        self.rule(fields, Test::Limit(Limit { codes: codes.unwrap_or_default(), severity, max }))
    }

    fn expect(&self, fields: &Fields<'_, '_>) -> Result<Rule, PolicyError> {
        let mut conditions = Vec::new();
        conditions.extend(fields.map("never", |v| self.end_states(v))?.map(Condition::Never));
        for (key, side) in
            [("ends-in", None), ("client-ends-in", Some(Side::Client)), ("server-ends-in", Some(Side::Server))]
        {
            conditions.extend(fields.map(key, |v| self.states(v))?.map(|states| Condition::EndsIn(side, states)));
        }
        conditions.extend(fields.map("outcome", |v| self.outcomes(v))?.map(Condition::Outcome));
        conditions.extend(fields.map("closed-first", |v| self.closers(v))?.map(Condition::ClosedFirst));
        conditions.extend(fields.map("reset-causes", |v| self.causes(v))?.map(Condition::ResetCauses));
        conditions.extend(fields.map("handshake", |v| self.quantiles(v, false))?.map(|q| Condition::Handshake(q.0)));
        if let Some(times) = fields.get("time-in") {
            let all = match times.get_ref() {
                DeValue::Array(all) => all.iter().collect(),
                _ => vec![times],
            };
            for one in all {
                let (quantiles, of) = self.quantiles(one, true)?;
                conditions
                    .extend(of.into_iter().map(|(side, state)| Condition::TimeIn(side, state, quantiles.clone())));
            }
        }
        conditions.extend(fields.map("count", |v| self.range(v))?.map(|(min, max)| Condition::Count(min, max)));
        if conditions.is_empty() {
            let hint = Some("say what is expected: `never`, `outcome`, `handshake`, …".to_owned());
            return Err(self.error(fields.at.clone(), "nothing is expected", hint));
        }
        let at_least = fields.map("at-least", |v| self.share(v))?.unwrap_or(Share::ALL);
        self.rule(fields, Test::Expect(Expect { conditions, at_least }))
    }

    /// A table of quantiles, with a `state` if `stated`.
    #[expect(clippy::type_complexity, reason = "quantiles and states, read in one go and taken apart at once")]
    fn quantiles(
        &self,
        value: &Value<'_>,
        stated: bool,
    ) -> Result<(Vec<(Quantile, Span)>, Vec<(Option<Side>, crate::tracker::State)>), PolicyError> {
        let DeValue::Table(table) = value.get_ref() else {
            let form = if stated { "{ state = \"CLOSE_WAIT\", max = \"1s\" }" } else { "{ p95 = \"50ms\" }" };
            let message = format!("expected a table such as {form}, found {}", kind(value.get_ref()));
            return Err(self.error(value.span(), message, None));
        };
        let states = match table.get("state") {
            Some(states) if stated => self.end_states(states)?,
            None if stated => return Err(self.error(value.span(), "`state` is missing", None)),
            _ => Vec::new(),
        };
        let mut quantiles = Vec::new();
        for (name, value) in table.iter().filter(|(name, _)| !(stated && name.get_ref() == "state")) {
            quantiles.push(self.quantile(name, value)?);
        }
        quantiles.sort();
        if quantiles.is_empty() {
            return Err(self.error(value.span(), "no quantile is given", Some("as in max = \"1s\"".to_owned())));
        }
        Ok((quantiles, states))
    }

    fn range(&self, value: &Value<'_>) -> Result<(u64, Option<u64>), PolicyError> {
        let hint = || Some("as in { min = 1, max = 100 }".to_owned());
        let DeValue::Table(table) = value.get_ref() else {
            let message = format!("expected a table, found {}", kind(value.get_ref()));
            return Err(self.error(value.span(), message, hint()));
        };
        if let Some((key, _)) = table.iter().find(|(key, _)| !matches!(key.get_ref().as_ref(), "min" | "max")) {
            return Err(self.error(key.span(), format!("`{}` is not a key of `count`", key.get_ref()), hint()));
        }
        let bound = |key: &str| table.get(key).map(|v| self.count(v)).transpose();
        match (bound("min")?, bound("max")?) {
            (None, None) => Err(self.error(value.span(), "neither `min` nor `max` is given", hint())),
            (Some(min), Some(max)) if min > max => {
                Err(self.error(value.span(), format!("no number is at least {min} and at most {max}"), None))
            }
            (min, max) => Ok((min.unwrap_or(0), max)),
        }
    }

    fn allow(&self, fields: &Fields<'_, '_>) -> Result<Allowance, PolicyError> {
        let codes = fields.map("finding", |v| self.findings(v))?.unwrap_or_default();
        let rule = fields.map("rule", |v| self.text(v))?.map(|rule| one_line(&rule));
        if codes.is_empty() == rule.is_none() {
            let hint = Some("say what is allowed: either `finding` or `rule`".to_owned());
            return Err(self.error(fields.at.clone(), "an exception needs one of `finding` and `rule`", hint));
        }
        let reason = one_line(&fields.map("reason", |v| self.text(v))?.unwrap_or_default());
        if let Some(value) = fields.get("reason").filter(|_| reason.is_empty()) {
            return Err(self.error(value.span(), "the reason is empty", None));
        }
        Ok(Allowance {
            line: self.line(&fields.at),
            codes,
            rule,
            scope: fields.map("where", |v| self.filter(v))?,
            reason,
            expires: fields.map("expires", |v| self.date(v))?,
        })
    }
}
