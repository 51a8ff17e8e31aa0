//! One end of a connection: its stream as captured, and what it said into silence.

use super::Cold;
use super::rare::is_of_another;
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};
use crate::tracker::sequence::{after, before, later, left_before, within};
use crate::tracker::{Class, Connection, Taken};

/// No time yet.
const NEVER: Time = Time(i64::MIN);
/// The least retransmission timeout of common stacks (Linux `TCP_RTO_MIN`).
pub(super) const LEAST_TIMEOUT: Span = Span::millis(200);
/// In place of a number of duplicate ACKs: the last segment acknowledged something new.
const NEWS: u8 = u8::MAX;

/// What was noted of one end.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The end of its stream as captured; meaningless until `started`.
    edge: u32,
    /// The latest TSval it sent; meaningless until `stamped`.
    pub(super) last_stamp: u32,
    /// Sequence numbers it sent that its peer has received, and the capture never showed.
    pub missing: u32,
    /// Largest payload it sent, as far as that fits.
    pub(super) largest: u16,
    /// Largest payload of what was acknowledged, as far as it is known: never more than there was.
    pub passed: u16,
    last_sent: Time,
    last_data: Time,
    /// The latest IP identification it sent.
    pub(super) last_ip_id: u16,
    mss: u16,
    /// ACKs it sent that repeat the one before and carry nothing, or [`NEWS`].
    duplicate_acks: u8,
    pub(super) started: bool,
    pub(super) stamped: bool,
    /// What the connection's [`Unanswered`] holds was sent by this end.
    pub(super) waits: bool,
}

/// What an end sent since its peer was last heard.
#[derive(Clone, Copy, Debug)]
pub struct Unanswered {
    first: Time,
    /// Packet number of the first; 0 if there is none.
    packet: u64,
    /// How long nothing had passed either way before the first, in milliseconds.
    idle: u32,
    /// Segments with payload or FIN.
    pub content: u8,
    /// Of those, how many are payload.
    pub data: u8,
    /// How often the lowest number that is not acknowledged was sent again.
    pub repeats: u8,
    /// Keepalive or window probes.
    pub probes: u8,
}

impl Default for Unanswered {
    fn default() -> Unanswered {
        Unanswered::NONE
    }
}

impl Unanswered {
    /// Nothing.
    pub(super) const NONE: Unanswered =
        Unanswered { first: NEVER, packet: 0, idle: 0, content: 0, data: 0, repeats: 0, probes: 0 };

    /// Takes note of `seg`, sent after nothing had passed for `idle`.
    #[inline(always)]
    fn note(&mut self, seg: &Segment, probe: bool, idle: Span) {
        if self.packet == 0 {
            self.first = seg.time;
            self.packet = seg.packet;
            self.idle = u32::try_from(idle.0 / 1_000_000).unwrap_or(0);
        }
        if probe {
            self.probes = self.probes.saturating_add(1);
        } else {
            self.content = self.content.saturating_add(1);
            self.data = self.data.saturating_add(u8::from(seg.len > 0));
        }
    }

    /// The first of them: time, packet.
    #[inline]
    pub fn first(&self) -> Option<(Time, u64)> {
        (self.packet != 0).then_some((self.first, self.packet))
    }

    /// How long nothing had passed either way before the first.
    pub fn idle(&self) -> Span {
        Span::millis(self.idle.into())
    }
}

impl Default for End {
    fn default() -> End {
        End {
            edge: 0,
            last_stamp: 0,
            missing: 0,
            largest: 0,
            passed: 0,
            last_sent: NEVER,
            last_data: NEVER,
            last_ip_id: 0,
            mss: 0,
            duplicate_acks: 0,
            started: false,
            stamped: false,
            waits: false,
        }
    }
}

/// What a segment was for the stream of its sender.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noted {
    /// It repeats something.
    pub repeats: bool,
    /// Payload bytes that had not been sent before.
    pub unique: u32,
    /// Time since its sender's segment before.
    pub pause: Span,
    /// It fills a gap that the capture, or the network, had left.
    pub fills_gap: bool,
    /// It leaves one: from here to where it begins.
    pub skips_from: Option<u32>,
    /// It does, and its sender had sent it before what was captured ahead of it.
    pub late: bool,
}

impl End {
    /// Largest payload it sent.
    #[inline]
    pub fn largest(&self) -> u32 {
        self.largest.into()
    }

    /// Capture time of its last segment (RSTs aside).
    pub fn last_sent(&self) -> Option<Time> {
        (self.last_sent != NEVER).then_some(self.last_sent)
    }

    /// Capture time of its last new payload.
    pub fn last_data(&self) -> Option<Time> {
        (self.last_data != NEVER).then_some(self.last_data)
    }

    /// The MSS its SYN announced.
    #[inline]
    pub fn mss(&self) -> Option<u16> {
        (self.mss != 0).then_some(self.mss)
    }

