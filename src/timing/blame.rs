//! Where the time of a connection went: every nanosecond from its first to its last packet belongs to one cause.
//!
//! Time is cut at the segments that decide something (a SYN, payload, FIN, RST, a repetition, a window that closes or
//! opens), and the piece before each is given to what was waited for. Of the wait for an answer the least round trip
//! seen so far towards the one who answers is the network's, and the rest is its own. Who goes on may have waited for the
//! acknowledgment of what it had sent: up to that, and a round trip towards it more, it is the network's time, and the rest
//! its own. Waits of [`GAP`] and more are idle unless the server owes an answer.
//!
//! An acknowledgment that is late may have been delayed by its sender, or by a queue on the way of what it acknowledges: nothing
//! tells which, so the network has it all.

use super::maybe::Maybe;
use super::pause::GAP;
use crate::time::{Span, Time};

/// What time can be spent on. `End(x)` is an end by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// From the first SYN to the client's ACK.
    Handshake,
    /// Segments and acknowledgments on their way.
    Network,
    /// Something lost was sent again: from the last segment before to its acknowledgment.
    Recovery,
    /// An end that has to speak does not.
    End(usize),
    /// An end that takes nothing in: its window is closed.
    ZeroWindow(usize),
    /// Nobody owes anything, or nobody knows who does.
    Idle,
    /// From the first FIN or RST on, as far as no payload comes any more.
    Close,
}

/// How many causes there are, each end counted.
pub const CAUSES: usize = 9;

impl Cause {
    /// Its place in an array.
    pub const fn index(self) -> usize {
        match self {
            Cause::Handshake => 0,
            Cause::Network => 1,
            Cause::Recovery => 2,
            Cause::End(x) => 3 + (x & 1),
            Cause::ZeroWindow(x) => 5 + (x & 1),
            Cause::Idle => 7,
            Cause::Close => 8,
        }
    }
}

/// What is known when a piece of time ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation {
    /// The handshake is not complete.
    pub opening: bool,
    /// A FIN or RST was sent.
    pub closing: bool,
    /// Something sent again is not acknowledged, or is sent again now.
    pub recovering: bool,
    /// Which end's window is closed while the other may want to send.
    pub closed_window: Option<usize>,
    /// The last to send payload (or, before any payload, to complete the handshake).
    pub talker: Option<usize>,
    /// The server owes an answer.
    pub server: Option<usize>,
}

/// The account of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blame {
    clock: Clock,
    /// By [`Cause::index`].
    spent: [Span; CAUSES],
}

/// How far time is accounted for.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    /// All before this is accounted for.
    mark: Maybe,
    /// Where the account begins.
    begun: Maybe,
}

impl Clock {
    fn open(&mut self, now: Time) {
        self.mark.or_set(now);
        self.begun.or_set(now);
    }

    /// The piece up to `now`, and where it begins.
    #[inline]
    fn piece(&mut self, now: Time) -> Option<(Time, Span)> {
        let mark = self.mark.time().unwrap_or(now);
        if now <= mark {
            self.mark.or_set(now);
            return None;
        }
        self.mark = now.into();
        Some((mark, now - mark))
    }
}

/// The account of a connection that is not open: all of it is the handshake's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opening {
    clock: Clock,
    spent: Span,
}

impl Opening {
    /// The account begins.
    pub fn open(&mut self, now: Time) {
        self.clock.open(now);
    }

    /// The handshake goes on.
    pub fn spend(&mut self, now: Time) {
        if let Some((_, span)) = self.clock.piece(now) {
            self.spent = Span(self.spent.0.saturating_add(span.0));
        }
    }

    /// The account of the connection that is open now.
    pub fn account(self) -> Blame {
        let mut blame = Blame { clock: self.clock, ..Blame::default() };
        blame.give(Cause::Handshake, self.spent);
        blame
    }
}

impl Blame {
    #[inline]
    fn give(&mut self, cause: Cause, span: Span) {
        let spent = &mut self.spent[cause.index()];
        *spent = Span(spent.0.saturating_add(span.0.max(0)));
    }

