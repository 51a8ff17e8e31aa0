//! One end of a connection: what it repeated, what went unanswered, when it closed its window.

use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};
use crate::tracker::sequence::{after, before, later};
use crate::tracker::{Class, Connection, Taken};

/// What was noted of one end.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    /// The end of its stream as captured; meaningless until `started`.
    edge: u32,
    started: bool,
    /// The latest TSval it sent.
    last_stamp: Option<u32>,
    /// The latest IP identification it sent.
    last_ip_id: u16,
    /// Initial sequence number of its last SYN,ACK.
    pub(super) syn_ack_isn: Option<u32>,
    /// Sequence numbers it sent that the capture never showed.
    pub missing: u32,
    /// Payload bytes, each counted once.
    pub unique: u64,
    /// Segments that arrived at the tap below the edge and had not been seen: reordered, or lost before the tap.
    pub gap_fills: u32,
    /// The MSS its SYN announced.
    pub mss: Option<u16>,
    /// Largest payload it sent.
    pub largest: u32,
    /// What it sent again.
    pub again: Again,
    /// What it sent since the peer was last heard.
    pub unanswered: Unanswered,
    /// Keepalive and window probes it sent.
    pub probes: u32,
    /// ACKs it sent that repeat the one before and carry nothing.
    pub(super) duplicate_acks: u16,
    /// When its window was closed.
    pub zero: ZeroWindow,
    /// Payload bytes it sent for the first time after it had acknowledged the peer's FIN.
    pub after_peer_fin: u64,
    /// Of those, the first segment: time, packet.
    pub first_after_peer_fin: Option<(Time, u64)>,
    /// Capture time of its last new payload.
    pub last_data: Option<Time>,
    /// Capture time of its first payload.
    pub first_data: Option<Time>,
    /// Capture time of its last segment (RSTs aside).
    pub last_sent: Option<Time>,
}

/// Sequence ranges sent again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Again {
    /// How many segments repeat what was sent before, SYN and FIN included.
    pub count: u32,
    /// Payload bytes in them.
    pub bytes: u64,
    /// The first of them: packet, time.
    pub first: Option<(u64, Time)>,
    /// Packet number of the last.
    pub last: u64,
    /// How many followed duplicate ACKs or SACK blocks (RFC 5681 §3.2, RFC 6675).
    pub fast: u32,
    /// How many came after a pause of at least 200 ms, the least timeout of common stacks.
    pub timeout: u32,
    /// How many repeat what was acknowledged already at the tap.
    pub spurious: u32,
    /// The longest pause that a repetition ended.
    pub longest: Span,
    /// Sequence number of the last repeated segment, its length, and how often running it was repeated.
    pub same: (u32, u32, u16),
    /// The most that `same` counted, and the length of that segment.
    pub most_same: (u16, u32),
    pause: Span,
}

impl Again {
    pub(super) fn classify(&mut self, seg: &Segment, acked: Option<u32>, duplicate_acks: u16) {
        if acked.is_some_and(|a| !after(seg.end(), a)) {
            self.spurious = self.spurious.saturating_add(1);
        } else if duplicate_acks >= 3 {
            self.fast = self.fast.saturating_add(1);
        } else if self.pause >= Span::millis(200) {
            self.timeout = self.timeout.saturating_add(1);
            self.longest = self.longest.max(self.pause);
        }
    }
}

/// What an end sent since its peer was last heard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unanswered {
    /// Segments with payload or FIN.
    pub content: u16,
    /// Of those, how many are payload.
    pub data: u16,
    /// Of those, how many had been sent before.
    pub repeats: u16,
    /// Keepalive or window probes.
    pub probes: u16,
    /// The first of all of them: time, packet.
    pub first: Option<(Time, u64)>,
    /// The last of all of them: time, packet.
    pub last: Option<(Time, u64)>,
    /// How long nothing had passed either way before the first.
    pub idle: Span,
}

impl Unanswered {
    /// How long the peer has been silent from the first of them to `end`.
    pub fn age(&self, end: Time) -> Span {
        self.first.map_or(Span(0), |(t, _)| end - t)
    }
}

/// When an end offered no window.
#[derive(Clone, Copy, Debug, Default)]
pub struct ZeroWindow {
    /// Since when it is closed now.
    pub since: Option<Time>,
    /// The first segment that closed it: time, packet.
    pub first: Option<(Time, u64)>,
    /// How long it was closed, all together, up to the last opening.
    pub total: Span,
    /// The longest time it was closed.
    pub longest: Span,
    /// How often it was closed.
    pub times: u32,
    /// Probes and data the peer sent against it.
    pub probes: u32,
}

impl End {
    /// Whether `seg`, which fills a gap, left its sender after those that were captured before: by the timestamp, else by
    /// the IP identification. Then it was sent again; otherwise it was only overtaken.
    fn is_later(&self, seg: &Segment) -> bool {
        match (seg.options.timestamps, self.last_stamp) {
            (Some(now), Some(last)) if now.value != last => after(now.value, last),
            _ if seg.ip_id != 0 && self.last_ip_id != 0 => (seg.ip_id.wrapping_sub(self.last_ip_id) as i16) > 0,
            _ => false,
        }
    }

