//! A lone SYN: a flood brings millions, and what may have become of one follows from its age alone.

use super::connection::Connection;
use super::log::{Tail, follow};
use super::mark::Mark;
use super::outline::Outline;
use super::profile::Profile;
use super::rules::Event;
use super::state::{Evidence, State, States};
use super::timers;
use super::verdict::Verdict;
use crate::segment::ScopeId;
use crate::time::{Span, Time};

/// Who received a SYN answers it within this time.
pub const ANSWER_TO_SYN: Span = Span::secs(1);

impl Connection {
    /// The only mark of each end, if all that was captured is one SYN of end 0.
    fn lone_syn(&self) -> Option<(&Mark, &Mark)> {
        let [own, peer] = &self.ends;
        let (&[sent], &[received]) = (&own.log.marks(), &peer.log.marks()) else { return None };
        let lone = own.packets == 1 && peer.packets == 0 && self.before == 0 && !peer.seen && own.fin.is_none();
        let plain = sent.event == Event::SndSyn && received.event == Event::RcvSyn;
        (lone && plain && received.evidence == Evidence::Inferred).then_some((sent, received))
    }

    /// What [`Connection::weigh`] comes to for a lone SYN; false if it is none.
    pub(super) fn weigh_lone_syn(&self, end: Time, profile: &Profile, verdicts: &mut [Verdict; 2]) -> bool {
        let Some((sent, received)) = self.lone_syn() else { return false };
        weigh((sent, received), end, profile, verdicts);
        true
    }
}

/// What became of both ends at `end`, if one sent a SYN, which the other may have received.
fn weigh((sent, received): (&Mark, &Mark), end: Time, profile: &Profile, verdicts: &mut [Verdict; 2]) {
    let given_up = weigh_silent((sent, sent.time), received, end, profile, verdicts);
    // After that it would have answered.
    if end - received.time <= ANSWER_TO_SYN {
        let server = &mut verdicts[1];
        follow(&mut server.steps, [received]);
        follow(&mut server.steps, &given_up);
        timers::date(None, &mut server.steps, end);
    }
}

/// The same if it was sent `last` then, and the other has not received it as far as its silence tells; the mark with which that would
/// have given up.
#[inline]
pub(super) fn weigh_silent(
    (sent, last): (&Mark, Time),
    received: &Mark,
    end: Time,
    profile: &Profile,
    verdicts: &mut [Verdict; 2],
) -> Option<Mark> {
    let [client, server] = verdicts;
    client.steps.clear();
    follow(&mut client.steps, [sent]);
    let timer = timers::expired(Some(last), &Tail::after(&client.steps), end, profile);
    follow(&mut client.steps, &timer);
    timers::date(None, &mut client.steps, end);
    // Of the other end nothing was captured: it may have answered with a RST.
    client.possible = States::of(&[State::Closed]).with(client.state());
    server.steps.clear();
    let given_up = timers::expired(None, &Tail::of([received]), end, profile);
    server.possible = States::of(&[State::Closed]);
    if given_up.is_none() {
        server.possible = server.possible.with(State::SynRcvd);
    }
    given_up
}

/// What became of a lone SYN, where that is told by its age in few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may have been received just now: both ends wait.
    Received,
    /// It would have been answered: only its sender waits.
    Unanswered,
    /// Its sender gave up then.
    GivenUp(Time),
}

impl Fate {
    /// That of a SYN of this `time` at `end`; `None` if there is more to it.
    #[inline]
    pub fn of(time: Time, end: Time, profile: &Profile) -> Option<Fate> {
        let expiry = time + profile.syn_sent;
        match (end - time <= ANSWER_TO_SYN, expiry <= end) {
            (true, false) => (end < time + profile.syn_rcvd).then_some(Fate::Received),
            (false, false) => Some(Fate::Unanswered),
            (false, true) => (time < expiry).then_some(Fate::GivenUp(expiry)),
            (true, true) => None,
        }
    }

    /// How many steps each end took, and in which states it may be: of the SYN of this `time` at `end`.
    #[inline]
    pub fn come(self, time: Time, end: Time, profile: &Profile) -> [(usize, States); 2] {
        let closed = States::of(&[State::Closed]);
        let waits = end < time + profile.syn_rcvd;
        let client = match self {
            Fate::Received | Fate::Unanswered => (1, closed.with(State::SynSent)),
            Fate::GivenUp(_) => (2, closed),
        };
        let server = if waits { closed.with(State::SynRcvd) } else { closed };
        [client, (usize::from(self == Fate::Received), server)]
    }
}

/// A connection of which there is but one SYN, of its end 0.
#[derive(Clone, Copy, Debug)]
pub struct Lone {
    scope: ScopeId,
    sent: Mark,
    received: Mark,
}

impl Lone {
    /// A SYN of this time and packet number, about which nothing is rare; `stamp` is its timestamp, if it has one.
    #[inline]
    pub(super) fn new(scope: ScopeId, time: Time, packet: u64, stamp: Option<u32>) -> Lone {
        Lone {
            scope,
            sent: Mark::sure(Event::SndSyn, Evidence::Sent, time, packet),
            received: Mark::stamped(Event::RcvSyn, time, packet, stamp),
        }
    }

    /// What there is to say of it in short.
    pub fn outline(&self) -> Outline {
        let Mark { time, packet, .. } = self.sent;
        Outline {
            client: 0,
            observed: true,
            incarnation: 1,
            scopes: [Some(self.scope), None],
            first: time,
            last: time,
            first_packet: packet,
            last_packet: packet,
            packets: [1, 0],
            bytes: [0; 2],
            opening_seen: true,
            reset_only: false,
            retractions: 0,
        }
    }

    /// What became of both ends at `end`, in the order of their sockets.
    pub(super) fn weigh(&self, end: Time, profile: &Profile, verdicts: &mut [Verdict; 2]) {
        weigh((&self.sent, &self.received), end, profile, verdicts);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::segment::{Flags, Options, Segment, Socket};
    use crate::tracker::verdict::Weighing;
    use crate::tracker::{Stack, Tracker};

    #[test]
    fn it_is_weighed_as_all_are() {
        let at = |last, port| Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port };
        let syn = Segment {
            time: Time(1_000_000_000_000),
            packet: 7,
            src: at(1, 40_000),
            dst: at(2, 443),
            scope: ScopeId(0),
            seq: 5,
            ack: 0,
            len: 0,
            captured: 0,
            flags: Flags::SYN,
            window: 1_000,
            checksum: 0,
            ip_id: 0,
            ttl: 64,
            options: Options::default(),
        };
        let mut tracker = Tracker::new();
        tracker.segment(&syn);
        let c = tracker.connection(0);
        for (_, stack) in Stack::ALL {
            let profile = stack.profile();
            for millis in [-5, 0, 999, 1_000, 1_001, 20_999, 21_000, 62_999, 63_000, 130_999, 131_000, 500_000] {
                let end = syn.time + Span::millis(millis);
                let (mut short, mut long) = (<[Verdict; 2]>::default(), Weighing::default());
                assert!(c.weigh_lone_syn(end, &profile, &mut short));
                let long = c.weigh_all(end, &profile, &mut long);
                assert_eq!(format!("{short:?}"), format!("{long:?}"), "{stack:?} after {millis} ms");
            }
        }
    }
}
