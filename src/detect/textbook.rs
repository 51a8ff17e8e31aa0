//! Textbook connections of which no detector has anything to say, and lone SYNs, of which only one has: the others need not
//! be asked.

use std::net::IpAddr;

use super::limits::Limits;
use super::syn_unanswered::Lines;
use super::{
    ALL, Brief, Cause, Scene, View, cause, close_wait_stuck, half_open_dead_peer, handshake_slow, idle_death,
    idle_without_keepalive, request_unanswered, rst_abort, slow_close, syn_refused, syn_unanswered, window_limited,
};
use crate::report::{Anomaly, Side};
use crate::segment::Socket;
use crate::time::Span;
use crate::timing::{Abridged, Measured};
use crate::tracker::{Met, Rst, Textbook, Verdict};

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
    /// The numbers of syn-unanswered, syn-refused and rst-abort.
    unanswered: u8,
    refused: u8,
    reset: u8,
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
            unanswered: number(&syn_unanswered::DECLARATION),
            refused: number(&syn_refused::DECLARATION),
            reset: number(&rst_abort::DECLARATION),
        }
    }

    /// Whether no detector has anything to say of `book`, of which this was measured.
    pub fn covers(&self, book: &Textbook, measured: &Measured) -> bool {
        self.covers_unheld(book, || measured.waited(0, book.closer()), book.close())
            && measured.held(0).or(measured.held(1)).is_none()
    }

    /// The same of one that was `abridged`: nothing was held back.
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

    /// What the one detector says that has something to say of `book`, a connection that went by the book until `rst` ended it, of
    /// which this was measured; `None` where others may.
    pub fn broken(&self, book: &Textbook, rst: &Rst, abridged: &Abridged) -> Option<Brief> {
        let [_, close] = book.lasted_to(rst);
        let (declaration, cause) = match rst.met {
            Met::Syn => (self.refused, Cause::Refused),
            Met::Open | Met::Fin => (self.reset, cause::by_the_book(book, rst)),
        };
        let plain = rst.met == Met::Syn
            || self.covers_unheld(book, || abridged.client_waited_until(book.closed_by(rst)), close)
                && book.longest_pause() < self.idle
                && self.repeats;
        let endpoint = Some(if rst.sender == 0 { Side::Client } else { Side::Server });
        let (time, packet) = rst.packet;
        let severity = ALL[usize::from(declaration)].severity;
        let cause = Some(cause.name());
        plain.then_some(Brief { time, packet, length: 0, number: 0, cause, declaration, severity, endpoint })
    }

    /// The same in full, of a connection between these sockets.
    pub fn broken_in_full(&self, brief: &Brief, sockets: &[Socket; 2], (book, rst): (&Textbook, &Rst)) -> Anomaly {
        match rst.met {
            Met::Syn => syn_refused::by_the_book(brief, sockets, book.lasted_to(rst)[0]),
            Met::Open | Met::Fin => rst_abort::by_the_book(brief, sockets, (book, rst)),
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