    /// Takes `seg`, sent by this end (`x` of `c`), into its stream. Whether it repeats something.
    pub(super) fn note_stream(&mut self, seg: &Segment, taken: &Taken, c: &Connection, x: usize, idle: Span) -> bool {
        let last = self.last_sent.replace(seg.time);
        let resent = self.is_later(seg);
        if resent || self.last_ip_id == 0 {
            self.last_ip_id = seg.ip_id;
        }
        if let Some(stamps) = seg.options.timestamps
            && self.last_stamp.is_none_or(|t| after(stamps.value, t))
        {
            self.last_stamp = Some(stamps.value);
            self.last_ip_id = seg.ip_id;
        }
        if taken.class == Class::Ack {
            if !taken.advances && self.started {
                self.duplicate_acks = self.duplicate_acks.saturating_add(1);
            }
            if taken.advances {
                self.duplicate_acks = 0;
            }
            return false;
        }
        self.duplicate_acks = 0;
        let probe = taken.class == Class::Probe;
        if seg.has(Flags::SYN) {
            self.mss = seg.options.mss.or(self.mss);
        } else {
            let u = &mut self.unanswered;
            if u.first.is_none() {
                u.first = Some((seg.time, seg.packet));
                u.idle = idle;
            }
            u.last = Some((seg.time, seg.packet));
            if probe {
                u.probes = u.probes.saturating_add(1);
            } else {
                u.content = u.content.saturating_add(1);
                u.data = u.data.saturating_add(u16::from(seg.len > 0));
            }
        }
        if probe {
            self.probes = self.probes.saturating_add(1);
            return false;
        }
        let overlap = self.started && before(seg.seq, self.edge);
        match taken.class {
            Class::GapFill => {
                self.gap_fills = self.gap_fills.saturating_add(1);
                self.missing = self.missing.saturating_sub(seg.seq_len());
                self.unique += u64::from(seg.len);
            }
            Class::Opening if !overlap || seg.has(Flags::ACK) => {
                self.edge = seg.end();
                self.started = true;
            }
            Class::New => {
                let gap = seg.seq.wrapping_sub(self.edge);
                if self.started && !overlap && gap < 1 << 30 {
                    self.missing = self.missing.saturating_add(gap);
                }
                let new = if overlap { seg.end().wrapping_sub(self.edge) } else { seg.len };
                self.unique += u64::from(new.min(seg.len));
                self.edge = if self.started { later(self.edge, seg.end()) } else { seg.end() };
                self.started = true;
            }
            _ => {}
        }
        if seg.len > 0 && taken.class != Class::Retransmission {
            self.first_data.get_or_insert(seg.time);
            self.last_data = Some(seg.time);
            self.largest = self.largest.max(seg.len);
        }
        let own_syn = seg.has(Flags::SYN) && c.ends[x].isn() == Some(seg.seq);
        let repeats = match taken.class {
            Class::Retransmission => true,
            Class::OpeningAgain => own_syn,
            // More than was sent before, beginning with a part of it.
            Class::New => overlap && seg.len > 0,
            // The capture missed the first copy.
            Class::GapFill => resent,
            _ => false,
        };
        if repeats {
            let a = &mut self.again;
            a.count = a.count.saturating_add(1);
            a.bytes += u64::from(seg.len);
            a.first.get_or_insert((seg.packet, seg.time));
            a.last = seg.packet;
            self.unanswered.repeats = self.unanswered.repeats.saturating_add(u16::from(!seg.has(Flags::SYN)));
            a.pause = last.map_or(Span(0), |t| seg.time - t);
            let (seq, len, n) = a.same;
            a.same = if seq == seg.seq && n > 0 {
                (seq, len.max(seg.len), n.saturating_add(1))
            } else {
                (seg.seq, seg.len, 1)
            };
            if a.same.2 > a.most_same.0 {
                a.most_same = (a.same.2, a.same.1);
            }
        }
        repeats
    }

    /// The peer's `seg` acknowledges a part of this end's stream: what lies beyond the edge was never captured.
    pub(super) fn note_acknowledged(&mut self, seg: &Segment, taken: &Taken) {
        if !taken.advances || !seg.has(Flags::ACK) {
            return;
        }
        if !self.started {
            self.started = true;
            self.edge = seg.ack;
        } else if after(seg.ack, self.edge) {
            self.missing = self.missing.saturating_add(seg.ack.wrapping_sub(self.edge));
            self.edge = seg.ack;
        }
        self.again.same.2 = 0;
    }

    /// The window that `seg` of this end offers.
    pub(super) fn note_window(&mut self, seg: &Segment) {
        if seg.has(Flags::SYN) || seg.has(Flags::FIN) || !seg.has(Flags::ACK) {
            return;
        }
        let zero = &mut self.zero;
        if seg.window == 0 {
            if zero.since.is_none() {
                zero.since = Some(seg.time);
                zero.times = zero.times.saturating_add(1);
            }
            zero.first.get_or_insert((seg.time, seg.packet));
        } else if let Some(since) = zero.since.take() {
            let span = seg.time - since;
            zero.total.0 = zero.total.0.saturating_add(span.0);
            zero.longest = zero.longest.max(span);
        }
    }

    /// New payload from an end that knows of the peer's FIN.
    pub(super) fn note_after_peer_fin(&mut self, seg: &Segment) {
        self.after_peer_fin += u64::from(seg.len);
        self.first_after_peer_fin.get_or_insert((seg.time, seg.packet));
    }
}
