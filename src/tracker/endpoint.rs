//! One end of a connection: what happened to it, and its stream as it sent it.

use smallvec::SmallVec;

use super::copies::Copies;
use super::late::Unseen;
use super::log::Log;
use super::rules::Event;
use super::sequence::{after, before, later};
use super::timers::{self, least_turnaround};
use super::trace::Trace;
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};

/// A window scale that no option gives (RFC 7323 §2.3 limits it to 14): the SYN had none.
pub(super) const NOT_OFFERED: u8 = u8::MAX;

/// The window scale that `syn` offers. Not known where its options were cut before one came.
pub(super) fn scale_of(syn: &Segment) -> Option<u8> {
    let offered = syn.options.window_scale;
    if offered.is_none() && syn.options.cut { None } else { Some(offered.unwrap_or(NOT_OFFERED)) }
}

/// How many ranges captured beyond a gap are kept for one direction.
const RANGES: usize = 8;

/// What the capture shows of one end.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// The events believed to have happened to it.
    pub log: Log,
    /// Segments it sent, every captured copy counted.
    pub packets: u64,
    /// Payload bytes it sent, every captured copy counted.
    pub bytes: u64,
    /// Segments it sent again, by sequence range.
    pub retransmitted: u32,
    /// How many of its FINs, SYNs and SYN,ACKs were captured (repetitions included, duplicates not).
    pub fins: u16,
    /// See `fins`.
    pub syns: u16,
    /// See `fins`.
    pub syn_acks: u16,
    /// Its initial sequence number, once a SYN of it was seen or implied.
    pub(super) isn: Option<u32>,
    /// Next sequence number: the end of all that it is known to have sent. Meaningless until `seen`.
    pub(super) next: u32,
    /// Whether `next` means something.
    pub(super) seen: bool,
    /// The highest acknowledgment of its stream by the peer.
    pub(super) acked: Option<u32>,
    /// The end of what was captured (or acknowledged) without a gap.
    pub(super) contiguous: u32,
    /// What is open about its stream; none as a rule. It stays, empty, once there was something: it may be back soon.
    pub(super) gaps: Option<Box<Gaps>>,
    /// The sequence number after its FIN.
    pub(super) fin: Option<u32>,
    /// The largest window it offered, scaled.
    pub(super) max_window: u32,
    /// Its window scale; 0 if not offered by both, `None` if its SYN was not seen.
    pub(super) scale: Option<u8>,
    /// Its window as last offered, scaled.
    pub(super) window: u32,
    /// Least time from a segment towards it at the tap to the segment that answers it, in microseconds.
    pub(super) turnaround: Option<u32>,
    /// Its last segment.
    pub(super) last: Option<Trace>,
    /// Its last FIN.
    pub(super) last_fin: Option<Trace>,
    /// Capture time of its last segment that lacked the acknowledgment of the peer's FIN.
    pub(super) without_peer_fin: When,
    /// Capture time of the last segment that filled or repeated a part of its stream, and its packet.
    pub(super) last_content: (When, u64),
    /// TTL or hop limit of its segments.
    pub(super) ttl: Option<u8>,
    /// Its first FIN acknowledged something for the first time.
    pub(super) fin_advances: bool,
    /// Timestamp of its last segment that did not acknowledge the peer's FIN: an echo of it proves nothing about that.
    pub(super) tsval_before_ack: Option<u32>,
    /// How often receipts of it were disproved.
    pub(super) disproved: u16,
    /// The low half of the packet number of the last segment that repeated a part of its stream, or filled a gap, or behind
    /// which something was acknowledged that was not captured.
    pub(super) irregular: u32,
    /// Repetitions and probes it sent since the peer was last heard.
    pub(super) unanswered: u16,
}