    /// Gives the piece up to `now` to `cause`.
    #[inline]
    pub fn spend(&mut self, now: Time, cause: Cause) {
        if let Some((_, span)) = self.clock.piece(now) {
            self.give(cause, span);
        }
    }

    /// What overrides everything else, if anything does.
    #[inline]
    pub fn overriding(s: &Situation) -> Option<Cause> {
        if s.opening {
            Some(Cause::Handshake)
        } else if let Some(x) = s.closed_window {
            Some(Cause::ZeroWindow(x))
        } else if s.recovering {
            Some(Cause::Recovery)
        } else {
            None
        }
    }

    /// End `x` sends payload, FIN or RST. `round_trip` is the least seen towards it, if one was; `free` since when nothing it had
    /// sent before was under way as far as it knew, if so.
    #[inline(always)]
    pub fn speaks(&mut self, x: usize, now: Time, s: &Situation, round_trip: Option<Span>, free: Option<Time>) {
        if let Some(cause) = Self::overriding(s) {
            return self.spend(now, cause);
        }
        let Some((mark, span)) = self.clock.piece(now) else { return };
        let network = if s.talker == Some(x) {
            // It goes on: as long as something was under way it may have had to wait for that.
            let Some(free) = free else { return self.give(Cause::Network, span) };
            Span((free - mark).0.max(0).min(span.0))
        } else if let Some(trip) = round_trip {
            Span(trip.0.max(0).min(span.0))
        } else if s.talker.is_some() && span < GAP {
            // It may have been on its way all the time.
            span
        } else {
            Span(0)
        };
        let own = Span(span.0 - network.0);
        let owes = s.talker.is_some_and(|t| t != x) && s.server == Some(x);
        self.give(Cause::Network, network);
        self.give(if own >= GAP && !owes { Cause::Idle } else { Cause::End(x) }, own);
    }

    /// Idle time so far.
    pub fn idle(&self) -> Span {
        self.spent[Cause::Idle.index()]
    }

    /// The account with the time up to the last packet, and from the first one, should a later packet carry an earlier
    /// time. `settled` when everything that the talker had sent was acknowledged, if it was.
    pub fn closed(
        &self,
        (first, last): (Time, Time),
        s: &Situation,
        in_flight: bool,
        settled: Option<Time>,
    ) -> [Span; CAUSES] {
        let mut clock = self.clock;
        clock.open(first);
        let before = clock.begun.time().map_or(Span(0), |begun| (begun - first).max(Span(0)));
        let mark = clock.mark.time().unwrap_or(last);
        let after = clock.piece(last).map_or(Span(0), |(_, span)| span.max(Span(0)));
        // As long as what was sent last was under way, nobody was waited for.
        let under_way = settled.map_or(Span(0), |t| Span((t - mark).0.clamp(0, after.0)));
        let (cause, network) = match Self::overriding(s) {
            Some(cause) => (cause, Span(0)),
            None if s.closing => (Cause::Close, Span(0)),
            None if in_flight => (Cause::Network, Span(0)),
            None => match (s.talker, s.server) {
                // Asked, and never answered.
                (Some(talker), Some(server)) if talker != server => (Cause::End(server), under_way),
                _ if after - under_way >= GAP => (Cause::Idle, under_way),
                _ => (Cause::Network, Span(0)),
            },
        };
        let (before, after) = (Span(before.0.saturating_add(network.0)), after - network);
        // Put together in one go: a list that was changed in one place is slow to read at once.
        std::array::from_fn(|i| {
            let more = |index: usize, span: Span| if i == index { span.0 } else { 0 };
            let spent = self.spent[i].0.saturating_add(more(Cause::Network.index(), before));
            Span(spent.saturating_add(more(cause.index(), after)))
        })
    }
}

/// What is left of the account of a connection of which one end was not captured: that the other sent again, closed, or took
/// nothing in shows, and, if `opened`, when the handshake was over; who was waited for does not.
pub fn half_seen(spent: [Span; CAUSES], opened: bool) -> [Span; CAUSES] {
    const SHOWN: [Cause; 4] = [Cause::Recovery, Cause::Close, Cause::ZeroWindow(0), Cause::ZeroWindow(1)];
    let mut left = [Span(0); CAUSES];
    for (i, span) in spent.into_iter().enumerate() {
        let shows = SHOWN.iter().any(|cause| cause.index() == i) || opened && i == Cause::Handshake.index();
        let place = if shows { i } else { Cause::Idle.index() };
        left[place] = Span(left[place].0.saturating_add(span.0));
    }
    left
}

