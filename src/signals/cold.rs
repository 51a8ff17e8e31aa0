//! What few connections have: kept apart, so that the others stay small.

use super::end::LEAST_TIMEOUT;
use super::holes::Holes;
use super::{Reset, Unanswered};
use crate::pack::Renew;
use crate::segment::{Flags, IcmpError, Segment};
use crate::time::{Span, Time};
use crate::tracker::sequence::{after, later};

/// What few connections have.
#[derive(Clone, Debug, Default)]
pub struct Cold {
    /// Of each end.
    pub ends: [ColdEnd; 2],
    /// What the stream of each end skipped.
    pub(super) holes: [Holes; 2],
    /// The first RSTs, at most [`Cold::RESETS`].
    pub resets: Vec<Reset>,
    /// How many RSTs there were from each end.
    pub reset_count: [u32; 2],
    /// An ICMP error quoting it: the first one that does not tell of a size.
    pub icmp: Option<IcmpError>,
    /// ICMP errors telling an end that its packets are too big.
    pub too_big: Option<TooBig>,
    /// A SYN that belongs to no part of this connection: end, time, packet.
    pub stray_syn: Option<(usize, Time, u64)>,
    /// The first bare ACK of the other end after that SYN: packet.
    pub challenge: Option<u64>,
    /// A second SYN,ACK with another initial sequence number: end, packet.
    pub changed_isn: Option<(usize, u64)>,
    /// A SYN sent again without options that the first one had: end, time, packet, which ([`Cold::TIMESTAMPS`] …).
    pub stripped: Option<(usize, Time, u64, u8)>,
    /// A set of flags that no stack sends: end, packet, flags.
    pub odd_flags: Option<(usize, u64, Flags)>,
    /// Data beyond the sender's own FIN: end, time, packet, bytes.
    pub past_fin: Option<(usize, Time, u64, u32)>,
    /// Segments other than RST after the first RST taken for accepted: by each end, and the first packet of them.
    pub after_reset: [(u32, u64); 2],
    /// Segments of each end captured twice or repeated by the network.
    pub copies: [u32; 2],
    /// Segments outside both windows, or without ACK.
    pub astray: u32,
    /// Segments whose options were cut.
    pub cut: u32,
}

impl Renew for Cold {}

impl Cold {
    /// How many RSTs are kept.
    pub const RESETS: usize = 4;
    /// Options that a repeated SYN lacks, one bit each.
    pub const TIMESTAMPS: u8 = 1;
    /// See [`Cold::TIMESTAMPS`].
    pub const WINDOW_SCALE: u8 = 2;
    /// See [`Cold::TIMESTAMPS`].
    pub const MSS: u8 = 4;
}

/// ICMP fragmentation needed, or packet too big, for what one end sent: the first that was told.
#[derive(Clone, Copy, Debug)]
pub struct TooBig {
    /// The first of them.
    pub first: IcmpError,
    /// How many there were.
    pub count: u32,
    /// The smallest MTU told, in bytes; 0 if none tells it (routers older than RFC 1191).
    pub mtu: u32,
    /// The highest sequence number of a segment that did not pass.
    pub seq: u32,
}

impl TooBig {
    /// Notes `error`, which tells `mtu`, if it is about the same end as `noted`.
    pub(super) fn note(noted: &mut Option<TooBig>, error: &IcmpError, mtu: u32) {
        let told = noted.get_or_insert(TooBig { first: *error, count: 0, mtu, seq: error.seq });
        if told.first.src != error.src {
            return;
        }
        told.count = told.count.saturating_add(1);
        told.mtu = if told.mtu == 0 || mtu != 0 && mtu < told.mtu { mtu } else { told.mtu };
        told.seq = later(told.seq, error.seq);
    }
}

/// What few ends have.
#[derive(Clone, Copy, Debug, Default)]
pub struct ColdEnd {
    /// What it sent again.
    pub again: Again,
    /// When its window was closed.
    pub zero: ZeroWindow,
    /// Keepalive and window probes it sent.
    pub probes: u32,
    /// The packet of the last of them.
    pub last_probe: u64,
    /// Segments that arrived at the tap below the edge and had not been seen: reordered, or lost before the tap.
    pub gap_fills: u32,
    /// Of those, how many had been sent before what was captured ahead of them: the path reordered, nothing was lost.
    pub late: u32,
    /// The first of them: time, packet.
    pub first_late: Option<(Time, u64)>,
    /// What the peer had received beyond a gap (SACK), the last time that it had.
    pub beyond: Option<Beyond>,
    /// Payload bytes it sent for the first time after it had acknowledged the peer's FIN.
    pub after_peer_fin: u64,
    /// Of those, the first segment: time, packet.
    pub first_after_peer_fin: Option<(Time, u64)>,
}

