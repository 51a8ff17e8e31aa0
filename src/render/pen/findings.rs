//! What was odd: anomalies of a connection, findings, and roll-ups.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Pen;
use super::number::Clock;
use super::sheet::Sheet;
use crate::report::facts::time;
use crate::report::rollup::{Rollup, Worst};
use crate::report::{Anomaly, Finding, Severity, Side};

/// Writes the object.
#[inline(never)]
pub fn anomaly<'a>(mut pen: Pen<'a>, a: &Anomaly, clock: &mut Clock) -> Option<Pen<'a>> {
    let Anomaly { code, name, severity, endpoint, time, packet, message, facts } = a;
    pen = kind(pen.put(b"{")?, code, name, *severity)?;
    if let Some(side) = endpoint {
        pen = pen.bytes(match side {
            Side::Client => b",\"endpoint\":\"client\"",
            Side::Server => b",\"endpoint\":\"server\"",
        })?;
    }
    pen = pen.put(b",\"time\":")?;
    pen = pen.time(*time, clock)?;
    if let Some(packet) = packet {
        pen = pen.counted(b",\"packet\":", *packet)?;
    }
    pen = pen.put(b",\"message\":")?;
    pen = pen.quoted(message)?;
    pen = pen.put(b",\"facts\":")?;
    self::facts(pen, facts)?.put(b"}")
}

/// Writes the members of the object, from `"code"` to the closing brace.
pub fn finding<'a>(mut pen: Pen<'a>, f: &Finding) -> Option<Pen<'a>> {
    let Finding { code, name, severity, count, message, advice, connections, packets, facts } = f;
    pen = kind(pen, code, name, *severity)?;
    pen = pen.counted(b",\"count\":", *count)?;
    pen = pen.put(b",\"message\":")?;
    pen = pen.quoted(message)?;
    pen = pen.put(b",\"advice\":")?;
    pen = pen.quoted(advice)?;
    pen = pen.put(b",\"connections\":")?;
    pen = list(pen, connections)?;
    pen = pen.put(b",\"packets\":")?;
    pen = list(pen, packets)?;
    pen = pen.put(b",\"facts\":")?;
    self::facts(pen, facts)?.put(b"}")
}

/// Writes the object.
pub fn rollup<'a>(mut pen: Pen<'a>, r: &Rollup) -> Option<Pen<'a>> {
    let Rollup { addr, port, connections, outcomes, findings, worst } = r;
    pen = pen.put(b"{\"addr\":\"")?.address(*addr)?.put(b"\"")?;
    if let Some(port) = port {
        pen = pen.counted(b",\"port\":", u64::from(*port))?;
    }
    pen = pen.counted(b",\"connections\":", *connections)?;
    pen = pen.put(b",\"outcomes\":")?;
    pen = pen.counts(outcomes)?;
    pen = pen.put(b",\"findings\":{")?;
    for (i, (severity, n)) in findings.iter().enumerate() {
        pen = pen.bytes(if i > 0 { b",\"" } else { b"\"" })?;
        pen = self::severity(pen, *severity)?.put(b":")?.integer(*n)?;
    }
    pen = pen.put(b"}")?;
    if let Some(Worst { code, name, severity, connections }) = worst {
        pen = kind(pen.put(b",\"worst\":{")?, code, name, *severity)?;
        pen = pen.counted(b",\"connections\":", *connections)?.put(b"}")?;
    }
    pen.put(b"}")
}

/// The first members of all that is found. Codes and names are words of this crate, with nothing to escape; the tests see
/// to it.
#[inline(always)]
fn kind<'a>(mut pen: Pen<'a>, code: &str, name: &str, severity: Severity) -> Option<Pen<'a>> {
    pen = pen.put(b"\"code\":\"")?.bytes(code.as_bytes())?;
    pen = pen.put(b"\",\"name\":\"")?.bytes(name.as_bytes())?;
    self::severity(pen.put(b"\",\"severity\":\"")?, severity)
}

