//! What is measured of a textbook connection as it is read in one go: what [`Measured`](super::Measured) comes to for it.

use super::flight::MOST;
use super::held;
use super::missed::PROMPT;
use super::pause::{Ender, GAP, Gap, Seen};
use crate::time::{Span, Time};
use crate::tracker::abridged::{Acked, Content, Measure};
use crate::tracker::sequence::after;

/// Samples of a kind: no more than segments.
#[derive(Debug)]
pub(super) struct Spans {
    count: usize,
    spans: [i64; MOST],
}

impl Default for Spans {
    fn default() -> Spans {
        Spans { count: 0, spans: [0; MOST] }
    }
}

impl Spans {
    /// The first of another connection.
    #[inline(always)]
    fn begin(&mut self, span: Span) {
        (self.count, self.spans[0]) = (1, span.0);
    }

    #[inline(always)]
    fn push(&mut self, span: Span) {
        self.spans[self.count % MOST] = span.0;
        self.count += 1;
    }

    /// All of them.
    #[inline]
    pub fn all(&self) -> impl Iterator<Item = Span> + Clone {
        self.spans[..self.count.min(MOST)].iter().map(|span| Span(*span))
    }

    /// The same, to be put in order.
    #[inline]
    pub fn all_mut(&mut self) -> &mut [i64] {
        &mut self.spans[..self.count.min(MOST)]
    }
}

/// What was sent, payload or FIN, of both ends, in the order in which it came.
#[derive(Debug)]
struct Log {
    count: usize,
    /// Which end sent it, where it ends in the stream, and when it was captured.
    sent: [(u32, u32, Time); MOST],
}

impl Default for Log {
    fn default() -> Log {
        Log { count: 0, sent: [(0, 0, Time(0)); MOST] }
    }
}

impl Log {
    #[inline(always)]
    fn push(&mut self, content: &Content) {
        self.sent[self.count % MOST] = (content.sender as u32, content.end, content.time);
        self.count += 1;
    }

    /// When end `x` sent what ends just before `ack`, if anything does. No tape has more segments than there is room for.
    fn ending(&self, x: usize, ack: u32) -> Option<Time> {
        let mut own = self.sent[..self.count.min(MOST)].iter().rev().filter(|(sender, ..)| *sender == x as u32);
        let &(_, end, time) = own.find(|(_, end, _)| !after(*end, ack))?;
        (end == ack).then_some(time)
    }
}

/// What was measured of one connection; made once, and used for one after the other.
///
/// Its client is end 0. Times do not go back and are in bounds, so that what is reckoned with them is exact.
#[derive(Debug, Default)]
pub struct Abridged {
    /// From SYN to SYN,ACK, and from that to ACK.
    pub(super) legs: [Span; 2],
    /// Round trips towards each end, and the least.
    pub(super) trips: [Spans; 2],
    pub(super) least: [Span; 2],
    /// How long each end took to answer.
    pub(super) answers: [Spans; 2],
    /// From the last byte that the client asked to the last of the server's answer, but for the last of these.
    pub(super) responses: Spans,
    /// The first payload of each end.
    pub(super) first: [Option<Time>; 2],
    /// What was spent before the close: on the network, once that is known, by each end, and by none.
    pub(super) network: Span,
    pub(super) own: [Span; 2],
    pub(super) nobody: Span,
    /// Times without payload of [`GAP`] and more.
    pub(super) gaps: Seen,
    /// The FINs.
    pub(super) fins: [Time; 2],
    /// When the handshake ended.
    opened: Time,
    /// When each end began to send what is not acknowledged yet; where all is, when it was.
    turned: [Time; 2],
    sent: Log,
    /// The last to send payload; before any payload the client.
    talker: usize,
    /// Whether there was any.
    spoke: bool,
    /// When the other sent its last payload before that which is answered, and the answer is not over.
    asked: Option<Time>,
    /// The last payload or FIN, or the end of the handshake.
    content: Time,
    /// The last payload before the close, if there was any.
    data: Time,
    closing: bool,
    /// Where the other end went on behind the first FIN: whose that was, and the last payload before it.
    halved: Option<(usize, Option<Time>)>,
}

/// From one time to another that is not before it.
#[inline(always)]
fn since(earlier: Time, later: Time) -> Span {
    Span(later.0.wrapping_sub(earlier.0))
}

