//! What stands behind each word: a sign of comparison, and one value or several with commas between them.

use super::ast::{Compare, Ends, Filter, Net, Number, Test};
use super::error::FilterError;
use super::lex::Token;
use super::literal;
use super::parse::Parser;
use super::words::{Keyword, plain};
use crate::amount;
use crate::report::{ClosedFirst, Outcome, Severity};
use crate::spelling::suggestion;
use crate::time::Span;
use crate::tracker::{Evidence, State};

/// Whether `word` can be a value of `keyword`.
pub(super) fn fits(keyword: Keyword, word: &str) -> bool {
    one(keyword, Ends::Either, word).is_some()
}

/// The test of `keyword` with the values that come.
pub(super) fn read(parser: &mut Parser<'_>, keyword: Keyword, ends: Ends) -> Result<Filter, FilterError> {
    Ok(Filter::Is(match keyword {
        Keyword::Midstream => Test::Midstream,
        Keyword::OneWay => Test::OneWay,
        Keyword::Guessed => Test::Guessed,
        Keyword::Vlan if !matches!(parser.peek(), Some(Token::Word(word)) if fits(Keyword::Vlan, word)) => {
            match parser.peek() {
                Some(Token::Word(_)) => return Err(parser.error(&expected(keyword, parser), None)),
                _ => Test::Vlan(None),
            }
        }
        Keyword::TimeIn => {
            let state = state(parser)?;
            Test::TimeIn(ends, state, compare(parser), duration(parser)?)
        }
        Keyword::Duration => Test::Duration(compare(parser), duration(parser)?),
        Keyword::Handshake => Test::Handshake(compare(parser), duration(parser)?),
        Keyword::Bytes => Test::Number(Number::Bytes(ends), compare(parser), size(parser)?),
        Keyword::Packets => Test::Number(Number::Packets(ends), compare(parser), size(parser)?),
        Keyword::Id => return numbers(parser, Number::Id),
        Keyword::Incarnation => return numbers(parser, Number::Incarnation),
        Keyword::Severity => {
            let compare = compare(parser);
            let severity = word(parser, Keyword::Severity, Severity::named)?;
            Test::Severity(compare, severity)
        }
        _ => return listed(parser, keyword, ends),
    }))
}

/// One value or several, of which any will do; after `!=`, none may.
fn listed(parser: &mut Parser<'_>, keyword: Keyword, ends: Ends) -> Result<Filter, FilterError> {
    let unequal = match parser.peek() {
        Some(Token::Compare(Compare::Equal)) => {
            parser.take();
            false
        }
        Some(Token::Compare(Compare::NotEqual)) => {
            parser.take();
            true
        }
        Some(Token::Compare(_)) => {
            let ports = matches!(keyword, Keyword::Port | Keyword::PortRange);
            let hint = ports.then(|| "ranges are written `portrange 1024-65535`".to_owned());
            return Err(parser.error("this can only be compared by `=` and `!=`", hint));
        }
        _ => false,
    };
    let mut any = Vec::new();
    loop {
        let test = word(parser, keyword, |word| one(keyword, ends, word))?;
        any.push(Filter::Is(with_mask(parser, test)?));
        if parser.peek() != Some(Token::Comma) {
            break;
        }
        parser.take();
    }
    Ok(negate_if(unequal, either(any)))
}

/// `id 1,2,3` and `incarnation > 1`.
fn numbers(parser: &mut Parser<'_>, number: Number) -> Result<Filter, FilterError> {
    let compare = compare(parser);
    let mut all = vec![Filter::Is(Test::Number(number, compare, size(parser)?))];
    while matches!(compare, Compare::Equal | Compare::NotEqual) && parser.peek() == Some(Token::Comma) {
        parser.take();
        all.push(Filter::Is(Test::Number(number, compare, size(parser)?)));
    }
    // Any will do; after `!=`, none may.
    Ok(if compare == Compare::NotEqual && all.len() > 1 { Filter::And(all) } else { either(all) })
}

fn either(mut any: Vec<Filter>) -> Filter {
    if any.len() == 1 { any.remove(0) } else { Filter::Or(any) }
}

