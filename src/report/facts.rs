//! The facts of anomalies and findings in JSON.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Facts that are points in time. They are kept as text, since a number of [`Value`] loses nanoseconds.
const TIMES: [&str; 2] = ["first", "time"];

/// The digits of the fact `name`, if it is a point in time.
pub fn time<'a>(name: &str, value: &'a Value) -> Option<&'a str> {
    value.as_str().filter(|_| TIMES.contains(&name))
}

/// Writes them with times as the numbers that they are everywhere else.
///
/// # Errors
/// Only those of `serializer`.
pub fn write<S: Serializer>(facts: &BTreeMap<&'static str, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(facts.iter().map(|(name, value)| (name, Fact { name, value })))
}

struct Fact<'a> {
    name: &'a str,
    value: &'a Value,
}

impl Serialize for Fact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match time(self.name, self.value).and_then(|digits| RawValue::from_string(digits.to_owned()).ok()) {
            Some(number) => number.serialize(serializer),
            None => self.value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    #[test]
    fn times_are_numbers_to_the_nanosecond() {
        #[derive(Serialize)]
        struct Has {
            #[serde(serialize_with = "write")]
            facts: BTreeMap<&'static str, Value>,
        }
        let time = Value::from(Time(1_700_000_000_000_000_001).to_string());
        let facts = BTreeMap::from([("first", time.clone()), ("icmp", Value::from("1")), ("time", time)]);
        assert_eq!(
            serde_json::to_string(&Has { facts }).unwrap(),
            r#"{"facts":{"first":1700000000.000000001,"icmp":"1","time":1700000000.000000001}}"#
        );
    }
}