#[inline(always)]
fn sum(a: Span, b: Span) -> Span {
    Span(a.0.wrapping_add(b.0))
}

impl Abridged {
    /// If the client sent the last payload, how long after that end `closer` closed, which did so first.
    pub fn client_waited(&self, closer: usize) -> Option<Span> {
        self.client_waited_until(self.fins[closer & 1])
    }

    /// If the client sent the last payload, how long before `time`.
    pub fn client_waited_until(&self, time: Time) -> Option<Span> {
        self.data().filter(|_| self.talker == 0).map(|data| since(data, time))
    }

    /// When the last payload was sent.
    #[inline]
    fn data(&self) -> Option<Time> {
        self.spoke.then_some(self.data)
    }

    /// From the last payload before it, if there was any, to the FIN of end `x`.
    pub(super) fn after_data(&self, x: usize) -> Option<Span> {
        let data = match self.halved {
            Some((closer, before)) if closer == x => before,
            _ => self.data(),
        };
        data.map(|data| since(data, self.fins[x]))
    }

    /// How much of the time up to `last`, that of the last segment, only the close took, which took so long.
    pub(super) fn only_closing(&self, close: Span, last: Time) -> Span {
        if self.halved.is_some() { since(self.data, last) } else { close }
    }

    /// The last of the responses, which the close ends.
    pub(super) fn last_response(&self) -> Option<Span> {
        let asked = self.asked.filter(|_| self.talker == 1)?;
        Some(since(asked, self.data()?))
    }

    /// That is one as the others.
    pub(super) fn end_response(&mut self) {
        let last = self.last_response();
        self.asked = None;
        last.into_iter().for_each(|last| self.responses.push(last));
    }

    /// How much of `span`, the time up to `now` since the last payload or the handshake, end `x` spent before it went on; `None` if
    /// that is not told so easily.
    #[inline(always)]
    fn own(&self, x: usize, now: Time, span: Span, flying: bool) -> Option<Span> {
        if self.talker != x {
            return Some(Span(span.0.wrapping_sub(self.least[x].0).max(0)));
        }
        if flying {
            // That was spent on the network, unless acknowledgments are missing.
            return (since(self.turned[x], now) <= PROMPT).then_some(Span(0));
        }
        if !self.spoke {
            return Some(span);
        }
        let network = sum(since(self.content, self.turned[x]), self.least[x]);
        Some(Span(span.0.wrapping_sub(network.0.clamp(0, span.0))))
    }

    /// End `x` spent so much, unless that was so long that nobody did.
    #[inline(always)]
    fn spends(&mut self, x: usize, own: Span) {
        let owes = self.spoke && self.talker != x && x == 1;
        let by = if own < GAP || owes { &mut self.own[x] } else { &mut self.nobody };
        *by = sum(*by, own);
    }

    /// End `x` has payload, the first behind that of the other end or of all; nothing was sent for `span`.
    #[inline(always)]
    fn turns(&mut self, x: usize, now: Time, span: Span) {
        self.first[x].get_or_insert(now);
        if self.spoke {
            let data = self.content;
            if let Some(asked) = self.asked
                && x == 0
            {
                self.responses.push(since(asked, data));
            }
            self.answers[x].push(span);
            self.asked = Some(data);
        }
        (self.talker, self.spoke) = (x, true);
    }

    /// What is sent was not held back, by an end that sent the `last` payload.
    #[inline(always)]
    fn is_prompt(&self, content: &Content, last: Time) -> bool {
        let (x, now) = (content.sender & 1, content.time);
        content.flying
            || content.len >= held::SMALL
            || !held::is_held_back(now, self.turned[x], last, [self.least[1 - x], self.least[x]])
    }

    /// Payload or FIN was sent, `span` after the last.
    #[inline(always)]
    fn goes_on(&mut self, content: &Content, span: Span, ender: Ender) {
        if !content.flying {
            self.turned[content.sender & 1] = content.time;
        }
        self.sent.push(content);
        if span >= GAP {
            self.pauses(content.sender & 1, content.time, ender);
        }
        self.content = content.time;
    }

    /// Nothing was sent for long up to `now`, when end `x` sends what ends that.
    #[cold]
    fn pauses(&mut self, x: usize, now: Time, ender: Ender) {
        let (start, length) = (self.content, since(self.content, now));
        self.gaps.add(Gap { start, length, probes: 0, ended: (ender, x) });
    }