/// What is open about the stream of one end: kept apart, since most connections never have any of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Gaps {
    /// Captured ranges beyond a gap, unordered.
    pub beyond: SmallVec<[(u32, u32); 2]>,
    /// Up to here something may have been captured beyond a gap that is not kept.
    pub forgotten: Option<u32>,
    /// One sequence number was never captured and may be its FIN: the number after it, and who shows it when.
    pub unseen_fin: Option<UnseenFin>,
    /// The peer acknowledged up to here more than was captured, and nothing beyond it was captured since.
    pub unseen_end: Option<u32>,
    /// What was acknowledged lately and not captured.
    pub unseen: Vec<Unseen>,
    /// The end of an implausible segment, kept in case the next one continues it.
    pub astray: Option<(u32, u32)>,
    /// What its last challenge of a SYN acknowledged.
    pub challenge: Option<u32>,
    /// Its last segment, if that is a RST, and the TTL of that.
    pub reset: Option<(Trace, u8)>,
    /// Sequence number and TSval of its latest RST that has timestamps.
    pub stamped_reset: Option<(u32, u32)>,
    /// One of its RSTs, taken to be accepted, had the number of its FIN or one after that, if it had sent any.
    pub reset_at_fin: bool,
    /// Its first RST was without ACK, and had the TTL of its other segments.
    pub bare_reset: bool,
    /// What it sent lately, where it is captured more than once.
    pub copies: Copies,
}

/// A capture time or none, in eight bytes: no capture reaches back to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When(Time);

impl Default for When {
    fn default() -> When {
        When(Time(i64::MIN))
    }
}

impl From<Time> for When {
    fn from(time: Time) -> When {
        When(time)
    }
}

impl When {
    /// The time, if there is one.
    pub fn get(self) -> Option<Time> {
        (self != When::default()).then_some(self.0)
    }

    /// Takes `time` unless there is one.
    pub fn get_or_insert(&mut self, time: Time) {
        if *self == When::default() {
            self.0 = time;
        }
    }
}

/// A sequence number that was never captured and may be a FIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnseenFin {
    /// The sequence number after it.
    pub end: u32,
    /// When it was noticed.
    pub time: Time,
    /// The packet that shows it.
    pub packet: u64,
    /// When the peer's acknowledgment showed that it has received it, and in which packet.
    pub received: Option<(Time, u64)>,
    /// Its sender's own later segment shows it.
    pub own: bool,
    /// It may be no more than a keepalive: see [`Endpoint::rests_on_bare_segment`].
    pub(super) bare: bool,
}

impl Endpoint {
    /// Takes `seg`, sent by this end, into its stream.
    pub(super) fn advance(&mut self, seg: &Segment) {
        let end = seg.end();
        if !self.seen {
            self.seen = true;
            self.next = end;
            self.contiguous = end;
            return;
        }
        self.next = later(self.next, end);
        if seg.seq_len() == 0 {
            return;
        }
        if !after(seg.seq, self.contiguous) {
            self.contiguous = later(self.contiguous, end);
            self.close_gaps();
        } else {
            let gaps = self.gaps_mut();
            if let Some((_, edge)) = gaps.beyond.iter_mut().find(|(_, edge)| *edge == seg.seq) {
                *edge = end;
            } else if gaps.beyond.len() < RANGES {
                gaps.beyond.push((seg.seq, end));
            } else {
                gaps.forgotten = Some(gaps.forgotten.map_or(end, |highest| later(highest, end)));
            }
        }
    }

    /// The peer has acknowledged everything before `ack`: what was not captured of it was there all the same.
    #[inline(always)]
    pub(super) fn acknowledge(&mut self, ack: u32) {
        if !self.seen {
            self.seen = true;
            self.next = ack;
            self.contiguous = ack;
        }
        if self.acked.is_none_or(|a| after(ack, a)) {
            self.acked = Some(ack);
        }
        self.next = later(self.next, ack);
        if after(ack, self.contiguous) {
            self.irregular = self.last.map_or(0, |last| last.packet as u32);
            self.contiguous = ack;
            self.close_gaps();
        }
    }

    /// Joins ranges that are no longer beyond a gap.
    fn close_gaps(&mut self) {
        let Some(gaps) = &mut self.gaps else { return };
        while let Some(i) = gaps.beyond.iter().position(|(start, _)| !after(*start, self.contiguous)) {
            let (_, end) = gaps.beyond.swap_remove(i);
            self.contiguous = later(self.contiguous, end);
        }
        gaps.forgotten = gaps.forgotten.filter(|end| after(*end, self.contiguous));
    }

    /// What is open about its stream, to be noted in.
    pub(super) fn gaps_mut(&mut self) -> &mut Gaps {
        self.gaps.get_or_insert_default()
    }