    /// Whether `seg` left its sender after those that were captured before, by the IP identification.
    #[inline]
    fn is_counted_later(&self, seg: &Segment) -> bool {
        seg.ip_id != 0 && self.last_ip_id != 0 && (seg.ip_id.wrapping_sub(self.last_ip_id) as i16) > 0
    }

    /// Whether `seg` left its sender before one that was captured before.
    fn is_late(&self, seg: &Segment) -> bool {
        left_before(seg, self.stamped.then_some(self.last_stamp), self.last_ip_id)
    }

    /// Notes the sender's clock and counter. Whether `seg` would be later than what was captured before.
    #[inline(always)]
    pub(super) fn note_order(&mut self, seg: &Segment) -> bool {
        // The usual case: a newer timestamp than before.
        if let Some(now) = seg.options.timestamps
            && self.stamped
            && now.value != self.last_stamp
        {
            let resent = after(now.value, self.last_stamp);
            if resent {
                self.last_stamp = now.value;
            }
            if resent || self.last_ip_id == 0 {
                self.last_ip_id = seg.ip_id;
            }
            return resent;
        }
        let resent = self.is_counted_later(seg);
        if resent || self.last_ip_id == 0 {
            self.last_ip_id = seg.ip_id;
        }
        if let Some(now) = seg.options.timestamps
            && !self.stamped
        {
            self.stamped = true;
            self.last_stamp = now.value;
            self.last_ip_id = seg.ip_id;
        }
        resent
    }

    /// This end sent `seg`; what it is is noted besides.
    #[inline(always)]
    pub(super) fn note_sent(&mut self, seg: &Segment) {
        self.last_sent = seg.time;
        self.note_order(seg);
    }

    /// Its stream begins with `syn`, alone or with the first acknowledgment of the other's.
    pub(super) fn begin(&mut self, syn: &Segment) {
        self.note_sent(syn);
        (self.mss, self.edge, self.started) = (syn.options.mss.unwrap_or(0), syn.end(), true);
        self.duplicate_acks = NEWS;
    }

    /// It is no more than an acknowledgment.
    #[inline(always)]
    pub(super) fn note_ack(&mut self, advances: bool) {
        self.duplicate_acks = match self.duplicate_acks {
            _ if advances => NEWS,
            NEWS => 1,
            n => n + u8::from(n < NEWS - 1),
        };
    }

    /// ACKs it sent that repeat the one before and carry nothing.
    pub(super) fn duplicate_acks(&self) -> u8 {
        if self.duplicate_acks == NEWS { 0 } else { self.duplicate_acks }
    }

    /// Whether its last segment acknowledged something new so shortly before `now` that no timer of its peer can have
    /// run out since: that acknowledgment started it anew (RFC 6298 §5.3). With another segment since it is not known.
    pub(super) fn restarted_timer(&self, now: Time) -> bool {
        self.duplicate_acks == NEWS && now - self.last_sent < LEAST_TIMEOUT
    }

    /// Whether `seg` begins where its stream, as captured, ends.
    #[inline]
    pub(super) fn continues(&self, seg: &Segment) -> bool {
        self.started && seg.seq == self.edge
    }

    /// It is `seg`, payload that continues the stream.
    #[inline(always)]
    pub(super) fn note_next(&mut self, seg: &Segment, advances: bool, waiting: &mut Unanswered, idle: Span) {
        self.duplicate_acks = if advances { NEWS } else { 0 };
        self.waits = true;
        waiting.note(seg, false, idle);
        self.edge = seg.end();
        if seg.len > 0 {
            self.last_data = seg.time;
            self.largest = self.largest.max(seg.len.min(u16::MAX.into()) as u16);
        }
    }