    /// The rest up to `now` was spent on the network.
    #[inline(always)]
    fn spent_on_network(&mut self, now: Time) {
        let spent = sum(sum(self.own[0], self.own[1]), self.nobody);
        self.network = Span(since(self.opened, now).0.wrapping_sub(spent.0));
    }

    /// What was spent up to the first FIN, or to a RST; false if that is not told so easily.
    fn ends(&mut self, x: usize, now: Time, (payload, flying): (bool, bool)) -> bool {
        let Some(own) = self.own(x, now, since(self.content, now), flying) else { return false };
        self.spends(x, own);
        self.spent_on_network(now);
        self.data = self.content;
        // A client that closes then may have given up.
        own < GAP || payload || x == 1 || !self.spoke || self.talker == 1
    }
}

impl Measure for Abridged {
    #[inline(always)]
    fn open(&mut self, [syn, syn_ack, ack]: [Time; 3]) {
        self.legs = [since(syn, syn_ack), since(syn_ack, ack)];
        self.least = [self.legs[1], self.legs[0]];
        for x in [0, 1] {
            self.trips[x].begin(self.least[x]);
            self.answers[x].count = 0;
        }
        (self.responses.count, self.sent.count) = (0, 0);
        self.gaps.clear();
        (self.own, self.nobody, self.first) = Default::default();
        (self.talker, self.spoke, self.asked, self.closing) = Default::default();
        self.halved = None;
        (self.opened, self.content) = (ack, ack);
    }

    #[inline(always)]
    fn acknowledges(&mut self, x: usize, time: Time, acked: Acked) -> bool {
        let sent = match acked {
            Acked::All(sent) => {
                self.turned[1 - x] = time;
                sent
            }
            Acked::UpTo(ack) => match self.sent.ending(1 - x, ack) {
                Some(sent) => sent,
                None => return true,
            },
        };
        let span = since(sent, time);
        self.trips[x].push(span);
        self.least[x] = self.least[x].min(span);
        // Whether it had been acknowledged before is not asked of these.
        span <= PROMPT
    }

    #[inline(always)]
    fn speaks(&mut self, content: &Content) -> bool {
        let (x, now) = (content.sender & 1, content.time);
        let span = since(self.content, now);
        let Some(own) = self.own(x, now, span, content.flying) else { return false };
        self.spends(x, own);
        if !self.spoke || self.talker != x {
            self.turns(x, now, span);
        } else if !self.is_prompt(content, self.content) {
            return false;
        }
        self.goes_on(content, span, Ender::Data);
        true
    }

    #[inline(never)]
    fn closes(&mut self, content: &Content) -> bool {
        let (x, now, payload) = (content.sender & 1, content.time, content.len > 0);
        let span = since(self.content, now);
        let mut plain = self.closing || self.ends(x, now, (payload, content.flying));
        if payload {
            if !self.spoke || self.talker != x {
                self.turns(x, now, span);
            } else {
                plain &= self.is_prompt(content, self.content);
            }
            self.data = now;
        }
        self.goes_on(content, span, if payload { Ender::Data } else { Ender::Fin });
        (self.fins[x], self.closing) = (now, true);
        plain
    }

    #[inline(never)]
    fn goes_on_behind(&mut self, content: &Content) -> bool {
        let (x, now) = (content.sender & 1, content.time);
        let span = since(self.content, now);
        let Some(own) = self.own(x, now, span, content.flying) else { return false };
        self.spends(x, own);
        if self.halved.is_none() {
            // With the FIN it was over.
            self.end_response();
            self.halved = Some((1 - x, self.data()));
        }
        let mut prompt = true;
        if self.spoke && self.talker == x {
            prompt = self.is_prompt(content, self.data);
        } else {
            self.first[x].get_or_insert(now);
            if self.spoke {
                self.answers[x].push(since(self.data, now));
                self.asked = Some(self.data);
            }
            (self.talker, self.spoke) = (x, true);
        }
        self.goes_on(content, span, Ender::Data);
        self.data = now;
        self.spent_on_network(now);
        prompt
    }

    fn reset(&mut self, x: usize, time: Time, flying: bool) -> bool {
        let told = self.closing || self.ends(x, time, (true, flying));
        if since(self.content, time) >= GAP {
            self.pauses(x, time, Ender::Rst);
        }
        told
    }
}
