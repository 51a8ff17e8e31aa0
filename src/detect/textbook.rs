//! Textbook connections of which no detector has anything to say, and lone SYNs, of which only one has: the others need not
//! be asked.

use std::net::IpAddr;

use super::limits::Limits;
use super::syn_unanswered::Lines;
use super::{
    ALL, Brief, Scene, View, close_wait_stuck, handshake_slow, idle_without_keepalive, request_unanswered, slow_close,
    syn_unanswered, window_limited,
};
use crate::report::Anomaly;
use crate::time::Span;
use crate::timing::{Abridged, Measured};
use crate::tracker::{Textbook, Verdict};

/// Below what a textbook connection is unremarkable. All that detectors look for is absent from it, but for what they draw
/// a line for.
#[derive(Clone, Copy, Debug)]
pub struct Unremarkable {
    handshake: Span,
    pause: Span,
    wait: Span,
    close: Span,
    bytes: u64,
    /// The number of syn-unanswered.
    unanswered: u8,
}

impl Unremarkable {
    /// By the lines drawn in `limits`.
    pub fn within(limits: &Limits) -> Unremarkable {
        Unremarkable {
            handshake: limits.span(&handshake_slow::SLOW),
            pause: limits.span(&idle_without_keepalive::IDLE),
            wait: limits.span(&request_unanswered::AFTER).min(limits.span(&request_unanswered::LONG)),
            close: limits.span(&slow_close::AFTER).min(limits.span(&close_wait_stuck::AFTER)),
            bytes: u64::try_from(limits.get(&window_limited::BYTES)).unwrap_or(u64::MAX),
            unanswered: ALL.iter().position(|d| std::ptr::eq(*d, &syn_unanswered::DECLARATION)).unwrap_or(0) as u8,
        }
    }

    /// Whether no detector has anything to say of `book`, of which this was measured.
    pub fn covers(&self, book: &Textbook, measured: &Measured) -> bool {
        self.covers_unheld(book, || measured.waited(0, book.closer()))
            && measured.held(0).or(measured.held(1)).is_none()
    }

    /// The same of one that was `abridged`: nothing was held back.
    pub fn covers_abridged(&self, book: &Textbook, abridged: &Abridged) -> bool {
        self.covers_unheld(book, || abridged.client_waited(book.closer()))
    }

    #[inline(always)]
    fn covers_unheld(&self, book: &Textbook, client_waited: impl FnOnce() -> Option<Span>) -> bool {
        let [client, server] = book.bytes();
        let [first, second] = book.handshake();
        first.max(second) < self.handshake
            && book.longest_pause() < self.pause
            && client_waited().is_none_or(|waited| waited < self.wait)
            && book.close() < self.close
            && client.max(server) < self.bytes
            // Of one without payload no-data tells.
            && client.max(server) > 0
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
