//! A declaration as pages: Markdown and JSON. (The terminal's page is the command line's.)

use std::fmt::Write;

use serde_json::{Value, json};

use super::declaration::{Declaration, Detect};
use super::threshold::Unit;
use super::{ALL, Example};
use crate::report::number::count;
use crate::segment::IcmpKind;
use crate::time::Span;

impl Example {
    /// How often and how far apart the ladder is to be thought, if more than once.
    pub fn repetition(&self) -> Option<String> {
        if let Some((segment, error)) = self.told {
            let error = match error {
                IcmpKind::TooBig(mtu) => format!("packet too big, MTU {mtu}"),
                other => other.words().to_owned(),
            };
            return Some(format!("and its segment {segment} is answered by ICMP \"{error}\""));
        }
        if self.elsewhere {
            return Some("and all but the client's SYNs is from and to another address of the server".to_owned());
        }
        if self.set_back > Span(0) {
            return Some(format!(
                "and before the last segment the capture's clock is set back by {}",
                super::Plain(self.set_back)
            ));
        }
        (self.times > 1).then(|| {
            let to = if self.scans { " and to another port" } else { "" };
            format!(
                "{} times, each from another port{to}, {} apart",
                count(self.times.into()),
                super::Plain(self.every)
            )
        })
    }
}

impl Declaration {
    /// Its parts of running text, each with its heading.
    pub fn parts(&self) -> [(&'static str, &'static str); 5] {
        [
            ("What it is", self.what),
            ("Why it matters", self.why),
            ("How it is decided", self.decided),
            ("Not to be confused with", self.confused),
            ("What to do", self.advice),
        ]
    }

    /// All of it as JSON.
    pub fn json(&self) -> Value {
        let example = |e: &Example| match e.repetition() {
            Some(how) => json!({"ladder": e.ladder, "times": e.times, "how": how}),
            None => json!({"ladder": e.ladder, "times": e.times}),
        };
        json!({
            "code": self.code,
            "name": self.name,
            "severity": self.severity.name(),
            "summary": self.summary,
            "what": self.what,
            "why": self.why,
            "decided": self.decided,
            "not_to_be_confused_with": self.confused,
            "advice": self.advice,
            "scope": match self.detect {
                Detect::Connection(..) => "connection",
                Detect::Capture(_) | Detect::Service(_) => "capture",
            },
            "thresholds": self.thresholds.iter().map(|t| json!({
                "name": t.name,
                "default": t.write(t.default),
                "unit": match t.unit {
                    Unit::Duration => "duration",
                    Unit::Count => "count",
                    Unit::Share => "share",
                },
                "set_by_stuck_after": t.waits,
                "meaning": t.meaning,
                "source": t.source,
            })).collect::<Vec<_>>(),
            "raised_by": example(&self.raises),
            "not_raised_by": example(&self.silent),
        })
    }

    /// Its page in Markdown, with a heading of the second level.
    pub fn markdown(&self) -> String {
        let mut page = format!("## {} {}\n\n*{}*: {}.\n", self.code, self.name, self.severity.name(), self.summary);
        // Writing to a string cannot fail.
        for (heading, text) in self.parts() {
            let _ = write!(page, "\n**{heading}.** {text}\n");
        }
        if !self.thresholds.is_empty() {
            page.push_str("\n| threshold | default | meaning | source |\n|---|---|---|---|\n");
            for t in self.thresholds {
                let _ = writeln!(page, "| `{}` | {} | {} | {} |", t.name, t.write(t.default), t.meaning, t.source);
            }
        }
        for (heading, example) in [("Raised by", &self.raises), ("Not raised by", &self.silent)] {
            let often = example.repetition().map(|r| format!(" ({r})")).unwrap_or_default();
            let _ = write!(page, "\n{heading}{often}:\n\n```text\n{}```\n", example.ladder);
        }
        page
    }
}

/// All anomalies as one Markdown table.
pub fn table() -> String {
    let mut table = String::from("| code | name | severity | what was found |\n|---|---|---|---|\n");
    for d in ALL {
        let _ = writeln!(table, "| {} | `{}` | {} | {} |", d.code, d.name, d.severity.name(), d.summary);
    }
    table
}
