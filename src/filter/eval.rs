//! Whether a connection passes a filter.

use super::ast::{Ends, Filter, Number, Test};
use crate::report::{Connection, Endpoint, Origin, Role, Side};
use crate::time::Span;

impl Filter {
    /// Whether `connection` passes.
    pub fn matches(&self, connection: &Connection) -> bool {
        match self {
            Filter::And(all) => all.iter().all(|filter| filter.matches(connection)),
            Filter::Or(any) => any.iter().any(|filter| filter.matches(connection)),
            Filter::Not(inner) => !inner.matches(connection),
            Filter::Is(test) => test.matches(connection),
        }
    }
}

impl Test {
    /// Whether `c` passes. What is not known passes no test.
    pub fn matches(&self, c: &Connection) -> bool {
        match self {
            Test::Host(ends, addr) => ends.any(c, |c, side| c.socket(side).addr == *addr),
            Test::Socket(ends, at) => ends.any(c, |c, side| c.socket(side) == *at),
            Test::Net(ends, net) => ends.any(c, |c, side| net.has(c.socket(side).addr)),
            Test::Port(ends, low, high) => ends.any(c, |c, side| (*low..=*high).contains(&c.socket(side).port)),
            Test::Tcp => true,
            Test::Ip => c.client.addr.is_ipv4(),
            Test::Ip6 => c.client.addr.is_ipv6(),
            Test::Vlan(None) => c.scope.iter().any(|layer| layer.starts_with("vlan ")),
            Test::Vlan(Some(id)) => {
                c.scope.iter().any(|layer| layer.strip_prefix("vlan ").and_then(|n| n.parse().ok()) == Some(*id))
            }
            Test::State(ends, state) => ends.any(c, |c, side| endpoint(c, side).state == *state),
            Test::Possible(ends, state) => ends.any(c, |c, side| endpoint(c, side).possible.has(*state)),
            // All begin CLOSED: that does not count.
            Test::Visited(ends, state) => ends.any(c, |c, side| {
                let endpoint = endpoint(c, side);
                endpoint.state == *state || endpoint.history.iter().any(|entry| entry.state == *state)
            }),
            Test::TimeIn(ends, state, compare, span) => ends.any(c, |c, side| {
                endpoint(c, side).time_in_state.get(*state).is_some_and(|spent| compare.holds(spent, *span))
            }),
            Test::Evidence(ends, evidence) => ends.any(c, |c, side| endpoint(c, side).evidence == *evidence),
            Test::Outcome(outcome) => c.outcome == *outcome,
            Test::ClosedFirst(who) => c.closed_first == Some(*who),
            Test::Finding(None) => !c.anomalies.is_empty(),
            Test::Finding(Some(name)) => c
                .anomalies
                .iter()
                .any(|anomaly| anomaly.name.eq_ignore_ascii_case(name) || anomaly.code.eq_ignore_ascii_case(name)),
            Test::Severity(compare, severity) => {
                c.anomalies.iter().any(|anomaly| compare.holds(anomaly.severity, *severity))
            }
            Test::Midstream => c.origin == Origin::Midstream,
            Test::OneWay => c.is_one_way(),
            Test::Guessed => c.role == Role::Guessed,
            Test::Duration(compare, span) => compare.holds(c.last - c.first, *span),
            Test::Handshake(compare, span) => c.timing.handshake.is_some_and(|took| compare.holds::<Span>(took, *span)),
            Test::Number(number, compare, n) => compare.holds(number.of(c), *n),
        }
    }
}

impl Ends {
    fn any(self, c: &Connection, test: impl Fn(&Connection, Side) -> bool) -> bool {
        match self {
            Ends::Either => test(c, Side::Client) || test(c, Side::Server),
            Ends::Client => test(c, Side::Client),
            Ends::Server => test(c, Side::Server),
        }
    }
}

impl Number {
    fn of(self, c: &Connection) -> u64 {
        let of = |ends: Ends, counts: &crate::report::PerSide<u64>| match ends {
            Ends::Either => counts.total(),
            Ends::Client => counts.client,
            Ends::Server => counts.server,
        };
        match self {
            Number::Bytes(ends) => of(ends, &c.bytes),
            Number::Packets(ends) => of(ends, &c.packets),
            Number::Id => c.id,
            Number::Incarnation => u64::from(c.incarnation),
        }
    }
}

fn endpoint(c: &Connection, side: Side) -> &Endpoint {
    c.endpoints.get(side)
}
