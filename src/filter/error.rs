//! What is wrong with a filter, and where.

use std::fmt;
use std::ops::Range;

use super::lex::{Token, tokens};
use super::words::plain;

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

impl FilterError {
    /// An error about a `value` of `text`, which parses; the value as filters keep it.
    pub fn about(text: &str, value: &str, message: String, hint: String) -> FilterError {
        let is_it = |token: &Token<'_>| matches!(token, Token::Word(word) if plain(word) == value);
        let at = tokens(text).ok().and_then(|all| all.into_iter().find(|(token, _)| is_it(token)).map(|(_, at)| at));
        FilterError { text: text.to_owned(), at: at.unwrap_or(0..text.len()), message, hint: Some(hint) }
    }
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