fn negate_if(negate: bool, filter: Filter) -> Filter {
    if negate { Filter::Not(Box::new(filter)) } else { filter }
}

/// `net A mask B`.
fn with_mask(parser: &mut Parser<'_>, test: Test) -> Result<Test, FilterError> {
    let Test::Net(ends, net) = test else {
        return Ok(test);
    };
    if !matches!(parser.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case("mask")) {
        return Ok(test);
    }
    parser.take();
    let masked = match parser.peek() {
        Some(Token::Word(word)) => literal::mask(word).and_then(|prefix| Net::new(net.addr, prefix)),
        _ => None,
    };
    let masked = masked.ok_or_else(|| parser.error("expected a netmask like 255.255.255.0", None))?;
    parser.take();
    Ok(Test::Net(ends, masked))
}

/// The test that `word` makes as a value of `keyword`.
fn one(keyword: Keyword, ends: Ends, word: &str) -> Option<Test> {
    match keyword {
        Keyword::Host => word
            .strip_prefix('[')
            .and_then(|word| word.strip_suffix(']'))
            .unwrap_or(word)
            .parse()
            .map(|addr| Test::Host(ends, addr))
            .ok()
            .or_else(|| literal::socket(word).map(|socket| Test::Socket(ends, socket)))
            .or_else(|| word.contains('/').then(|| literal::net(word).map(|net| Test::Net(ends, net))).flatten()),
        Keyword::Net => literal::net(word).map(|net| Test::Net(ends, net)),
        Keyword::Port => literal::port(word)
            .map(|port| (port, port))
            .or_else(|| literal::port_range(word))
            .map(|(low, high)| Test::Port(ends, low, high)),
        Keyword::PortRange => literal::port_range(word)
            .or_else(|| literal::port(word).map(|port| (port, port)))
            .map(|(low, high)| Test::Port(ends, low, high)),
        Keyword::Vlan => word.parse().ok().filter(|id| *id < 4096).map(|id| Test::Vlan(Some(id))),
        Keyword::State => word.parse().ok().map(|state| Test::State(ends, state)),
        Keyword::Possible => word.parse().ok().map(|state| Test::Possible(ends, state)),
        Keyword::Visited => word.parse().ok().map(|state| Test::Visited(ends, state)),
        Keyword::Evidence => {
            Evidence::ALL.into_iter().find(|grade| grade.name() == plain(word)).map(|grade| Test::Evidence(ends, grade))
        }
        Keyword::Outcome => Outcome::ALL.into_iter().find(|outcome| outcome.name() == plain(word)).map(Test::Outcome),
        Keyword::ClosedFirst => {
            ClosedFirst::ALL.into_iter().find(|who| who.name() == plain(word)).map(Test::ClosedFirst)
        }
        Keyword::Finding if plain(word) == "any" => Some(Test::Finding(None)),
        Keyword::Finding => {
            let name = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
            // A word of the language, or one of its ends, would be taken for a name otherwise.
            (name && super::words::find(word).is_none()).then(|| Test::Finding(Some(plain(word))))
        }
        _ => None,
    }
}

/// The word that comes, as `read` takes it.
fn word<T>(parser: &mut Parser<'_>, keyword: Keyword, read: impl Fn(&str) -> Option<T>) -> Result<T, FilterError> {
    match parser.peek() {
        Some(Token::Word(word)) => match read(word) {
            Some(value) => {
                parser.take();
                Ok(value)
            }
            None => Err(parser.error(&expected(keyword, parser), hint(keyword, word))),
        },
        _ => Err(parser.error(&expected(keyword, parser), choice(keyword))),
    }
}

fn state(parser: &mut Parser<'_>) -> Result<State, FilterError> {
    word(parser, Keyword::State, |word| word.parse().ok())
}

/// The sign of comparison that comes; without one, `=`.
fn compare(parser: &mut Parser<'_>) -> Compare {
    match parser.peek() {
        Some(Token::Compare(compare)) => {
            parser.take();
            compare
        }
        _ => Compare::Equal,
    }
}

