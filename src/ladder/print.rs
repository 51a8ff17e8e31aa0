//! Writing a ladder, columns aligned.

use std::fmt::{self, Write};

use super::{Arrow, Cell, End, Fate, Ladder, Line, fields};
use crate::time::Span;
use crate::tracker::Stack;

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.states.iter().map(|s| s.name()).collect();
        let mut text = names.join("/");
        if let Some(state) = self.believed {
            write!(text, " ({state})")?;
        }
        if let Some(states) = self.possible {
            let names: Vec<&str> = states.iter().map(|s| s.name()).collect();
            write!(text, " {{{}}}", names.join(", "))?;
        }
        f.pad(text.trim_start())
    }
}

/// The segment with its arrows: left arrow, fields, right arrow.
fn parts(arrow: &Arrow) -> (&'static str, String, &'static str) {
    let (left, right) = match (arrow.from, arrow.fate) {
        (End::Left, Fate::Arrives) => ("-->", "-->"),
        (End::Left, Fate::Underway) => ("-->", "..."),
        (End::Left, Fate::Late) => ("...", "-->"),
        (End::Left, Fate::LostAfterTap) => ("-->", "-->x"),
        (End::Left, Fate::LostBeforeTap) => ("-->x", ""),
        (End::Right, Fate::Arrives) => ("<--", "<--"),
        (End::Right, Fate::Underway) => ("...", "<--"),
        (End::Right, Fate::Late) => ("<--", "..."),
        (End::Right, Fate::LostAfterTap) => ("x<--", "<--"),
        (End::Right, Fate::LostBeforeTap) => ("", "x<--"),
    };
    (left, arrow.fields(), right)
}

impl Arrow {
    /// The fields as a ladder shows them: `<SEQ=100><ACK=300><CTL=ACK>`.
    pub fn fields(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = fields::write(&mut text, self);
        text
    }
}

/// A span written exactly, in the largest unit that leaves something before the point.
pub fn exact(span: Span) -> String {
    let n = span.0.unsigned_abs();
    let (unit, name, digits) = match n {
        0 | 1_000_000_000.. => (1_000_000_000, "s", 9),
        1_000_000.. => (1_000_000, "ms", 6),
        _ => (1_000, "µs", 3),
    };
    let fraction = format!("{:0digits$}", n % unit);
    let text = format!("{}.{fraction}", n / unit);
    format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
}

impl Ladder {
    /// Each line as printed, without line ends.
    pub fn rows(&self) -> Vec<String> {
        let width = |f: &dyn Fn(&Line) -> usize| self.lines.iter().map(f).max().unwrap_or(0);
        let left = width(&|l| l.left.to_string().chars().count()).max(1);
        let middle = width(&|l| l.arrow.as_ref().map_or(0, |a| parts(a).1.chars().count()));
        let right = width(&|l| l.right.to_string().chars().count()).max(1);
        let numbers = self.lines.len().to_string().len();
        self.lines
            .iter()
            .zip(1..)
            .map(|(line, n)| {
                let [mut a, mut b] = [line.left.to_string(), line.right.to_string()];
                let (from, text, to) = line.arrow.as_ref().map_or(("", String::new(), ""), parts);
                if line.arrow.is_none() {
                    // A cell that says nothing of the state is marked, or it would be taken for the other one.
                    for (text, cell) in [(&mut a, &line.left), (&mut b, &line.right)] {
                        if cell.states.is_empty() {
                            *text = format!("- {text}").trim_end().to_owned();
                        }
                    }
                }
                format!("{n:numbers$}. {a:left$} {from:>4} {text:middle$} {to:4} {b:right$} @ {}", exact(line.time))
            })
            .collect()
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Ladder::default();
        if self.stack != default.stack
            && let Some((name, _)) = Stack::ALL.iter().find(|(_, s)| *s == self.stack)
        {
            writeln!(f, "stack {name}")?;
        }
        for (name, socket, usual) in [("left", self.left, default.left), ("right", self.right, default.right)] {
            if socket != usual {
                writeln!(f, "{name} {socket}")?;
            }
        }
        self.rows().iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}