impl ColdEnd {
    /// Nothing noted.
    pub(super) const NONE: ColdEnd = ColdEnd {
        again: Again {
            count: 0,
            opening: 0,
            settled: 0,
            bytes: 0,
            first: None,
            last: 0,
            last_fin: None,
            fast: 0,
            timeout: 0,
            spurious: 0,
            longest: Span(0),
            stalled: Span(0),
            longest_stall: (0, Span(0)),
            spell: Spell { first: (Time(0), 0), span: Span(0), end: 0, repeats: 0 },
            same: Same { seq: 0, len: 0, times: 0, first: (0, Time(0)) },
        },
        zero: ZeroWindow {
            since: None,
            first: None,
            total: Span(0),
            longest: Span(0),
            times: 0,
            probes: 0,
            heard: 0,
            unheard: 0,
        },
        probes: 0,
        last_probe: 0,
        gap_fills: 0,
        late: 0,
        first_late: None,
        beyond: None,
        after_peer_fin: 0,
        first_after_peer_fin: None,
    };
}

/// Sequence ranges sent again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Again {
    /// How many segments repeat what was sent before, SYN and FIN included.
    pub count: u32,
    /// How many of them are SYN or SYN,ACK.
    pub opening: u32,
    /// How many of the others came when the server had taken the connection up, and before any RST: what a full accept queue or
    /// an end that is gone does not explain.
    pub settled: u32,
    /// Payload bytes in them.
    pub bytes: u64,
    /// The first of them: packet, time.
    pub first: Option<(u64, Time)>,
    /// Packet number of the last.
    pub last: u64,
    /// When the FIN was sent again, the last time.
    pub last_fin: Option<Time>,
    /// How many followed duplicate ACKs or SACK blocks (RFC 5681 §3.2, RFC 6675).
    pub fast: u32,
    /// How many came after a pause of at least 200 ms, the least timeout of common stacks.
    pub timeout: u32,
    /// How many repeat what was acknowledged already at the tap.
    pub spurious: u32,
    /// The longest pause that a repetition ended.
    pub longest: Span,
    /// All pauses that a repetition of payload ended after a timeout, together.
    pub stalled: Span,
    /// The repetition that ended the longest of those: packet, pause.
    pub longest_stall: (u64, Span),
    /// The longest time in which the same was sent again and again without a word of the peer.
    pub spell: Spell,
    /// The last repeated segment.
    pub same: Same,
}

/// A segment that was sent again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Same {
    /// Its sequence number.
    pub seq: u32,
    /// Its length.
    pub len: u32,
    /// How often running it was repeated without any progress.
    pub times: u16,
    /// The first of these repetitions: packet, time.
    pub first: (u64, Time),
}

/// Blocks that arrived beyond a gap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beyond {
    /// Where the gap begins.
    pub gap: u32,
    /// How long the shortest block was when it was shortest, and the packet that told so.
    pub least: (u32, u64),
    /// How long the longest was.
    pub most: u32,
}

impl Beyond {
    /// Takes note of what `seg` says to lie beyond its acknowledgment, if anything does.
    pub(super) fn note(known: &mut Option<Beyond>, seg: &Segment) {
        let beyond = seg.options.sack().iter().filter(|(left, _)| after(*left, seg.ack));
        for len in beyond.map(|(left, right)| right.wrapping_sub(*left)) {
            let new = Beyond { gap: seg.ack, least: (len, seg.packet), most: len };
            let known = known.get_or_insert(new);
            *known = match *known {
                Beyond { gap, least, most } if gap == seg.ack => {
                    Beyond { gap, least: least.min((len, seg.packet)), most: most.max(len) }
                }
                _ => new,
            };
        }
    }
}