/// A duration, in one word or with blanks as the tables print it: `5 min 12 s`.
fn duration(parser: &mut Parser<'_>) -> Result<Span, FilterError> {
    let mistake = parser.error(&expected(Keyword::Duration, parser), Some("as in 5s, 1.5ms, 2min, 1h30min".to_owned()));
    let text = joined(parser, amount::is_time_unit, true);
    amount::duration(&text).ok_or(mistake)
}

/// A count or size, in one word or with a blank: `1 MB`.
fn size(parser: &mut Parser<'_>) -> Result<u64, FilterError> {
    let mistake = parser.error(&expected(Keyword::Bytes, parser), Some("as in 10, 1.5k, 1MB, 64KiB".to_owned()));
    let text = joined(parser, amount::is_size_unit, false);
    amount::size(&text).ok_or(mistake)
}

/// Takes a word, the unit behind it if that stands alone, and so on if it may be `repeated`.
fn joined(parser: &mut Parser<'_>, is_unit: fn(&str) -> bool, repeated: bool) -> String {
    let mut text = String::new();
    while let Some(Token::Word(word)) = parser.peek() {
        let number = word.starts_with(|c: char| c.is_ascii_digit());
        if !(text.is_empty() || repeated && number) {
            break;
        }
        text.push_str(word);
        parser.take();
        if let Some(Token::Word(unit)) = parser.peek()
            && is_unit(unit)
            && text.ends_with(|c: char| c.is_ascii_digit())
        {
            text.push_str(unit);
            parser.take();
        }
    }
    text
}

/// What should have come, and what did.
fn expected(keyword: Keyword, parser: &Parser<'_>) -> String {
    let what = match keyword {
        Keyword::Host => "an address",
        Keyword::Net => "a network",
        Keyword::Port => "a port",
        Keyword::PortRange => "a range of ports like 1-1024",
        Keyword::Vlan => "a VLAN id below 4096",
        Keyword::State | Keyword::Possible | Keyword::Visited => "a TCP state",
        Keyword::Evidence => "sent, confirmed, inferred, assumed or timer",
        Keyword::Outcome => "an outcome",
        Keyword::ClosedFirst => "client, server or both",
        Keyword::Finding => "the name of a finding",
        Keyword::Severity => "info, note, warning or error",
        Keyword::Duration => "a duration with its unit",
        _ => "a number",
    };
    format!("expected {what}, found {}", parser.found())
}

/// What could have been meant by a value that is none.
fn hint(keyword: Keyword, word: &str) -> Option<String> {
    let near = |names: &[&'static str]| suggestion(word, names.iter().copied()).or_else(|| choice(keyword));
    match keyword {
        Keyword::State | Keyword::Possible | Keyword::Visited => near(&State::ALL.map(State::name)),
        Keyword::Outcome => near(&Outcome::ALL.map(Outcome::name)),
        Keyword::Evidence => near(&Evidence::ALL.map(Evidence::name)),
        Keyword::ClosedFirst => near(&ClosedFirst::ALL.map(ClosedFirst::name)),
        Keyword::Severity => near(&Severity::ALL.map(Severity::name)),
        Keyword::Host | Keyword::Net if word.contains('/') => {
            Some("networks are written `net 10.0.0.0/8`, with at most 32 bits (IPv4) or 128 (IPv6)".to_owned())
        }
        Keyword::Host if word.parse::<u16>().is_ok() => Some(format!("did you mean `port {word}`?")),
        Keyword::Host if word.parse::<State>().is_ok() => Some(format!("did you mean `state {word}`?")),
        Keyword::Host if literal::net(word).is_some() => Some(format!("did you mean `net {word}`?")),
        Keyword::Host => Some("names are not looked up; write the address".to_owned()),
        _ => None,
    }
}

/// What there is to choose from, where what was expected does not say it.
fn choice(keyword: Keyword) -> Option<String> {
    match keyword {
        Keyword::State | Keyword::Possible | Keyword::Visited => Some(State::ALL.map(State::name).join(", ")),
        Keyword::Outcome => Some(Outcome::ALL.map(Outcome::name).join(", ")),
        Keyword::Finding => Some("`tcpstate explain` lists them; or `any`".to_owned()),
        _ => None,
    }
}