    /// Takes `seg`, sent by this end (`x` of `c`), into its stream; `waiting` is what it sent unanswered.
    pub(super) fn note_stream(
        &mut self,
        seg: &Segment,
        taken: &Taken,
        c: &Connection,
        waiting: &mut Unanswered,
        idle: Span,
    ) -> Noted {
        let pause = if self.last_sent == NEVER { Span(0) } else { seg.time - self.last_sent };
        self.last_sent = if is_of_another(seg, taken, c) { self.last_sent } else { seg.time };
        let late = taken.class == Class::GapFill && self.is_late(seg);
        let resent = self.note_order(seg);
        self.duplicate_acks = if taken.advances { NEWS } else { 0 };
        let (probe, acked) = (taken.class == Class::Probe, taken.class == Class::Late);
        if seg.has(Flags::SYN) {
            self.mss = seg.options.mss.unwrap_or(self.mss);
        } else if !acked {
            self.waits = true;
            waiting.note(seg, probe, idle);
        }
        if probe {
            return Noted::default();
        }
        let overlap = self.started && before(seg.seq, self.edge);
        let mut noted = Noted { pause, unique: seg.len, ..Noted::default() };
        match taken.class {
            Class::GapFill => {
                noted.fills_gap = true;
                noted.repeats = resent;
                noted.late = late;
                // A gap that only a segment without data had shown lies beyond the edge, and was never noted.
                if self.started && after(seg.end(), self.edge) {
                    noted.skips_from = self.is_skipped_by(seg).then_some(self.edge);
                    self.edge = seg.end();
                }
            }
            Class::Opening if !overlap || seg.has(Flags::ACK) => {
                self.edge = seg.end();
                self.started = true;
            }
            Class::New => {
                noted.skips_from = self.is_skipped_by(seg).then_some(self.edge);
                if overlap {
                    // More than was sent before, beginning with a part of it.
                    noted.unique = seg.end().wrapping_sub(self.edge).min(seg.len);
                    noted.repeats = seg.len > 0;
                }
                self.edge = if self.started { later(self.edge, seg.end()) } else { seg.end() };
                self.started = true;
            }
            Class::Retransmission => noted.repeats = true,
            Class::Late => self.missing = self.missing.saturating_sub(seg.seq_len()),
            Class::OpeningAgain => {
                noted.repeats = c.ends[taken.sender].isn() == Some(seg.seq);
                if noted.repeats && self.is_another_syn_ack(seg, taken, c) {
                    self.edge = seg.end();
                }
            }
            _ => {}
        }
        if taken.class == Class::Retransmission || taken.class == Class::OpeningAgain {
            noted.unique = 0;
        } else if seg.len > 0 {
            self.last_data = seg.time;
            self.largest = self.largest.max(seg.len.min(u16::MAX.into()) as u16);
        }
        // The lowest number that is not acknowledged is sent again and again, others now and then.
        let lowest = c.ends[taken.sender].acked().is_none_or(|acked| !after(seg.seq, acked));
        if noted.repeats && lowest && !seg.has(Flags::SYN) {
            waiting.repeats = waiting.repeats.saturating_add(1);
        }
        noted
    }

    /// Whether `seg` leaves out what lies behind the edge.
    fn is_skipped_by(&self, seg: &Segment) -> bool {
        self.started && (1..1 << 30).contains(&seg.seq.wrapping_sub(self.edge))
    }

    /// The peer's `seg` acknowledges more of this end's stream: what lies beyond the edge was never captured.
    #[inline]
    pub(super) fn note_acknowledged(&mut self, seg: &Segment) {
        if !self.started {
            self.started = true;
            self.edge = seg.ack;
            return;
        }
        if after(seg.ack, self.edge) {
            self.note_missing(seg.ack.wrapping_sub(self.edge));
            self.edge = seg.ack;
        }
        // Nothing of it is under way.
        if seg.ack == self.edge {
            self.passed = self.largest;
        }
    }

    /// The peer turns out to have received so many more sequence numbers that were never captured.
    #[inline(always)]
    pub(super) fn note_missing(&mut self, numbers: u32) {
        self.missing = self.missing.saturating_add(numbers);
    }

    /// Which options the repeated SYN `seg` lacks that an earlier one had; `scaled` if the first offered a window scale.
    pub(super) fn stripped(&self, seg: &Segment, scaled: bool) -> u8 {
        let lost = |bit: u8, had: bool, has: bool| if had && !has { bit } else { 0 };
        lost(Cold::TIMESTAMPS, self.stamped, seg.options.timestamps.is_some())
            | lost(Cold::WINDOW_SCALE, scaled, seg.options.window_scale.is_some())
            | lost(Cold::MSS, self.mss != 0, seg.options.mss.is_some())
    }

    /// Whether the SYN,ACK `seg`, which connection `c` has taken, answers the SYN with another sequence number than the one
    /// before. The connection takes up the new one unless the one before was acknowledged.
    pub(super) fn is_another_syn_ack(&self, seg: &Segment, taken: &Taken, c: &Connection) -> bool {
        if taken.class != Class::OpeningAgain || !self.started || self.last_data != NEVER {
            return false;
        }
        let (own, peer) = (&c.ends[taken.sender], &c.ends[1 - taken.sender]);
        let answers = peer.isn().zip(peer.sent()).is_none_or(|(isn, sent)| within(isn.wrapping_add(1), seg.ack, sent));
        // A late copy comes behind what was sent, or acknowledged, since.
        let taken_up = || self.edge != seg.end() && own.acked().is_none() && own.fin().is_none();
        // Where the one before was not captured nothing tells its number but what acknowledged it.
        answers && (own.isn().is_some_and(|isn| isn != seg.seq) || taken_up())
    }
}

crate::pack::pack_fields!(Unanswered { first, packet, idle, content, data, repeats, probes });
crate::pack::pack_fields!(End {
    edge,
    last_stamp,
    missing,
    largest,
    passed,
    last_sent,
    last_data,
    waits,
    last_ip_id,
    mss,
    duplicate_acks,
    started,
    stamped,
});