/// Payload sent again and again without a word of the peer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spell {
    /// When it, or what was sent unanswered with it, was sent first: time, packet (0: there was none).
    pub first: (Time, u64),
    /// From then to the last repetition.
    pub span: Span,
    /// Sequence number after it.
    pub end: u32,
    /// How many repetitions there were.
    pub repeats: u8,
}

impl Again {
    /// Notes that `seg`, payload sent again, is the latest of what `waiting` holds.
    pub(super) fn note_spell(&mut self, seg: &Segment, waiting: &Unanswered) {
        let Some(first) = waiting.first().filter(|_| seg.len > 0) else { return };
        let span = seg.time - first.0;
        if span >= self.spell.span {
            self.spell = Spell { first, span, end: seg.end(), repeats: waiting.repeats };
        }
    }

    /// Counts `seg`, sent after so many duplicate ACKs; `pause` is how long its sender's timer may have run: at most since
    /// its segment before.
    pub(super) fn count(&mut self, seg: &Segment, pause: Span, acked: Option<u32>, duplicate_acks: u8) {
        self.count = self.count.saturating_add(1);
        self.bytes += u64::from(seg.len);
        self.first.get_or_insert((seg.packet, seg.time));
        self.last = seg.packet;
        if seg.has(Flags::FIN) {
            self.last_fin = Some(seg.time);
        }
        let Same { seq, len, times, first } = self.same;
        self.same = if seq == seg.seq && times > 0 {
            Same { seq, len: len.max(seg.len), times: times.saturating_add(1), first }
        } else {
            Same { seq: seg.seq, len: seg.len, times: 1, first: (seg.packet, seg.time) }
        };
        if seg.has(Flags::SYN) {
            self.opening = self.opening.saturating_add(1);
            return;
        }
        if acked.is_some_and(|a| !after(seg.end(), a)) {
            self.spurious = self.spurious.saturating_add(1);
        } else if duplicate_acks >= 3 {
            self.fast = self.fast.saturating_add(1);
        } else if pause >= LEAST_TIMEOUT {
            self.timeout = self.timeout.saturating_add(1);
            self.longest = self.longest.max(pause);
            if seg.len > 0 {
                self.stalled.0 = self.stalled.0.saturating_add(pause.0);
                if pause > self.longest_stall.1 {
                    self.longest_stall = (seg.packet, pause);
                }
            }
        }
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
    /// Probes the peer sent against it.
    pub probes: u32,
    /// How many of them when the end said last that it is closed.
    heard: u32,
    /// The most of them that passed between such a word and the opening.
    pub unheard: u32,
}

impl ZeroWindow {
    /// The window that `seg` of this end offers.
    pub(super) fn note(&mut self, seg: &Segment) {
        if seg.window == 0 {
            if self.since.is_none() {
                self.since = Some(seg.time);
                self.times = self.times.saturating_add(1);
            }
            self.first.get_or_insert((seg.time, seg.packet));
            self.heard = self.probes;
        } else if let Some(since) = self.since.take() {
            let span = seg.time - since;
            self.total.0 = self.total.0.saturating_add(span.0);
            self.longest = self.longest.max(span);
            self.unheard = self.unheard.max(self.probes.saturating_sub(self.heard));
        }
    }
}

crate::pack::pack_fields!(Cold {
    ends,
    holes,
    resets,
    reset_count,
    icmp,
    too_big,
    stray_syn,
    challenge,
    changed_isn,
    stripped,
    odd_flags,
    past_fin,
    after_reset,
    copies,
    astray,
    cut,
});
crate::pack::pack_fields!(TooBig { first, count, mtu, seq });
crate::pack::pack_fields!(ColdEnd {
    again,
    zero,
    probes,
    last_probe,
    gap_fills,
    late,
    first_late,
    beyond,
    after_peer_fin,
    first_after_peer_fin,
});
crate::pack::pack_fields!(Again {
    count,
    opening,
    settled,
    bytes,
    first,
    last,
    last_fin,
    fast,
    timeout,
    spurious,
    longest,
    stalled,
    longest_stall,
    spell,
    same,
});
crate::pack::pack_fields!(Same { seq, len, times, first });
crate::pack::pack_fields!(Beyond { gap, least, most });
crate::pack::pack_fields!(Spell { first, span, end, repeats });
crate::pack::pack_fields!(ZeroWindow { since, first, total, longest, times, probes, heard, unheard });
