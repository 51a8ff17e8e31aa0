//! Whatever can be said in the language is printed so that it parses back to the same; whatever is typed, parsing
//! ends with a filter or an error.

use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::select;
use tcpstate::filter::ast::{Compare, Ends, Filter, Net, Number, Test};
use tcpstate::filter::parse;
use tcpstate::report::{ClosedFirst, Outcome, Severity};
use tcpstate::segment::Socket;
use tcpstate::time::Span;
use tcpstate::tracker::{Evidence, State};

fn ends() -> impl Strategy<Value = Ends> {
    select(vec![Ends::Either, Ends::Client, Ends::Server])
}

fn compare() -> impl Strategy<Value = Compare> {
    select(Compare::ALL.to_vec())
}

fn state() -> impl Strategy<Value = State> {
    select(State::ALL.to_vec())
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        (0..i64::MAX).prop_map(Span),
        (0..100_000_i64).prop_map(Span::millis),
        (0..100_000_i64).prop_map(Span::secs)
    ]
}

fn addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<u32>().prop_map(|a| IpAddr::V4(a.into())), any::<u128>().prop_map(|a| IpAddr::V6(a.into()))]
}

fn test() -> impl Strategy<Value = Test> {
    let net = (addr(), 0..=128_u8).prop_map(|(a, p)| Net::new(a, if a.is_ipv4() { p.min(32) } else { p }).unwrap());
    let socket = (addr(), any::<u16>()).prop_map(|(addr, port)| Socket { addr, port });
    let number = prop_oneof![
        ends().prop_map(Number::Bytes),
        ends().prop_map(Number::Packets),
        Just(Number::Id),
        Just(Number::Incarnation),
    ];
    prop_oneof![
        (ends(), addr()).prop_map(|(e, a)| Test::Host(e, a)),
        (ends(), socket).prop_map(|(e, s)| Test::Socket(e, s)),
        (ends(), net).prop_map(|(e, n)| Test::Net(e, n)),
        (ends(), any::<u16>(), any::<u16>()).prop_map(|(e, a, b)| Test::Port(e, a.min(b), a.max(b))),
        select(vec![Test::Tcp, Test::Ip, Test::Ip6, Test::Vlan(None), Test::Midstream, Test::OneWay, Test::Guessed]),
        (0..4096_u16).prop_map(|id| Test::Vlan(Some(id))),
        (ends(), state()).prop_map(|(e, s)| Test::State(e, s)),
        (ends(), state()).prop_map(|(e, s)| Test::Possible(e, s)),
        (ends(), state()).prop_map(|(e, s)| Test::Visited(e, s)),
        (ends(), state(), compare(), span()).prop_map(|(e, s, c, t)| Test::TimeIn(e, s, c, t)),
        (ends(), select(Evidence::ALL.to_vec())).prop_map(|(e, g)| Test::Evidence(e, g)),
        select(Outcome::ALL.to_vec()).prop_map(Test::Outcome),
        select(vec![ClosedFirst::Client, ClosedFirst::Server, ClosedFirst::Both]).prop_map(Test::ClosedFirst),
        select(vec![None, Some("rst-abort"), Some("c01")]).prop_map(|name| Test::Finding(name.map(str::to_owned))),
        (compare(), select(Severity::ALL.to_vec())).prop_map(|(c, s)| Test::Severity(c, s)),
        (compare(), span()).prop_map(|(c, t)| Test::Duration(c, t)),
        (compare(), span()).prop_map(|(c, t)| Test::Handshake(c, t)),
        (number, compare(), any::<u64>()).prop_map(|(f, c, n)| Test::Number(f, c, n)),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    test().prop_map(Filter::Is).prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

proptest! {
    #[test]
    fn printing_and_parsing_are_inverse(filter in filter()) {
        let text = filter.to_string();
        let parsed = parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(parsed, filter, "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        let _ = parse(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn no_mixture_of_words_makes_it_panic(
        words in prop::collection::vec(select(vec![
            "host", "10.0.0.1", "net", "10/8", "port", "80", "and", "or", "not", "(", ")", ",", "=", "!=", ">", "client",
            "server.", "client.state", "CLOSED", "time-in", "5s", "5", "min", "vlan", "mask", "µs", "tcp", "ip6", "é",
        ]), 0..12),
    ) {
        let text = words.join(" ");
        if let Ok(filter) = parse(&text) {
            let printed = filter.to_string();
            prop_assert_eq!(parse(&printed), Ok(filter), "{} printed as {}", text, printed);
        }
    }
}
