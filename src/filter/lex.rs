//! Characters to tokens.

use std::ops::Range;

use winnow::ascii::multispace0;
use winnow::combinator::{alt, preceded, repeat, terminated};
use winnow::error::ContextError;
use winnow::prelude::*;
use winnow::stream::LocatingSlice;
use winnow::token::{literal, take_while};

use super::ast::Compare;
use super::error::FilterError;

/// The smallest meaningful piece of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A word, a number, an address.
    Word(&'a str),
    /// A sign of comparison.
    Compare(Compare),
    /// `and`, `&&`
    And,
    /// `or`, `||`
    Or,
    /// `not`, `!`
    Not,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
}

type Input<'a> = LocatingSlice<&'a str>;

/// The tokens of `text`, each with its place in bytes.
pub fn tokens(text: &str) -> Result<Vec<(Token<'_>, Range<usize>)>, FilterError> {
    let mut input = LocatingSlice::new(text);
    let read: Result<Vec<_>, ContextError> =
        terminated(repeat(0.., preceded(multispace0, token.with_span())), multispace0).parse_next(&mut input);
    let rest = input.len();
    let tokens = read.unwrap_or_default();
    if rest == 0 {
        return Ok(tokens);
    }
    let at = text.len() - rest;
    let wrong = text[at..].chars().next().unwrap_or(' ');
    let hint = match wrong {
        '&' if text[..at].contains('[') => Some(super::parse::NOT_PACKETS.to_owned()),
        '&' => Some("write `and` or `&&`".to_owned()),
        '|' => Some("write `or` or `||`".to_owned()),
        '\'' | '"' => Some("values need no quotes".to_owned()),
        '#' => Some("the connection that reports call #17 is `id 17`".to_owned()),
        _ => None,
    };
    let message = format!("`{wrong}` means nothing here");
    Err(FilterError { text: text.to_owned(), at: at..at + wrong.len_utf8(), message, hint })
}

fn token<'a>(input: &mut Input<'a>) -> Result<Token<'a>, ContextError> {
    alt((
        // `!=` before `!`.
        comparison.map(Token::Compare),
        literal("&&").value(Token::And),
        literal("||").value(Token::Or),
        literal("!").value(Token::Not),
        literal("(").value(Token::Open),
        literal(")").value(Token::Close),
        literal(",").value(Token::Comma),
        take_while(1.., in_word).map(word),
    ))
    .parse_next(input)
}

fn comparison(input: &mut Input<'_>) -> Result<Compare, ContextError> {
    alt((
        literal("!=").value(Compare::NotEqual),
        literal("==").value(Compare::Equal),
        literal("=").value(Compare::Equal),
        literal("<=").value(Compare::AtMost),
        literal("<").value(Compare::Less),
        literal(">=").value(Compare::AtLeast),
        literal(">").value(Compare::Greater),
    ))
    .parse_next(input)
}

/// Letters, digits, and what stands in addresses (`:`, `.`, `/`, `[`, `]`, `%`) and names (`-`, `_`).
fn in_word(c: char) -> bool {
    c.is_alphanumeric() || "._:/-[]%".contains(c)
}

fn word(text: &str) -> Token<'_> {
    match text.to_ascii_lowercase().as_str() {
        "and" => Token::And,
        "or" => Token::Or,
        "not" => Token::Not,
        _ => Token::Word(text),
    }
}
