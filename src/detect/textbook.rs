//! Textbook connections of which no detector has anything to say, and lone SYNs, of which only one has: the others need not
//! be asked.

use std::net::IpAddr;

use super::limits::Limits;
use super::syn_unanswered::Lines;
use super::{
    ALL, Brief, Cause, Scene, View, cause, close_wait_stuck, half_close, half_open_dead_peer, handshake_slow,
    idle_death, idle_without_keepalive, request_unanswered, retransmissions, rst_abort, simultaneous_close, slow_close,
    syn_refused, syn_unanswered, window_limited,
};
use crate::report::{Anomaly, Side};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::timing::{Abridged, Measured};
use crate::tracker::{Ended, Met, Rst, Textbook, Verdict};

/// Below what a textbook connection is unremarkable. All that detectors look for is absent from it, but for what they draw
/// a line for.
#[derive(Clone, Copy, Debug)]
pub struct Unremarkable {
    handshake: Span,
    pause: Span,
    wait: Span,
    close: Span,
    bytes: u64,
    idle: Span,
    /// What meets silence is told of only once it was repeated.
    repeats: bool,
    /// From how long on it is told that an end goes on after the other's FIN.
    goes_on: Span,
    /// What opens a connection again is no more than background.
    again_is_info: bool,
    /// The numbers of syn-unanswered, syn-refused, rst-abort, simultaneous-close, half-close and retransmissions.
    unanswered: u8,
    refused: u8,
    reset: u8,
    crossed: u8,
    half: u8,
    again: u8,
}

impl Unremarkable {
    /// By the lines drawn in `limits`.
    pub fn within(limits: &Limits) -> Unremarkable {
        let number = |declaration| ALL.iter().position(|d| std::ptr::eq(*d, declaration)).unwrap_or(0) as u8;
        Unremarkable {
            handshake: limits.span(&handshake_slow::SLOW),
            pause: limits.span(&idle_without_keepalive::IDLE),
            wait: limits.span(&request_unanswered::AFTER).min(limits.span(&request_unanswered::LONG)),
            close: limits.span(&slow_close::AFTER).min(limits.span(&close_wait_stuck::AFTER)),
            bytes: u64::try_from(limits.get(&window_limited::BYTES)).unwrap_or(u64::MAX),
            idle: limits.span(&idle_death::IDLE),
            repeats: limits.get(&half_open_dead_peer::TRIES) > 1,
            goes_on: half_close::after(limits),
            again_is_info: !retransmissions::are_none_many(limits),
            unanswered: number(&syn_unanswered::DECLARATION),
            refused: number(&syn_refused::DECLARATION),
            reset: number(&rst_abort::DECLARATION),
            crossed: number(&simultaneous_close::DECLARATION),
            half: number(&half_close::DECLARATION),
            again: number(&retransmissions::DECLARATION),
        }
    }

    /// Whether no detector has anything to say of `book`, of which this was measured.
    pub fn covers(&self, book: &Textbook, measured: &Measured) -> bool {
        self.covers_unheld(book, || measured.waited(0, book.closer()), book.close())
            && measured.held(0).or(measured.held(1)).is_none()
    }

    /// The same of one that was `abridged`: nothing was held back.
    #[inline(always)]
    pub fn covers_abridged(&self, book: &Textbook, abridged: &Abridged) -> bool {
        self.covers_unheld(book, || abridged.client_waited(book.closer()), book.close())
    }

    #[inline(always)]
    fn covers_unheld(&self, book: &Textbook, client_waited: impl FnOnce() -> Option<Span>, close: Span) -> bool {
        let [client, server] = book.bytes();
        let [first, second] = book.handshake();
        first.max(second) < self.handshake
            && book.longest_pause() < self.pause
            && client_waited().is_none_or(|waited| waited < self.wait)
            && close < self.close
            && client.max(server) < self.bytes
            // Of one without payload no-data tells.
            && client.max(server) > 0
    }

