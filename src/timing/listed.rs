//! What the report says of a textbook connection that was read in one go: what [`timing`](super::summary::timing) comes to for
//! it.

use super::abridged::Abridged;
use super::distribution::exact;
use super::pause::{Ender, Gap};
use super::summary;
use super::vantage::{Basis, Vantage, by_spans};
use crate::report::timing::{Blame, Distribution, GapEnd, Idle, IdleGap, Known, RoundTrips, Stops, Timing};
use crate::report::{PerSide, Side};
use crate::time::{Span, Time};
use crate::tracker::textbook::Entered;
use crate::tracker::{Ended, Met, State, Textbook, Verdict};

impl Abridged {
    /// The timing of the connection in `book`, whose ends entered their states so. Asked for last: samples are put in order.
    pub fn timing(&mut self, book: &Textbook, entered: &Entered, given: Option<Vantage>) -> Timing {
        let [client_fin, server_fin] = book.fin_to_ack();
        let [client_data, server_data] = [0, 1].map(|x| self.after_data(x));
        let closing = Closing {
            duration: book.close(),
            fin_to_ack: Known { client: Some(client_fin), server: Some(server_fin) },
            fin_to_fin: Some(self.fin_to_fin()),
            last_data_to_fin: Known { client: client_data, server: server_data },
        };
        self.told(book, closing, |e, time| state_at(e, entered, time), given)
    }

    /// The same of one that came to be, ended so, and of whose ends this became.
    pub fn timing_to(
        &mut self,
        (book, ended): (&Textbook, &Ended),
        verdicts: &[Verdict; 2],
        given: Option<Vantage>,
    ) -> Timing {
        let [_, duration] = book.lasted_to(ended);
        let acked = book.fins_to_acks(ended);
        let [client, server] = acked.map_or([None; 2], |acked| acked.map(Some));
        let [client_data, server_data] = [0, 1].map(|x| match ended {
            Ended::Reset(rst) if rst.met != Met::Fin || x == rst.sender => None,
            _ => self.after_data(x),
        });
        let closing = Closing {
            duration,
            fin_to_ack: Known { client, server },
            fin_to_fin: acked.map(|_| self.fin_to_fin()),
            last_data_to_fin: Known { client: client_data, server: server_data },
        };
        self.told(book, closing, |e, time| summary::state_at(&verdicts[e], time), given)
    }

    /// The timing of a connection that closed so; `state` says in which state an end was.
    #[inline(always)]
    fn told(
        &mut self,
        book: &Textbook,
        closing: Closing,
        state: impl Fn(usize, Time) -> State,
        given: Option<Vantage>,
    ) -> Timing {
        let [first, second] = self.legs;
        let seen = given.map(|vantage| (vantage, Basis::Given));
        let seen = seen.or_else(|| by_spans(first.0, second.0).map(|vantage| (vantage, Basis::Handshake)));
        let handshake = Some(book.opened() - book.first());
        let blame = self.blame(book, self.only_closing(closing.duration, book.last()));
        let [client_spoke, server_spoke] = self.first;
        self.end_response();
        let mut clamped = 0;
        Timing {
            syn_to_synack: Some(first),
            synack_to_ack: Some(second),
            handshake,
            syn_to_synack_between: None,
            synack_to_ack_between: None,
            syn_retries: 0,
            synack_retries: 0,
            syn_retry_delay: None,
            connect_delay: handshake,
            server_ready: Some(book.ready_at() - book.first()),
            refused_after: None,
            vantage: seen.map(|(vantage, _)| vantage),
            vantage_by: seen.map(|(_, by)| by),
            rtt: PerSide { client: self.round_trips(0), server: self.round_trips(1) },
            first_request: self.first_request(book),
            server_greets: server_spoke.is_some_and(|s| client_spoke.is_none_or(|c| s < c)),
            ttfb: exact(self.answers[1].all_mut()),
            server_think: self.thinks(1, &mut clamped),
            response: exact(self.responses.all_mut()),
            client_think: self.thinks(0, &mut clamped),
            turns_excluded: 0,
            clamped,
            idle: self.gaps_in(state),
            zero_window: PerSide { client: Stops::default(), server: Stops::default() },
            stalls: PerSide { client: Stops::default(), server: Stops::default() },
            fin_to_ack: closing.fin_to_ack,
            fin_to_ack_between: Known { client: None, server: None },
            fin_to_fin: closing.fin_to_fin,
            close_duration: Some(closing.duration),
            last_data_to_fin: closing.last_data_to_fin,
            blame,
            slowest: blame.slowest(),
        }
    }

    /// Where its time went: nothing was lost, and no window closed.
    fn blame(&self, book: &Textbook, close: Span) -> Blame {
        let [client, server] = self.own;
        Blame {
            handshake: book.opened() - book.first(),
            network: self.network,
            recovery: Span(0),
            server,
            client,
            zero_window_server: Span(0),
            zero_window_client: Span(0),
            idle: self.nobody,
            close,
        }
    }

    #[inline]
    fn round_trips(&mut self, x: usize) -> RoundTrips {
        RoundTrips { samples: exact(self.trips[x].all_mut()), excluded: 0, rescued: 0 }
    }

    /// How long end `x` thought before it answered; counts the times that would have been negative as `clamped`. Its answers are
    /// not asked for again.
    #[inline]
    fn thinks(&mut self, x: usize, clamped: &mut u64) -> Option<Distribution> {
        let (least, thinks) = (self.least[x], self.answers[x].all_mut());
        for answer in &mut *thinks {
            let rest = Span(*answer) - least;
            *clamped += u64::from(rest < Span(0));
            *answer = rest.0.max(0);
        }
        exact(thinks)
    }

    /// The times in which nothing was sent for long.
    fn gaps_in(&self, state: impl Fn(usize, Time) -> State) -> Idle {
        if self.gaps.count == 0 {
            return Idle::default();
        }
        let Stops { count, total, longest, .. } = self.idle();
        let mut gaps: Vec<IdleGap> = self.gaps.longest.iter().map(|gap| told(gap, &state)).collect();
        gaps.sort_by_key(|gap| gap.start);
        Idle { count, total, longest, gaps }
    }
}

/// How a connection closed.
struct Closing {
    duration: Span,
    fin_to_ack: Known<Span>,
    fin_to_fin: Option<Span>,
    last_data_to_fin: Known<Span>,
}

/// A gap of a connection whose ends were in these states.
fn told(gap: &Gap, state: impl Fn(usize, Time) -> State) -> IdleGap {
    IdleGap {
        start: gap.start,
        length: gap.length,
        states: PerSide { client: state(0, gap.start), server: state(1, gap.start) },
        probes: 0,
        ended_by: match gap.ended.0 {
            Ender::Data => GapEnd::Data,
            Ender::Fin => GapEnd::Fin,
            Ender::Rst => GapEnd::Rst,
        },
        by: Some(if gap.ended.1 == 0 { Side::Client } else { Side::Server }),
    }
}

/// What end `e` was in at `time`, before TIME_WAIT was over.
fn state_at(e: usize, entered: &Entered, time: Time) -> State {
    let steps = entered.at[e].iter().zip(entered.states(e));
    steps.take_while(|(at, _)| **at <= time).last().map_or(State::Closed, |(_, state)| *state)
}