/// Writes a severity whose opening quotation mark stands; closes it.
#[inline(always)]
fn severity(pen: Pen<'_>, severity: Severity) -> Option<Pen<'_>> {
    let (text, len): (&[u8; 8], usize) = match severity {
        Severity::Info => (b"info\"   ", 5),
        Severity::Note => (b"note\"   ", 5),
        Severity::Warning => (b"warning\"", 8),
        Severity::Error => (b"error\"  ", 6),
    };
    pen.part(text, len)
}

fn list<'a>(pen: Pen<'a>, numbers: &[u64]) -> Option<Pen<'a>> {
    pen.put(b"[")?.listed(numbers, |pen, n| pen.integer(*n))?.put(b"]")
}

fn facts<'a>(mut pen: Pen<'a>, facts: &BTreeMap<&str, Value>) -> Option<Pen<'a>> {
    pen = pen.put(b"{")?;
    for (i, (key, value)) in facts.iter().enumerate() {
        pen = if i > 0 { pen.put(b",")? } else { pen };
        pen = pen.quoted(key)?.put(b":")?;
        pen = match time(key, value) {
            Some(digits) => pen.bytes(digits.as_bytes())?,
            None => fact(pen, value)?,
        };
    }
    pen.put(b"}")
}

fn fact<'a>(pen: Pen<'a>, value: &Value) -> Option<Pen<'a>> {
    match value {
        Value::Bool(true) => pen.put(b"true"),
        Value::Bool(false) => pen.put(b"false"),
        Value::String(text) => pen.quoted(text),
        Value::Number(number) => match number.as_u64() {
            Some(n) => pen.integer(n),
            None => match number.as_f64().and_then(micros) {
                Some(micros) => pen.sheet(|sheet| sheet.micros(micros)),
                None => pen.json(number),
            },
        },
        Value::Null | Value::Array(_) | Value::Object(_) => pen.json(value),
    }
}

/// Writes a number with a fraction as facts have them.
pub fn float(pen: Pen<'_>, number: f64) -> Option<Pen<'_>> {
    match micros(number) {
        Some(micros) => pen.sheet(|sheet| sheet.micros(micros)),
        None => pen.json(&number),
    }
}

/// The same on a sheet.
pub fn float_on(sheet: Sheet<'_>, number: f64) -> Sheet<'_> {
    match micros(number) {
        Some(micros) => sheet.micros(micros),
        None => sheet.float(number),
    }
}

/// The millionths that `number` is, if it is a whole number of them, not negative, and neither very small nor very large.
#[inline]
fn micros(number: f64) -> Option<u64> {
    let micros = (number * 1e6).round();
    let usual = number.to_bits() == 0 || (1e3..1e15).contains(&micros);
    // No two decimals of so few digits come to the same float: this is the one that any formatter finds.
    (usual && micros / 1e6 == number).then_some(micros as u64)
}

impl Pen<'_> {
    /// Writes numbers by names that need not be escaped.
    pub fn counts(mut self, counts: &BTreeMap<&str, u64>) -> Option<Self> {
        self = self.put(b"{")?;
        for (i, (name, n)) in counts.iter().enumerate() {
            self = self.bytes(if i > 0 { b",\"" } else { b"\"" })?;
            self = self.bytes(name.as_bytes())?.put(b"\":")?.integer(*n)?;
        }
        self.put(b"}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sheet::ROOM;
    use super::*;

    fn check(number: f64) {
        let (value, mut room) = (Value::from(number), [0; 2 * ROOM]);
        let left = fact(Pen::new(&mut room), &value).expect("there is room").left();
        assert_eq!(String::from_utf8_lossy(&room[..2 * ROOM - left]), value.to_string());
    }

    #[test]
    fn floats_at_the_edges_are_written_as_everywhere() {
        for exponent in -12..20 {
            let power = 10_f64.powi(exponent);
            for number in [power, power * 9.5, power - 1e-6, power + 1e-6, power.next_down(), power.next_up()] {
                [number, -number, number.round()].into_iter().for_each(check);
            }
        }
        [0.0, -0.0, 0.1 + 0.2, 0.8, f64::MAX, f64::MIN_POSITIVE].into_iter().for_each(check);
    }

    proptest! {
        #[test]
        fn any_float_is_written_as_everywhere(number: f64, micros: i64, shift in 0_u32..63) {
            check(number);
            check((micros >> shift) as f64 / 1e6);
            check((micros >> shift) as f64 / 1e3);
        }
    }
}
