//! What is wrong with a policy, and where.

use std::fmt;
use std::ops::Range;

use crate::render::clean::clean;

/// A policy that cannot be used. Printed with file, line and column, the line itself, a caret, and a hint if there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// Name of the file.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    shown: String,
    marked: usize,
}

impl PolicyError {
    /// An error about the bytes `at` of `text`.
    pub fn new(
        file: &str,
        text: &str,
        at: Range<usize>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> PolicyError {
        let (line, column) = position(text, at.start);
        let shown = text.lines().nth(line as usize - 1).unwrap_or("").to_owned();
        let marked = text.get(at).unwrap_or("").lines().next().unwrap_or("").chars().count();
        let room = shown.chars().count().saturating_sub(column as usize - 1);
        PolicyError {
            file: file.to_owned(),
            line,
            column,
            message: message.into(),
            hint,
            shown,
            marked: marked.min(room).max(1),
        }
    }
}

/// Line and column of a byte, both counted from 1.
pub fn position(text: &str, byte: usize) -> (u32, u32) {
    let before = text.get(..byte.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(self.column as usize - 1);
        writeln!(f, "{}:{}:{}: {}", clean(&self.file), self.line, self.column, clean(&self.message))?;
        writeln!(f, " {margin} |")?;
        writeln!(f, " {number} | {}", clean(&self.shown.replace('\t', " ")))?;
        write!(f, " {margin} | {indent}{}", "^".repeat(self.marked))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n {margin} = {}", clean(hint))?;
        }
        Ok(())
    }
}
