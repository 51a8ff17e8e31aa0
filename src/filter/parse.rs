//! Tokens to a filter: `and`, `or`, `not`, parentheses, and which values belong to which word.

use std::ops::Range;

use super::ast::{Ends, Filter, Test};
use super::error::FilterError;
use super::lex::{Token, tokens};
use super::values;
use super::words::{self, Keyword, Word};
use crate::report::Severity;
use crate::spelling::{asked, meant, suggestion};
use crate::tracker::State;

/// Parentheses and `not`s inside one another.
const DEEPEST: usize = 64;

/// Parses a filter; `"server port 80".parse()` does the same.
///
/// # Errors
/// With the place, what was expected there, and a hint where one can be given.
pub fn parse(text: &str) -> Result<Filter, FilterError> {
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, last: None };
    let filter = parser.expression(0)?;
    match parser.peek() {
        None => Ok(filter),
        Some(Token::Close) => Err(parser.error("a `)` without its `(`", None)),
        Some(_) => {
            let hint = "put `and` or `or` between two conditions".to_owned();
            Err(parser.error(&format!("expected `and`, `or` or the end, found {}", parser.found()), Some(hint)))
        }
    }
}

/// Where in the tokens it is, and the word to which a bare value belongs.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token<'a>, Range<usize>)>,
    next: usize,
    last: Option<(Keyword, Ends)>,
}

impl<'a> Parser<'a> {
    /// Conditions joined by `and` or by `or`, not both.
    fn expression(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut members = vec![self.condition(depth)?];
        let mut joined: Option<Token<'a>> = None;
        while let Some(token @ (Token::And | Token::Or)) = self.peek() {
            if joined.is_some_and(|joined| joined != token) {
                return Err(self.error("`and` and `or` are mixed", Some(mixed(&members, joined))));
            }
            joined = Some(token);
            self.next += 1;
            members.push(self.condition(depth)?);
        }
        Ok(match joined {
            Some(Token::And) => Filter::And(members),
            Some(_) => Filter::Or(members),
            None => members.remove(0),
        })
    }

    fn condition(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth >= DEEPEST {
            return Err(self.error("too many conditions inside one another", None));
        }
        match self.peek() {
            Some(Token::Not) => {
                self.next += 1;
                Ok(Filter::Not(Box::new(self.condition(depth + 1)?)))
            }
            Some(Token::Open) => {
                let open = self.place();
                self.next += 1;
                let inner = self.expression(depth + 1)?;
                if self.peek() == Some(Token::Close) {
                    self.next += 1;
                    return Ok(inner);
                }
                if self.peek().is_none() {
                    return Err(self.error_at(open, "this `(` is never closed", None));
                }
                Err(self.error(&format!("expected `and`, `or` or `)`, found {}", self.found()), None))
            }
            Some(Token::Word(word)) => self.test(word),
            _ => {
                let hint =
                    "as in `port 443 and not outcome closed`; tcpstate analyze --filter help prints the language"
                        .to_owned();
                Err(self.error(&format!("expected a condition, found {}", self.found()), Some(hint)))
            }
        }
    }

    /// A test that begins with `word`: a word of the language, a field of one end, or a bare value.
    fn test(&mut self, word: &'a str) -> Result<Filter, FilterError> {
        if let Some((end, field)) = word.split_once('.')
            && let Some(ends) = words::find(end).and_then(|word| ends_of(word.keyword))
        {
            return match words::find(field) {
                Some(field) if field.of_an_end => {
                    self.next += 1;
                    self.value_of(field.keyword, ends)
                }
                _ => Err(self.no_such_field(end, field)),
            };
        }
        match words::find(word) {
            Some(Word { keyword, .. }) => {
                self.next += 1;
                match keyword {
                    Keyword::Client => self.of_end(Ends::Client),
                    Keyword::Server => self.of_end(Ends::Server),
                    Keyword::Tcp | Keyword::Ip | Keyword::Ip6 => self.protocol(*keyword),
                    keyword => self.value_of(*keyword, Ends::Either),
                }
            }
            None => self.bare(word),
        }
    }

