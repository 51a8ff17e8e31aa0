//! What a filter means, as data; its printed form parses back to itself.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Serialize;

use super::error::FilterError;
use crate::report::{ClosedFirst, Outcome, Severity};
use crate::segment::Socket;
use crate::time::Span;
use crate::tracker::{Evidence, State};

/// A condition on a connection. `And` and `Or` have at least two members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not it.
    Not(Box<Filter>),
    /// One test.
    Is(Test),
}

impl Filter {
    /// The findings that it names: which there are is known elsewhere.
    pub fn findings(&self) -> Vec<&str> {
        let tests = self.tests().into_iter();
        tests.filter_map(|test| if let Test::Finding(Some(name)) = test { Some(name.as_str()) } else { None }).collect()
    }

    /// Whether it asks for connections that show a finding of this severity, and whether for nothing else.
    pub fn wants_severity(&self, severity: Severity) -> (bool, bool) {
        match self {
            Filter::And(of) | Filter::Or(of) => {
                let of = of.iter().map(|filter| filter.wants_severity(severity));
                of.fold((false, true), |(any, all), (some, only)| (any || some, all && only))
            }
            Filter::Is(Test::Severity(compare, asked)) => (compare.holds(severity, *asked), true),
            Filter::Is(_) | Filter::Not(_) => (false, false),
        }
    }

    /// Whether it asks for what an end is in when the capture ends.
    pub fn is_of_the_end(&self) -> bool {
        self.tests().iter().any(|test| matches!(test, Test::State(..) | Test::Possible(..) | Test::Evidence(..)))
    }

    /// All tests in it.
    fn tests(&self) -> Vec<&Test> {
        match self {
            Filter::And(of) | Filter::Or(of) => of.iter().flat_map(Filter::tests).collect(),
            Filter::Not(of) => of.tests(),
            Filter::Is(test) => vec![test],
        }
    }
}

/// Which end of a connection a test looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// Either will do; of numbers, the sum of both.
    Either,
    /// The client.
    Client,
    /// The server.
    Server,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Compare {
    /// All of them.
    pub const ALL: [Compare; 6] =
        [Compare::Equal, Compare::NotEqual, Compare::Less, Compare::AtMost, Compare::Greater, Compare::AtLeast];

    /// As printed.
    pub const fn sign(self) -> &'static str {
        match self {
            Compare::Equal => "=",
            Compare::NotEqual => "!=",
            Compare::Less => "<",
            Compare::AtMost => "<=",
            Compare::Greater => ">",
            Compare::AtLeast => ">=",
        }
    }

    /// Whether `left` compares so with `right`.
    pub fn holds<T: Ord>(self, left: T, right: T) -> bool {
        match self {
            Compare::Equal => left == right,
            Compare::NotEqual => left != right,
            Compare::Less => left < right,
            Compare::AtMost => left <= right,
            Compare::Greater => left > right,
            Compare::AtLeast => left >= right,
        }
    }
}

/// An IP network; the bits of `addr` below the prefix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Net {
    /// Its first address.
    pub addr: IpAddr,
    /// Leading bits that matter.
    pub prefix: u8,
}

impl Net {
    /// The network of `prefix` bits that `addr` lies in; `None` if there are not so many bits.
    pub fn new(addr: IpAddr, prefix: u8) -> Option<Net> {
        let addr = match addr {
            IpAddr::V4(v4) if prefix <= 32 => {
                IpAddr::V4((u32::from(v4) & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)).into())
            }
            IpAddr::V6(v6) if prefix <= 128 => {
                IpAddr::V6((u128::from(v6) & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)).into())
            }
            _ => return None,
        };
        Some(Net { addr, prefix })
    }

    /// Whether `addr` lies in it.
    pub fn has(self, addr: IpAddr) -> bool {
        addr.is_ipv4() == self.addr.is_ipv4() && Net::new(addr, self.prefix) == Some(self)
    }
}

/// A count of a connection's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Number {
    /// Payload bytes.
    Bytes(Ends),
    /// Segments.
    Packets(Ends),
    /// Its number in the capture.
    Id,
    /// Which use of its four-tuple.
    Incarnation,
}