    /// What detectors say of `book`, a connection with this `server` that went by the book and ended so, of which this was measured, and
    /// of whose ends this became: the worst first, if there is one; `None` where others may say something.
    pub fn ended(
        &self,
        (book, ended, abridged): (&Textbook, &Ended, &Abridged),
        (server, verdicts): (IpAddr, &[Verdict; 2]),
        scene: &Scene,
    ) -> Option<[Option<Brief>; 2]> {
        let [_, close] = book.lasted_to(ended);
        let plain = !ended.was_open()
            || self.covers_unheld(book, || abridged.client_waited_until(book.closed_by(ended)), close)
                && book.longest_pause() < self.idle
                && self.repeats;
        if !plain {
            return None;
        }
        let brief = |declaration: u8, (time, packet): (Time, u64), cause: Option<Cause>, endpoint: Option<Side>| {
            let severity = ALL[usize::from(declaration)].severity;
            let cause = cause.map(Cause::name);
            [Some(Brief { time, packet, length: 0, number: 0, cause, declaration, severity, endpoint }), None]
        };
        Some(match ended {
            Ended::Reset(rst) => {
                let refused = rst.met == Met::Syn;
                let (declaration, cause) = match refused {
                    true => (self.refused, Cause::Refused),
                    false => (self.reset, cause::by_the_book(book, rst)),
                };
                brief(declaration, rst.packet, Some(cause), Some(Side::ALL[rst.sender & 1]))
            }
            Ended::Crossed(_) => brief(self.crossed, book.crossed_at(), None, None),
            Ended::Halved(halved) => [half_close::by_the_book(self.half, self.goes_on, (book, halved)), None],
            Ended::Unanswered(unanswered) if self.again_is_info => {
                let waited = syn_unanswered::of_many(self.unanswered, (unanswered, &verdicts[0]), server, scene);
                [waited, Some(retransmissions::of_syn(self.again, unanswered))]
            }
            Ended::Unanswered(_) => return None,
        })
    }

    /// Whether what is said of one that ended so is said in other words than usual.
    pub fn is_doubtful(&self, ended: &Ended, scene: &Scene) -> bool {
        matches!(ended, Ended::Unanswered(_)) && self.lines(scene).are_doubtful()
    }

    /// What `brief` says in full, of a connection between these sockets, of whose ends this became.
    pub fn ended_in_full(
        &self,
        brief: &Brief,
        (sockets, verdicts): (&[Socket; 2], &[Verdict; 2]),
        (book, ended): (&Textbook, &Ended),
        scene: &Scene,
    ) -> Anomaly {
        match ended {
            Ended::Reset(Rst { met: Met::Syn, .. }) => {
                syn_refused::by_the_book(brief, sockets, book.lasted_to(ended)[0])
            }
            Ended::Reset(rst) => rst_abort::by_the_book(brief, sockets, (book, rst)),
            Ended::Crossed(_) => simultaneous_close::by_the_book(brief, verdicts),
            Ended::Halved(halved) => half_close::in_full(brief, sockets, (book, halved)),
            Ended::Unanswered(unanswered) if brief.declaration == self.again => {
                retransmissions::of_syn_in_full(brief, sockets[0], unanswered)
            }
            Ended::Unanswered(unanswered) => {
                let silent = scene.host(sockets[1].addr).is_silent();
                syn_unanswered::of_many_in_full(brief, sockets, (unanswered, &verdicts[0]), (silent, scene))
            }
        }
    }

    /// What detectors say of a lone SYN to `server`, of which `client` is what became of its sender.
    pub fn lone(&self, client: &Verdict, server: IpAddr, scene: &Scene) -> Option<Brief> {
        syn_unanswered::lone(self.unanswered, client, server, scene)
    }

    /// Where lines are drawn for many lone SYNs.
    pub fn lines(&self, scene: &Scene) -> Lines {
        Lines::within(self.unanswered, scene)
    }

    /// The same in full, of the lone SYN that `view` shows, to a host of which nothing was captured if it is `silent`.
    pub fn lone_in_full(&self, view: &View<'_>, silent: bool) -> Vec<Anomaly> {
        syn_unanswered::lone_in_full(self.unanswered, view, silent)
    }
}
