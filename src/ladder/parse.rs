//! Reading a ladder.

use super::fields;
use super::{Cell, End, Fate, Ladder, LadderError, Line};
use crate::segment::Socket;
use crate::time::Span;
use crate::tracker::{Stack, State, States};

/// From one line to the next if nothing else is said.
const STEP: Span = Span::millis(10);

/// Reads a ladder; the notation is described in the [module](super).
///
/// ```
/// let text = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED\n";
/// let ladder = tcpstate::ladder::parse(text).unwrap();
/// assert_eq!(ladder.segments()[0].seq, 100);
/// let error = tcpstate::ladder::parse("1. SYN_SENT --> <SEQ=x><CTL=SYN> --> CLOSED").unwrap_err();
/// assert_eq!(error.to_string(), "line 1, column 17: `SEQ=x` is not a number that fits");
/// ```
///
/// # Errors
/// With the line and column of the first thing that cannot stand there.
pub fn parse(text: &str) -> Result<Ladder, LadderError> {
    let mut ladder = Ladder::default();
    for (i, line) in text.lines().enumerate() {
        let at = |(column, cause): (usize, String)| LadderError { line: i + 1, column, cause };
        let content = line.split('#').next().unwrap_or("");
        let tokens = tokens(content).map_err(at)?;
        if tokens.is_empty() {
            continue;
        }
        if setting(&mut ladder, &tokens).map_err(at)? {
            continue;
        }
        let before = ladder.lines.last().map(|l| l.time);
        let mut line = read(&tokens, before).map_err(at)?;
        line.row = i + 1;
        if let Some(arrow) = line.arrow.as_mut().filter(|a| a.fate == Fate::Late) {
            let departed = ladder.lines.iter().filter_map(|l| l.arrow.as_ref()).any(|a| {
                a.fate == Fate::Underway
                    && a.from == arrow.from
                    && (a.seq, a.ack, a.flags) == (arrow.seq, arrow.ack, arrow.flags)
            });
            arrow.captured = !departed;
        }
        ladder.lines.push(line);
    }
    Ok(ladder)
}

type Token<'a> = (usize, &'a str);
type Error = (usize, String);

/// Words, `<…>`, `(…)` and `{…}`, each with its column.
fn tokens(line: &str) -> Result<Vec<Token<'_>>, Error> {
    let mut tokens = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start();
        let column = line[..line.len() - rest.len()].chars().count() + 1;
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let closing = match first {
            '<' if !rest.starts_with("<--") => Some('>'),
            '(' => Some(')'),
            '{' => Some('}'),
            _ => None,
        };
        let end = match closing {
            Some(c) => rest.find(c).ok_or_else(|| (column, format!("`{first}` without `{c}`")))? + 1,
            None => rest.find(|c: char| c.is_whitespace() || c == '(' || c == '{').unwrap_or(rest.len()),
        };
        tokens.push((column, &rest[..end]));
        rest = &rest[end..];
    }
}