    /// After `client` or `server`: a word that one end can have, or an address at once.
    fn of_end(&mut self, ends: Ends) -> Result<Filter, FilterError> {
        let Some(Token::Word(word)) = self.peek() else {
            return Err(self.error(
                &format!("expected host, net, port, an address or a field of that end, found {}", self.found()),
                Some("as in `client 10.0.0.0/8`, `server port 443`, `client.state FIN_WAIT_2`".to_owned()),
            ));
        };
        match words::find(word) {
            Some(word) if word.of_an_end || is_place(word.keyword) => {
                self.next += 1;
                self.value_of(word.keyword, ends)
            }
            Some(known) => {
                let hint = format!("it is of the whole connection, as in `{}`", known.example);
                let hint = ends_of(known.keyword).is_none().then_some(hint);
                Err(self.error(&format!("`{word}` is not a thing of one end"), hint))
            }
            None => self.value_of(Keyword::Host, ends),
        }
    }

    /// `tcp`, `ip`, `ip6`, alone or in front of what they qualify: `tcp port 80`.
    fn protocol(&mut self, keyword: Keyword) -> Result<Filter, FilterError> {
        let test = Filter::Is(match keyword {
            Keyword::Ip => Test::Ip,
            Keyword::Ip6 => Test::Ip6,
            _ => Test::Tcp,
        });
        match self.peek() {
            Some(Token::Word(word)) if words::find(word).is_some_and(|word| qualifies(word.keyword)) => {
                let qualified = self.test(word)?;
                Ok(if keyword == Keyword::Tcp { qualified } else { Filter::And(vec![test, qualified]) })
            }
            _ => Ok(test),
        }
    }

    /// The value or values of `keyword`, joined by commas.
    fn value_of(&mut self, keyword: Keyword, ends: Ends) -> Result<Filter, FilterError> {
        self.last = Some((keyword, ends));
        values::read(self, keyword, ends)
    }

    /// A value without a word in front: of the last word used, or an address.
    fn bare(&mut self, word: &'a str) -> Result<Filter, FilterError> {
        let after_join = self.next > 0 && matches!(self.tokens[self.next - 1].0, Token::And | Token::Or | Token::Not);
        if after_join && let Some((keyword, ends)) = self.last.filter(|(keyword, _)| values::fits(*keyword, word)) {
            return self.value_of(keyword, ends);
        }
        if values::fits(Keyword::Host, word) && word.parse::<u64>().is_err() {
            return self.value_of(Keyword::Host, Ends::Either);
        }
        let hint = self.hint_of_display_filter(word).or_else(|| hint_for(word));
        Err(self.error(&format!("`{word}` is not a word of the filter language"), hint))
    }

    /// What a field of Wireshark's display filters, the token to come, is called here.
    fn hint_of_display_filter(&self, field: &str) -> Option<String> {
        let (protocol, rest) = field.split_once('.')?;
        let word = match (protocol, rest) {
            ("tcp", "port" | "srcport" | "dstport") => "port",
            ("ip" | "ipv6", "addr" | "src" | "dst" | "host" | "src_host" | "dst_host") => "host",
            ("vlan", "id") => "vlan",
            ("tcp" | "ip" | "ipv6" | "frame" | "eth" | "vlan", _) => {
                let hint =
                    "this is none of Wireshark's display filters; tcpstate analyze --filter help prints the language";
                return Some(hint.to_owned());
            }
            _ => return None,
        };
        let value = self.tokens[self.next + 1..].iter().find_map(|(token, _)| match token {
            Token::Word(value) => Some(*value),
            _ => None,
        });
        let word = if word == "host" && value.is_some_and(|value| value.contains('/')) { "net" } else { word };
        Some(format!("did you mean `{word} {}`?", value.unwrap_or("…")))
    }