crate::pack::pack_fields!(Blame { clock, spent });
crate::pack::pack_fields!(Clock { mark, begun });
crate::pack::pack_fields!(Opening { clock, spent });

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// An account that begins at 0.
    fn begun() -> Blame {
        let mut opening = Opening::default();
        opening.open(Time(0));
        opening.account()
    }

    fn spent(blame: Blame, cause: Cause) -> i64 {
        blame.spent[cause.index()].0 / MS
    }

    #[test]
    fn an_answer_is_split_between_the_network_and_the_one_who_answers() {
        let mut blame = begun();
        let s = Situation { talker: Some(0), server: Some(1), ..Situation::default() };
        blame.speaks(1, Time(5_000 * MS), &s, Some(Span::millis(30)), None);
        assert_eq!((spent(blame, Cause::Network), spent(blame, Cause::End(1))), (30, 4_970));
    }

    #[test]
    fn a_client_that_waits_long_is_idle() {
        let mut blame = begun();
        let s = Situation { talker: Some(1), server: Some(1), ..Situation::default() };
        blame.speaks(0, Time(5_000 * MS), &s, Some(Span::millis(1)), None);
        assert_eq!((spent(blame, Cause::Idle), spent(blame, Cause::End(0))), (4_999, 0));
    }

    #[test]
    fn a_sender_with_nothing_under_way_holds_itself_up() {
        let mut blame = begun();
        let s = Situation { talker: Some(1), server: Some(1), ..Situation::default() };
        blame.speaks(1, Time(100 * MS), &s, Some(Span::millis(1)), Some(Time(40 * MS)));
        assert_eq!((spent(blame, Cause::Network), spent(blame, Cause::End(1))), (40, 60));
    }

    #[test]
    fn what_an_acknowledgment_alone_ended_was_under_way() {
        let blame = begun();
        let s = Situation { talker: Some(0), server: Some(1), ..Situation::default() };
        let acked = Some(Time(343 * MS));
        let spent = |last: i64| blame.closed((Time(0), Time(last * MS)), &s, false, acked).map(|s| s.0 / MS);
        let [network, server] = [Cause::Network, Cause::End(1)].map(Cause::index);
        assert_eq!((spent(343)[network], spent(343)[server]), (343, 0));
        // Then it was asked, and has not answered.
        assert_eq!((spent(5_000)[network], spent(5_000)[server]), (343, 4_657));
    }

    #[test]
    fn a_short_answer_without_a_round_trip_is_nobodys() {
        let answered = |ms: i64| {
            let mut blame = begun();
            let s = Situation { talker: Some(0), server: Some(1), ..Situation::default() };
            blame.speaks(1, Time(ms * MS), &s, None, None);
            (spent(blame, Cause::Network), spent(blame, Cause::End(1)))
        };
        assert_eq!((answered(400), answered(5_000)), ((400, 0), (0, 5_000)));
    }

    #[test]
    fn all_time_is_accounted_for() {
        let mut blame = begun();
        let mut s = Situation { opening: true, ..Situation::default() };
        blame.speaks(0, Time(10 * MS), &s, Some(Span(0)), None);
        s = Situation { recovering: true, talker: Some(0), ..Situation::default() };
        blame.speaks(0, Time(250 * MS), &s, Some(Span(0)), None);
        // Time that goes backwards is not accounted for twice.
        blame.speaks(0, Time(240 * MS), &s, Some(Span(0)), None);
        s = Situation { closing: true, ..Situation::default() };
        let spent = blame.closed((Time(0), Time(300 * MS)), &s, false, None);
        assert_eq!(spent.iter().map(|s| s.0).sum::<i64>(), 300 * MS);
        assert_eq!(spent[Cause::Close.index()], Span::millis(50));
    }
}
