//! What is left of an attempt to open a connection that came to nothing, to find the answer that it got from elsewhere.

use super::stay::Stay;
use crate::signals::Signals;
use crate::time::Time;
use crate::tracker::{Connection, Unanswered};

/// What was captured of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// A SYN, again and again, and nothing of the server.
    Asked,
    /// A SYN,ACK that the client did not answer.
    Offered,
    /// A SYN,ACK that the client answered with RST.
    Declined,
    /// The refusal alone.
    Refused,
}

/// An attempt, by what client and server both name: the client's port and the number of its SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    /// The client's port.
    pub port: u16,
    /// The number of its SYN, or what the answer acknowledges, less one.
    pub isn: u32,
    /// What was captured.
    pub seen: Seen,
    /// How many SYNs were; no more than fit.
    pub syns: u8,
    /// TTL or hop limit of the client's first segment; 0 if there was none.
    pub ttl: u8,
}

const MOST_SYNS: u16 = 31;

impl Attempt {
    /// That of a connection that did not come to be, if more than a lone SYN was captured of it.
    pub fn of(c: &Connection, signals: &Signals) -> Option<Attempt> {
        let client = c.client().0;
        let (own, peer) = (&c.ends[client], &c.ends[1 - client]);
        if own.bytes | peer.bytes != 0 || own.fins | peer.fins != 0 || peer.acked().is_some() {
            return None;
        }
        let reset = signals.resets().iter().any(|reset| reset.from == client);
        let seen = match (peer.packets, peer.syn_acks) {
            (0, _) if own.syns > 1 && peer.isn().is_none() => Seen::Asked,
            (1.., 1..) if reset => Seen::Declined,
            (1.., 1..) => Seen::Offered,
            (1.., 0) if own.packets == 0 && c.is_reset_only() => Seen::Refused,
            _ => return None,
        };
        let syns = own.syns.min(MOST_SYNS) as u8;
        Some(Attempt { port: c.sockets[client].port, isn: own.isn()?, seen, syns, ttl: own.ttl().unwrap_or(0) })
    }

    /// That of one whose SYN from this port was sent again and again.
    pub fn unanswered(port: u16, unanswered: &Unanswered) -> Attempt {
        let Unanswered { isn, ttl, syns, .. } = *unanswered;
        Attempt { port, isn, seen: Seen::Asked, syns: syns.min(MOST_SYNS.into()) as u8, ttl }
    }

    /// In the room of a time that is not needed.
    pub(super) fn packed(self) -> Time {
        let low = i64::from(self.isn) << 16 | i64::from(self.port);
        Time(i64::from(self.ttl) << 55 | i64::from(self.syns) << 50 | (self.seen as i64) << 48 | low)
    }

    /// What was put there, if anything was.
    pub(super) fn unpacked(time: Time) -> Option<Attempt> {
        const SEEN: [Seen; 4] = [Seen::Asked, Seen::Offered, Seen::Declined, Seen::Refused];
        let n = time.0;
        let attempt = || Attempt {
            port: n as u16,
            isn: (n >> 16) as u32,
            seen: SEEN[(n >> 48 & 3) as usize],
            syns: (n >> 50 & i64::from(MOST_SYNS)) as u8,
            ttl: (n >> 55) as u8,
        };
        (time != Stay::NONE.until).then(attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_away_is_found_again() {
        for seen in [Seen::Asked, Seen::Offered, Seen::Declined, Seen::Refused] {
            for (port, isn, syns, ttl) in [(0, 0, 0, 0), (1, u32::MAX, 31, 254), (u16::MAX, 1, 7, 64)] {
                let attempt = Attempt { port, isn, seen, syns, ttl };
                assert_eq!(Attempt::unpacked(attempt.packed()), Some(attempt));
            }
        }
        assert_eq!(Attempt::unpacked(Stay::NONE.until), None);
    }
}