    /// Whether nothing was captured beyond a gap.
    pub(super) fn is_gapless(&self) -> bool {
        self.gaps.as_ref().is_none_or(|g| g.beyond.is_empty())
    }

    /// Forgets what was captured beyond a gap.
    pub(super) fn clear_gaps(&mut self) {
        if let Some(gaps) = &mut self.gaps {
            gaps.beyond.clear();
            gaps.forgotten = None;
        }
    }

    /// Whether what it has to send has to wait, as `peer` has no room for it.
    pub(super) fn has_no_window(&self, peer: &Endpoint) -> bool {
        peer.packets > 0 && peer.window == 0 && self.bytes > 0
    }

    /// Whether none of its RSTs can have been accepted by one that had received its FIN (RFC 5961 §3.2).
    pub(super) fn is_reset_below_fin(&self) -> bool {
        self.fin.is_some() && self.gaps.as_ref().is_some_and(|g| !g.reset_at_fin)
    }

    /// Whether its first RST was without ACK, and its own by the TTL. An open socket never sends one: this end had closed, or
    /// is gone.
    pub(super) fn answers_without_socket(&self) -> bool {
        self.log.has(Event::SndRst) && self.gaps.as_ref().is_some_and(|g| g.bare_reset)
    }

    /// Whether `seg`, the last byte of its stream, is no probe: it is taken for a FIN that was not captured, or the peer, whose
    /// `window` is open, has not acknowledged it. A keepalive repeats a byte that the peer has, a window probe waits for the window.
    pub(super) fn sends_byte_again(&self, seg: &Segment, window: u32) -> bool {
        let unacked = self.isn.is_some() && self.acked == Some(seg.seq) && window > 0;
        unacked || self.unseen_fin().is_some_and(|u| u.end == self.next)
    }

    /// The sequence number that may be its FIN and was never captured.
    pub(super) fn unseen_fin(&self) -> Option<UnseenFin> {
        self.gaps.as_ref().and_then(|g| g.unseen_fin)
    }

    /// Whether nothing is open about its stream (any more).
    #[inline]
    pub(super) fn is_tidy(&self) -> bool {
        self.gaps.as_ref().is_none_or(|g| **g == Gaps::default())
    }

    /// Notes the window `seg` offers.
    #[inline(always)]
    pub(super) fn offer(&mut self, seg: &Segment) {
        self.offer_window(seg.window, seg.has(Flags::SYN));
    }

    /// Notes that it offers `window`, as sent, which a `syn` does unscaled.
    #[inline(always)]
    pub(super) fn offer_window(&mut self, window: u16, syn: bool) {
        let window = u32::from(window);
        let (window, most) = match self.scale {
            _ if syn => (window, window),
            Some(NOT_OFFERED) => (window, window),
            Some(scale) => (window << scale.min(14), window << scale.min(14)),
            // Without its SYN the scale is unknown, and the window may be anything up to 1 GiB.
            None => (window, window << 14),
        };
        self.window = window;
        self.max_window = self.max_window.max(most);
    }

    /// Whether its first SYN offered to scale its window. Once the peer has answered: whether both did.
    pub(crate) fn offered_scale(&self) -> bool {
        self.scale.is_some_and(|s| s != NOT_OFFERED)
    }

    /// The largest window it offered, scaled.
    pub(crate) fn largest_window(&self) -> u32 {
        self.max_window
    }

    /// Whether all of its stream before `seq` was captured or acknowledged.
    pub(super) fn complete_to(&self, seq: u32) -> bool {
        self.seen && !before(self.contiguous, seq)
    }

    /// Capture time of its last segment.
    pub(super) fn last_sent(&self) -> Option<Time> {
        self.last.as_ref().map(|last| last.time)
    }

    /// A sample of the time between the tap and this end and back.
    #[inline]
    pub(super) fn note_turnaround(&mut self, span: Span) {
        self.turnaround = least_turnaround(self.turnaround, span);
    }

    /// The most recent capture time at which something sent towards this end could *not* yet have shaped what it sends
    /// at `now`: anything earlier must have arrived, if it arrived at all.
    pub(super) fn horizon(&self, now: Time) -> Time {
        timers::horizon(self.turnaround, now)
    }
}