    /// The token to come.
    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).map(|(token, _)| *token)
    }

    /// Takes the token to come.
    pub(super) fn take(&mut self) -> Option<Token<'a>> {
        let token = self.peek();
        self.next += usize::from(token.is_some());
        token
    }

    /// Where the token to come stands; the end of the text if there is none.
    pub(super) fn place(&self) -> Range<usize> {
        self.tokens.get(self.next).map_or(self.text.len()..self.text.len(), |(_, place)| place.clone())
    }

    /// The token to come, in quotes, or that there is none.
    pub(super) fn found(&self) -> String {
        match self.place() {
            place if place.is_empty() => "the end".to_owned(),
            place => format!("`{}`", &self.text[place]),
        }
    }

    /// An error at the token to come.
    pub(super) fn error(&self, message: &str, hint: Option<String>) -> FilterError {
        self.error_at(self.place(), message, hint)
    }

    fn error_at(&self, at: Range<usize>, message: &str, hint: Option<String>) -> FilterError {
        FilterError { text: self.text.to_owned(), at, message: message.to_owned(), hint }
    }

    fn no_such_field(&self, end: &str, field: &str) -> FilterError {
        let fields: Vec<&str> = words::WORDS.iter().filter(|w| w.of_an_end).map(|w| w.spellings[0]).collect();
        let near: Vec<String> =
            meant(field, fields.iter().copied()).iter().map(|near| format!("{end}.{near}")).collect();
        let hint = match asked(&near) {
            _ if words::find(field).is_some_and(|word| is_place(word.keyword)) => {
                format!("did you mean `{end} {field}`?")
            }
            Some(question) => question,
            None => format!("an end has {}", fields.join(", ")),
        };
        self.error(&format!("`{field}` is not a field of the {end}"), Some(hint))
    }
}

/// Both readings of a mixture, as far as it was read.
fn mixed(members: &[Filter], joined: Option<Token<'_>>) -> String {
    let (inner, outer) = if joined == Some(Token::And) { ("and", "or") } else { ("or", "and") };
    let all: Vec<String> = members.iter().map(ToString::to_string).collect();
    let (last, rest) = all.split_last().map_or((String::new(), Vec::new()), |(l, r)| (l.clone(), r.to_vec()));
    format!(
        "capture filters read from left to right, other languages `and` first; write `({}) {outer} …` or `{} {inner} ({last} {outer} …)`",
        all.join(&format!(" {inner} ")),
        rest.join(&format!(" {inner} ")),
    )
}

/// For those who try a filter on single packets.
pub(super) const NOT_PACKETS: &str =
    "single packets can't be selected here; use `tcpdump -r FILE -w - EXPR | tcpstate analyze -`";

/// What could have been meant by a word that is none.
fn hint_for(word: &str) -> Option<String> {
    if word.parse::<State>().is_ok() {
        return Some(format!("did you mean `state {word}`?"));
    }
    if values::fits(Keyword::Outcome, word) {
        return Some(format!("did you mean `outcome {word}`?"));
    }
    if let Some(severity) = Severity::named(&word.to_ascii_lowercase()) {
        return Some(format!("did you mean `severity {}`?", severity.name()));
    }
    if word.parse::<u16>().is_ok() {
        return Some(format!("did you mean `port {word}`?"));
    }
    let lower = word.to_ascii_lowercase();
    if matches!(lower.as_str(), "connection" | "conn" | "stream") {
        return Some("a connection is chosen by its number: `id 17`".to_owned());
    }
    if matches!(lower.as_str(), "udp" | "icmp" | "icmp6" | "arp" | "sctp") {
        return Some("only TCP connections are analysed".to_owned());
    }
    if word.contains('[')
        || matches!(lower.as_str(), "ether" | "greater" | "less" | "proto" | "broadcast" | "multicast")
    {
        return Some(
            "single packets can't be selected here; use tcpdump -r FILE -w - EXPR | tcpstate analyze -".to_owned(),
        );
    }
    Some(
        suggestion(word, words::spellings())
            .unwrap_or_else(|| "tcpstate analyze --filter help prints the language".to_owned()),
    )
}

const fn ends_of(keyword: Keyword) -> Option<Ends> {
    match keyword {
        Keyword::Client => Some(Ends::Client),
        Keyword::Server => Some(Ends::Server),
        _ => None,
    }
}

const fn is_place(keyword: Keyword) -> bool {
    matches!(keyword, Keyword::Host | Keyword::Net | Keyword::Port | Keyword::PortRange)
}

const fn qualifies(keyword: Keyword) -> bool {
    is_place(keyword) || matches!(keyword, Keyword::Client | Keyword::Server)
}
