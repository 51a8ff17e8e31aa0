//! What is wrong with a filter, and where.

use std::fmt;
use std::ops::Range;

/// A filter that does not parse. Printed with the filter, a caret under the place, and a hint if there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    /// The filter as typed.
    pub text: String,
    /// The bytes of it that are wrong.
    pub at: Range<usize>,
    /// What was expected and what was found.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |text: &str| -> String {
            text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
        };
        let before = self.text.get(..self.at.start).unwrap_or(&self.text).chars().count();
        let marked = self.text.get(self.at.clone()).unwrap_or("").chars().count().max(1);
        writeln!(f, "{}", show(&self.message))?;
        writeln!(f, "  {}", show(&self.text))?;
        write!(f, "  {}{}", " ".repeat(before), "^".repeat(marked))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  {}", show(hint))?;
        }
        Ok(())
    }
}
