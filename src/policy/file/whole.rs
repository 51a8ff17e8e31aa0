//! What only the whole policy shows: whether names are unique, and whether exceptions are exceptions from anything.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::DeTable;

use super::error::PolicyError;
use super::read::one_line;
use super::value::Source;
use crate::policy::model::{Policy, Test};
use crate::spelling::suggestion;

impl Source<'_> {
    /// Exceptions for findings are exceptions from a limit: without one they would seem to do something.
    pub fn check_exceptions(&self, root: &DeTable<'_>, policy: &Policy) -> Result<(), PolicyError> {
        let limited = |code: &&str| {
            policy.rules.iter().any(|rule| match &rule.test {
                Test::Limit(limit) => limit.codes.is_empty() || limit.codes.contains(code),
                Test::Expect(_) => false,
            })
        };
        let tables = root.get("allow").and_then(|value| value.get_ref().as_array());
        for (allowance, table) in policy.allowances.iter().zip(tables.into_iter().flatten()) {
            if allowance.rule.is_some() || allowance.codes.iter().any(limited) {
                continue;
            }
            let finding = table.get_ref().as_table().and_then(|table| table.get("finding"));
            let at = finding.map_or(table.span(), Spanned::span);
            let hint = "without a policy warnings and errors are limited; in one, by its [[limit]]s".to_owned();
            return Err(self.error(at, "nothing to except: no [[limit]] is about it", Some(hint)));
        }
        Ok(())
    }

    /// Names are unique, and exceptions name rules that exist.
    pub fn check_names(&self, root: &DeTable<'_>, policy: &Policy) -> Result<(), PolicyError> {
        let place = |section: &str, key: &str, name: &str, nth: usize| {
            let all = root.get(section).and_then(|v| v.get_ref().as_array());
            let mut found = all.into_iter().flat_map(|all| all.iter()).filter_map(|item| {
                let value = item.get_ref().as_table()?.get(key)?;
                (one_line(value.get_ref().as_str()?) == name).then(|| value.span())
            });
            found.nth(nth)
        };
        let mut seen = BTreeSet::new();
        for rule in &policy.rules {
            let span = || {
                place("expect", "name", &rule.name, 0)
                    .into_iter()
                    .chain(place("limit", "name", &rule.name, 0))
                    .chain(place("expect", "name", &rule.name, 1))
                    .chain(place("limit", "name", &rule.name, 1))
                    .max_by_key(|span| span.start)
                    .unwrap_or(0..0)
            };
            if rule.name.is_empty() {
                return Err(self.error(span(), "the name is empty", None));
            }
            if !seen.insert(rule.name.as_str()) {
                return Err(self.error(span(), format!("two rules are called `{}`", rule.name), None));
            }
        }
        for name in policy.allowances.iter().filter_map(|a| a.rule.as_deref()) {
            if !seen.contains(name) {
                let few = || (1..9).contains(&seen.len()).then(|| format!("the policy has {}", list(&seen)));
                let hint = suggestion(name, seen.iter().copied()).or_else(few);
                let at = place("allow", "rule", name, 0).unwrap_or(0..0);
                return Err(self.error(at, format!("no rule is called `{name}`"), hint));
            }
        }
        Ok(())
    }
}

fn list(names: &BTreeSet<&str>) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