/// Takes a line like `stack linux`, if it is one.
fn setting(ladder: &mut Ladder, tokens: &[Token<'_>]) -> Result<bool, Error> {
    let (_, name) = tokens[0];
    if !matches!(name, "stack" | "left" | "right") {
        return Ok(false);
    }
    let [_, (column, value)] = *tokens else {
        return Err((tokens[0].0, format!("`{name}` takes one value")));
    };
    match name {
        "stack" => {
            let known = Stack::ALL.iter().find(|(n, _)| *n == value);
            ladder.stack = known.ok_or_else(|| (column, format!("no stack is called `{value}`")))?.1;
        }
        _ => {
            let address: std::net::SocketAddr =
                value.parse().map_err(|_| (column, format!("`{value}` is no address with a port")))?;
            let socket = Socket { addr: address.ip(), port: address.port() };
            *(if name == "left" { &mut ladder.left } else { &mut ladder.right }) = socket;
        }
    }
    Ok(true)
}

fn is_arrow(word: &str) -> bool {
    matches!(word, "-->" | "-->x" | "..." | "<--" | "x<--")
}

fn read(tokens: &[Token<'_>], before: Option<Span>) -> Result<Line, Error> {
    let mut rest = tokens;
    let numbered =
        |w: &str| w.strip_suffix('.').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if numbered(rest[0].1) {
        rest = &rest[1..];
    }
    let mut time = before.map_or(Span(0), |t| Span(t.0.saturating_add(STEP.0)));
    if let Some(i) = rest.iter().position(|(_, w)| *w == "@") {
        time = self::time(rest[i], &rest[i + 1..], before)?;
        rest = &rest[..i];
    }
    let first = rest.iter().position(|(_, w)| w.starts_with('<') || is_arrow(w));
    let Some(first) = first else {
        // No segment: the second word that can be a state begins the right cell.
        let words = rest.iter().enumerate().filter(|(_, (_, w))| !w.starts_with(['(', '{'])).map(|(i, _)| i);
        let starts: Vec<usize> = words.collect();
        let column = tokens[0].0;
        let [0, right] = starts[..] else {
            return Err((column, "a line without segment needs a state on both sides (`-`: as above)".to_owned()));
        };
        return Ok(Line { row: 0, time, left: cell(&rest[..right])?, arrow: None, right: cell(&rest[right..])? });
    };
    let (left, rest) = rest.split_at(first);
    let last = rest.iter().rposition(|(_, w)| w.starts_with('<') || is_arrow(w)).unwrap_or(0);
    let (middle, right) = rest.split_at(last + 1);
    Ok(Line { row: 0, time, left: cell(left)?, arrow: Some(arrow(middle)?), right: cell(right)? })
}

fn arrow(tokens: &[Token<'_>]) -> Result<super::Arrow, Error> {
    use Fate::{Arrives, Late, LostAfterTap, LostBeforeTap, Underway};
    let column = tokens[0].0;
    let is_field = |w: &str| w.starts_with('<') && w != "<--";
    let start = tokens.iter().position(|(_, w)| is_field(w)).ok_or((column, "an arrow without segment".to_owned()))?;
    let end = tokens.iter().rposition(|(_, w)| is_field(w)).unwrap_or(start) + 1;
    let word = |side: &[Token<'_>]| match side {
        [] => Ok(String::new()),
        [(_, w)] => Ok((*w).to_owned()),
        [_, (column, _), ..] => Err((*column, "one arrow on each side of a segment".to_owned())),
    };
    let (left, right) = (word(&tokens[..start])?, word(&tokens[end..])?);
    let (from, fate) = match (left.as_str(), right.as_str()) {
        ("-->", "-->") => (End::Left, Arrives),
        ("-->", "...") => (End::Left, Underway),
        ("...", "-->") => (End::Left, Late),
        ("-->", "-->x") => (End::Left, LostAfterTap),
        ("-->x", "") => (End::Left, LostBeforeTap),
        ("<--", "<--") => (End::Right, Arrives),
        ("...", "<--") => (End::Right, Underway),
        ("<--", "...") => (End::Right, Late),
        ("x<--", "<--") => (End::Right, LostAfterTap),
        ("", "x<--") => (End::Right, LostBeforeTap),
        _ => return Err((column, format!("`{left} <…> {right}` is no pair of arrows"))),
    };
    let fields: Vec<&str> = tokens[start..end].iter().map(|(_, w)| w.trim_matches(['<', '>'])).collect();
    fields::arrow(from, fate, &fields).map_err(|(i, cause)| (tokens[start + i].0, cause))
}

fn cell(tokens: &[Token<'_>]) -> Result<Cell, Error> {
    let mut cell = Cell::default();
    for (i, (column, word)) in tokens.iter().enumerate() {
        let state = |w: &str| w.trim().parse::<State>().map_err(|e| (*column, e.to_string()));
        if let Some(inner) = word.strip_prefix('(') {
            cell.believed = Some(state(inner.trim_end_matches(')'))?);
        } else if let Some(inner) = word.strip_prefix('{') {
            let states: Result<Vec<State>, Error> = inner.trim_end_matches('}').split(',').map(state).collect();
            cell.possible = Some(States::of(&states?));
        } else if i > 0 {
            return Err((*column, format!("`{word}` is one word too many")));
        } else if *word != "-" {
            cell.states = word.split('/').map(state).collect::<Result<_, _>>()?;
        }
    }
    Ok(cell)
}

/// `@ 1.5s`, `@ +200ms`.
fn time(at: Token<'_>, tokens: &[Token<'_>], before: Option<Span>) -> Result<Span, Error> {
    let [(column, text)] = *tokens else {
        return Err((at.0, "one time follows `@`".to_owned()));
    };
    let wrong =
        || (column, format!("`{text}` is no time; write 1.5s, 200ms, 10µs, 2min or, since the line before, +1s"));
    let (relative, number) = text.strip_prefix('+').map_or((false, text), |n| (true, n));
    let unit = number.find(char::is_alphabetic).ok_or_else(wrong)?;
    let scale = match &number[unit..] {
        "µs" | "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "min" => 60e9,
        _ => return Err(wrong()),
    };
    let value: f64 = number[..unit].parse().map_err(|_| wrong())?;
    let nanos = (value * scale).round();
    if !(0.0..9e18).contains(&nanos) {
        return Err(wrong());
    }
    let before = before.unwrap_or(Span(0));
    let time = Span(if relative { before.0.saturating_add(nanos as i64) } else { nanos as i64 });
    if time < before {
        return Err((column, "time runs backwards here".to_owned()));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORY: &str = "
        # a comment
        stack freebsd
        left 10.0.0.1:1000
        1. CLOSED                                        LISTEN
        2. SYN-SENT --> <SEQ=100><CTL=SYN><TS=1/0>   ...           @ 1s
        3.          ... <SEQ=300><CTL=SYN>           <-- SYN_SENT (SYN_RCVD) {SYN_SENT, SYN_RCVD}
        4.          ... <SEQ=100><CTL=SYN>           --> SYN_RCVD
        5. SYN_RCVD/ESTABLISHED x<-- <SEQ=300><ACK=101><CTL=SYN,ACK><SACK=1-2,3-4> <-- -
        6.          -->x <SEQ=101><ACK=301><CTL=ACK><LEN=5>        @ +1.5s
        7. TIME_WAIT  -  @ 2min
    ";

    #[test]
    fn every_part_of_the_notation_is_read() {
        let ladder = parse(STORY).unwrap();
        assert_eq!((ladder.stack, ladder.left.port, ladder.lines.len()), (Stack::FreeBsd, 1000, 7));
        let times: Vec<i64> = ladder.lines.iter().map(|l| l.time.0 / 1_000_000).collect();
        assert_eq!(times, [0, 1000, 1010, 1020, 1030, 2530, 120_000]);
        let packets: Vec<(u64, u32)> = ladder.segments().iter().map(|s| (s.packet, s.seq)).collect();
        assert_eq!(packets, [(1, 100), (2, 300), (3, 300)], "neither the late arrival nor the loss is captured");
        assert_eq!(ladder.lines[2].right.believed, Some(State::SynRcvd));
        assert_eq!(ladder.lines[2].right.possible.map(States::len), Some(2));
        assert_eq!(ladder.lines[4].left.states, [State::SynRcvd, State::Established]);
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let mut ladder = parse(STORY).unwrap();
        let mut again = parse(&ladder.to_string()).unwrap();
        for line in ladder.lines.iter_mut().chain(&mut again.lines) {
            line.row = 0;
        }
        assert_eq!(again, ladder, "{ladder}");
    }

    #[test]
    fn errors_say_where_and_what() {
        for (text, expected) in [
            ("1. OPEN --> <SEQ=1><CTL=SYN> -->", "line 1, column 4: `OPEN` is not a TCP state"),
            ("\n --> <SEQ=1><CTL=ACK> -->", "line 2, column 6: <ACK=…> and the flag ACK go together"),
            ("--> <SEQ=1><CTL=SYN> <--", "line 1, column 1: `--> <…> <--` is no pair of arrows"),
            ("--> <SEQ=1", "line 1, column 5: `<` without `>`"),
            ("CLOSED CLOSED @ 5", "column 17: `5` is no time"),
            ("CLOSED CLOSED @ 5s\nCLOSED CLOSED @ 4s", "line 2, column 17: time runs backwards here"),
            ("CLOSED", "a state on both sides"),
            ("stack plan9", "no stack is called `plan9`"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