/// One test of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// An end has this address.
    Host(Ends, IpAddr),
    /// An end has this address and port.
    Socket(Ends, #[serde(serialize_with = "as_text")] Socket),
    /// An end's address is in this network.
    Net(Ends, Net),
    /// An end's port is in this range.
    Port(Ends, u16, u16),
    /// Always: everything here is TCP.
    Tcp,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// In this VLAN, or in any.
    Vlan(Option<u16>),
    /// An end is in this state at the end of the capture.
    State(Ends, State),
    /// The capture allows an end to be in this state at its end.
    Possible(Ends, State),
    /// An end was in this state.
    Visited(Ends, State),
    /// An end spent so long in this state.
    TimeIn(Ends, State, Compare, #[serde(serialize_with = "as_text")] Span),
    /// An end's final state is known in this way.
    Evidence(Ends, Evidence),
    /// It came to this.
    Outcome(Outcome),
    /// This end closed first.
    ClosedFirst(ClosedFirst),
    /// It has an anomaly of this name or code, or any.
    Finding(Option<String>),
    /// It has an anomaly of such a severity.
    Severity(Compare, Severity),
    /// It was open when the capture began.
    Midstream,
    /// Only one direction was captured.
    OneWay,
    /// Who is the client is a guess.
    Guessed,
    /// From first to last packet.
    Duration(Compare, #[serde(serialize_with = "as_text")] Span),
    /// From SYN to the client's ACK; false where unknown.
    Handshake(Compare, #[serde(serialize_with = "as_text")] Span),
    /// A count compares so.
    Number(Number, Compare, u64),
}

/// Exact as text; numbers of nanoseconds do not fit in a float.
fn as_text<T: fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        super::parse(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = |f: &mut fmt::Formatter<'_>, filter: &Filter| match filter {
            Filter::And(_) | Filter::Or(_) => write!(f, "({filter})"),
            Filter::Not(_) | Filter::Is(_) => write!(f, "{filter}"),
        };
        let join = |f: &mut fmt::Formatter<'_>, filters: &[Filter], word: &str| {
            for (i, filter) in filters.iter().enumerate() {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                member(f, filter)?;
            }
            Ok(())
        };
        match self {
            Filter::And(all) => join(f, all, "and"),
            Filter::Or(any) => join(f, any, "or"),
            Filter::Not(inner) => {
                f.write_str("not ")?;
                member(f, inner)
            }
            Filter::Is(test) => write!(f, "{test}"),
        }
    }
}

impl Ends {
    /// In front of a word of its own: `client host`.
    const fn before(self) -> &'static str {
        match self {
            Ends::Either => "",
            Ends::Client => "client ",
            Ends::Server => "server ",
        }
    }

    /// In front of a field: `client.state`.
    const fn of(self) -> &'static str {
        match self {
            Ends::Either => "",
            Ends::Client => "client.",
            Ends::Server => "server.",
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Host(ends, addr) => write!(f, "{}host {addr}", ends.before()),
            Test::Socket(ends, socket) => write!(f, "{}host {socket}", ends.before()),
            Test::Net(ends, net) => write!(f, "{}net {}/{}", ends.before(), net.addr, net.prefix),
            Test::Port(ends, low, high) if low == high => write!(f, "{}port {low}", ends.before()),
            Test::Port(ends, low, high) => write!(f, "{}portrange {low}-{high}", ends.before()),
            Test::Tcp => f.write_str("tcp"),
            Test::Ip => f.write_str("ip"),
            Test::Ip6 => f.write_str("ip6"),
            Test::Vlan(None) => f.write_str("vlan"),
            Test::Vlan(Some(id)) => write!(f, "vlan {id}"),
            Test::State(ends, state) => write!(f, "{}state {state}", ends.of()),
            Test::Possible(ends, state) => write!(f, "{}possible {state}", ends.of()),
            Test::Visited(ends, state) => write!(f, "{}visited {state}", ends.of()),
            Test::TimeIn(ends, state, compare, span) => {
                write!(f, "{}time-in {state} {} {}", ends.of(), compare.sign(), Duration(*span))
            }
            Test::Evidence(ends, evidence) => write!(f, "{}evidence {}", ends.of(), evidence.name()),
            Test::Outcome(outcome) => write!(f, "outcome {}", outcome.name()),
            Test::ClosedFirst(who) => write!(f, "closed-first {}", who.name()),
            Test::Finding(None) => f.write_str("finding any"),
            Test::Finding(Some(name)) => write!(f, "finding {name}"),
            Test::Severity(compare, severity) => {
                write!(f, "severity {} {}", compare.sign(), severity.name())
            }
            Test::Midstream => f.write_str("midstream"),
            Test::OneWay => f.write_str("one-way"),
            Test::Guessed => f.write_str("guessed"),
            Test::Duration(compare, span) => write!(f, "duration {} {}", compare.sign(), Duration(*span)),
            Test::Handshake(compare, span) => write!(f, "handshake {} {}", compare.sign(), Duration(*span)),
            Test::Number(number, compare, n) => write!(f, "{number} {} {n}", compare.sign()),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Bytes(ends) => write!(f, "{}bytes", ends.of()),
            Number::Packets(ends) => write!(f, "{}packets", ends.of()),
            Number::Id => f.write_str("id"),
            Number::Incarnation => f.write_str("incarnation"),
        }
    }
}

/// A span in the largest unit that leaves no rest: `1500ms`.
struct Duration(Span);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.0;
        let units =
            [(3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
        let (unit, name) = units.into_iter().find(|(unit, _)| nanos % unit == 0 && nanos != 0).unwrap_or((1, "ns"));
        write!(f, "{}{name}", nanos / unit)
    }
}
