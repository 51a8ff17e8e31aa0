//! Where the tap was, relative to the two ends: without it no span at the tap can be read.

use super::flow::Measured;
pub use crate::report::vantage::{Basis, Vantage};
use crate::time::Span;

/// Below this share of the whole round trip an end is near.
const NEAR: i64 = 10;

/// From the round trips between tap and server, and tap and client.
pub(super) fn by_spans(server: i64, client: i64) -> Option<Vantage> {
    let whole = server.checked_add(client).filter(|w| *w > 0)?;
    // A division takes several times as long.
    let [server, whole] = [i128::from(server) * 100, i128::from(whole)];
    Some(if server >= whole * i128::from(101 - NEAR) {
        Vantage::Client
    } else if server < whole * i128::from(NEAR) {
        Vantage::Server
    } else {
        Vantage::Middle
    })
}

/// Where the tap was, as far as this connection shows, of which these are the [legs] of the handshake; `client` is the
/// index of the client's end.
///
/// [legs]: super::handshake::Handshake::legs
pub fn estimate(m: &Measured, legs: [Option<Span>; 2], client: usize) -> Option<(Vantage, Basis)> {
    let server = 1 - client;
    if let [Some(a), Some(b)] = legs
        && m.handshake.opener() == Some(client)
        && let Some(vantage) = by_spans(a.0, b.0)
    {
        return Some((vantage, Basis::Handshake));
    }
    let flow = m.flow.as_deref()?;
    if let (Some(a), Some(b)) = (flow.least(server), flow.least(client))
        && let Some(vantage) = by_spans(a.0, b.0)
    {
        return Some((vantage, Basis::RoundTrips));
    }
    let initial = |end: usize| flow.ttl[end].map(|ttl| matches!(ttl, 64 | 128 | 255));
    let vantage = match (initial(client), initial(server)) {
        (Some(true), Some(false)) => Vantage::Client,
        (Some(false), Some(true)) => Vantage::Server,
        (Some(false), Some(false)) => Vantage::Middle,
        _ => return None,
    };
    Some((vantage, Basis::HopCount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_leg_is_the_farther_end() {
        assert_eq!(by_spans(30_000, 100), Some(Vantage::Client));
        assert_eq!(by_spans(100, 30_000), Some(Vantage::Server));
        assert_eq!(by_spans(10_000, 20_000), Some(Vantage::Middle));
        assert_eq!(by_spans(0, 0), None);
    }

    #[test]
    fn a_share_is_counted_in_whole_hundredths() {
        for (server, whole) in (-5..1_005).map(|server| (server, 1_000)).chain((0..=7).map(|server| (server, 7))) {
            let expected = match server * 100 / whole {
                91.. => Vantage::Client,
                10..91 => Vantage::Middle,
                _ => Vantage::Server,
            };
            assert_eq!(by_spans(server, whole - server), Some(expected), "{server} of {whole}");
        }
    }

    #[test]
    fn names_are_read_back() {
        assert_eq!("middle".parse(), Ok(Vantage::Middle));
        assert!("here".parse::<Vantage>().is_err());
    }
}
