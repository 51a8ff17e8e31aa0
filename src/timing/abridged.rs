//! What is measured of a textbook connection as it is read in one go: what [`Measured`](super::Measured) comes to for it.

use super::flight::{Flight, MOST};
use super::held;
use super::missed::PROMPT;
use super::pause::{Ender, GAP, Gap, Seen};
use crate::time::{Span, Time};
use crate::tracker::abridged::{Line, Measure};

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
    /// What was spent before the close: on the network, by each end, and by none.
    pub(super) network: Span,
    pub(super) own: [Span; 2],
    pub(super) nobody: Span,
    /// Times without payload of [`GAP`] and more.
    pub(super) gaps: Seen,
    /// The FINs.
    pub(super) fins: [Time; 2],
    /// What is accounted for.
    mark: Time,
    /// When each end last acknowledged more, or when what waits for that began to be sent.
    progress: [Time; 2],
    /// When all that each end had sent was acknowledged.
    settled: [Option<Time>; 2],
    flights: [Flight; 2],
    /// The last to send payload, and when; before any payload the client.
    talker: usize,
    spoke: Option<Time>,
    /// When the other sent its last payload before that which is answered, and the answer is not over.
    asked: Option<Time>,
    /// The last payload or FIN, or the end of the handshake.
    content: Time,
    closing: bool,
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
        self.after_data(closer & 1).filter(|_| self.talker == 0)
    }

    /// If the client sent the last payload, how long before `time`.
    pub fn client_waited_until(&self, time: Time) -> Option<Span> {
        self.spoke.filter(|_| self.talker == 0).map(|spoke| since(spoke, time))
    }

    /// From the last payload, if there was any, to the FIN of end `x`: there is none after the first FIN.
    pub(super) fn after_data(&self, x: usize) -> Option<Span> {
        self.spoke.map(|spoke| since(spoke, self.fins[x]))
    }

    /// The last of the responses, which the close ends.
    pub(super) fn last_response(&self) -> Option<Span> {
        let asked = self.asked.filter(|_| self.talker == 1)?;
        Some(since(asked, self.spoke?))
    }

    /// That is one as the others.
    pub(super) fn end_response(&mut self) {
        let last = self.last_response();
        self.asked = None;
        last.into_iter().for_each(|last| self.responses.push(last));
    }

    /// What end `x` sends acknowledges more than before; false if it took long.
    #[inline(always)]
    fn acknowledges(&mut self, line: &Line) -> bool {
        let (x, y) = (line.sender & 1, 1 - (line.sender & 1));
        let flight = &mut self.flights[y];
        let sent = if line.all { Some(line.asked) } else { flight.acknowledged(line.ack) };
        self.progress[x] = line.time;
        if line.all {
            flight.clear();
            self.settled[y] = Some(line.time);
        }
        let Some(sent) = sent else { return true };
        let span = since(sent, line.time);
        self.trips[x].push(span);
        self.least[x] = self.least[x].min(span);
        // Whether it had been acknowledged before is not asked of these.
        span <= PROMPT
    }

    /// What the time up to the next payload or the first FIN was spent on; false if that is not told so easily.
    #[inline(always)]
    fn spends(&mut self, line: &Line) -> bool {
        let (x, y, now) = (line.sender & 1, 1 - (line.sender & 1), line.time);
        let span = since(self.mark, now);
        let owes = self.spoke.is_some() && self.talker != x && x == 1;
        let network = if self.talker != x {
            self.least[x].min(span)
        } else if line.flying {
            if since(self.progress[y], now) > PROMPT {
                return false;
            }
            span
        } else {
            self.settled[x]
                .map_or(Span(0), |settled| Span((sum(since(self.mark, settled), self.least[x])).0.clamp(0, span.0)))
        };
        self.mark = now;
        self.network = sum(self.network, network);
        let own = since(Time(network.0), Time(span.0));
        if own < GAP || owes {
            self.own[x] = sum(self.own[x], own);
            return true;
        }
        self.nobody = sum(self.nobody, own);
        // A client that closes then may have given up.
        !line.fin || line.len > 0 || x == 1 || self.spoke.is_none() || self.talker == 1
    }

    /// End `x` sends payload; false if it may have been held back.
    #[inline(always)]
    fn speaks(&mut self, line: &Line) -> bool {
        let (x, now) = (line.sender & 1, line.time);
        let mut plain = true;
        if let Some(spoke) = self.spoke
            && self.talker == x
        {
            if let Some(settled) = self.settled[x] {
                plain = line.len >= held::SMALL
                    || !held::is_held_back(now, settled, spoke, [self.least[1 - x], self.least[x]]);
            }
        } else {
            self.turns(x, now);
        }
        (self.talker, self.spoke) = (x, Some(now));
        plain
    }

    /// End `x` speaks, and it was not the last that did.
    #[inline(always)]
    fn turns(&mut self, x: usize, now: Time) {
        self.first[x].get_or_insert(now);
        if let Some(spoke) = self.spoke {
            if let Some(asked) = self.asked
                && x == 0
            {
                self.responses.push(since(asked, spoke));
            }
            self.answers[x].push(since(spoke, now));
            self.asked = Some(spoke);
        }
    }

    /// Nothing was sent for long up to `now`, when end `x` sends what ends that.
    #[cold]
    fn pauses(&mut self, x: usize, now: Time, ender: Ender) {
        let (start, length) = (self.content, since(self.content, now));
        self.gaps.add(Gap { start, length, probes: 0, ended: (ender, x) });
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
            self.flights[x].clear();
        }
        self.responses.count = 0;
        self.gaps.clear();
        (self.network, self.own, self.nobody, self.first) = Default::default();
        (self.settled, self.talker, self.spoke, self.asked, self.closing) = Default::default();
        (self.mark, self.content, self.progress) = (ack, ack, [ack; 2]);
    }

    #[inline(always)]
    fn line(&mut self, line: &Line) -> bool {
        let (x, y, now) = (line.sender & 1, 1 - (line.sender & 1), line.time);
        if line.advances && !self.acknowledges(line) {
            return false;
        }
        if line.len == 0 && !line.fin {
            return true;
        }
        if !self.closing && !self.spends(line) {
            return false;
        }
        if !line.flying {
            self.progress[y] = now;
        }
        self.flights[x].push(line.end, now);
        let plain = line.len == 0 || self.speaks(line);
        self.settled[x] = None;
        if since(self.content, now) >= GAP {
            self.pauses(x, now, if line.len > 0 { Ender::Data } else { Ender::Fin });
        }
        self.content = now;
        if line.fin {
            (self.fins[x], self.closing) = (now, true);
        }
        plain
    }

    #[inline(always)]
    fn reset(&mut self, line: &Line) -> bool {
        let told = self.closing || self.spends(line);
        if since(self.content, line.time) >= GAP {
            self.pauses(line.sender & 1, line.time, Ender::Rst);
        }
        told
    }
}
