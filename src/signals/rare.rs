//! What few segments bring, and where it is noted: in what few connections have.

use super::end::Noted;
use super::{Cold, ColdEnd, End, Signals};
use crate::segment::{Flags, Segment};
use crate::time::Span;
use crate::tracker::sequence::{after, before};
use crate::tracker::{Class, Connection, Taken};

/// What is rare about a segment, beside what its stream shows ([`Noted`]).
#[derive(Clone, Copy)]
pub(super) struct Rare {
    /// It says that no more is taken.
    pub closes_window: bool,
    /// It brings payload although one of the ends has closed.
    pub data_after_fin: bool,
    /// It answers a SYN with another initial sequence number than before.
    pub another_syn_ack: bool,
}

impl Rare {
    pub fn is_any(self) -> bool {
        self.closes_window || self.data_after_fin || self.another_syn_ack
    }
}

/// Whether a segment of this class, of which the stream shows this, is noted for it.
pub(super) fn is_noted(noted: &Noted, class: Class) -> bool {
    noted.repeats
        || noted.fills_gap
        || noted.skips_from.is_some()
        || matches!(class, Class::Probe | Class::OpeningAgain)
}

/// Whether the window of `seg` is that of an open stream.
pub(super) fn tells_window(seg: &Segment) -> bool {
    seg.has(Flags::ACK) && !seg.has(Flags::SYN) && !seg.has(Flags::FIN)
}

/// Whether `seg` opens a window that is closed. Of a FIN a window of 0 says nothing of its sender's reading.
fn opens_window(seg: &Segment) -> bool {
    tells_window(seg) || seg.has(Flags::FIN) && seg.window > 0
}

/// Whether the peer of end `x`, if it is the server, has shown that it took the connection up.
fn is_taken_up(c: &Connection, x: usize) -> bool {
    let (own, peer) = (&c.ends[x], &c.ends[1 - x]);
    let beyond_syn = || own.acked().zip(own.isn()).is_none_or(|(acked, isn)| acked != isn.wrapping_add(1));
    peer.syn_acks == 0 || peer.bytes > 0 || beyond_syn()
}

/// Whether `seg` opens another connection than `c`, as the answer of a listener to an old SYN that comes once more does.
pub(super) fn is_of_another(seg: &Segment, taken: &Taken, c: &Connection) -> bool {
    seg.has(Flags::SYN) && c.ends[taken.sender].isn().is_some_and(|isn| isn != seg.seq)
}

impl Signals {
    /// Takes note of a segment that brings something rare, or comes after one that did.
    pub(super) fn note_rare(&mut self, taken: &Taken, seg: &Segment, c: &Connection, noted: &Noted, rare: Rare) {
        let (x, y) = (taken.sender, 1 - taken.sender);
        let (duplicate_acks, restarted) = (self.ends[y].duplicate_acks(), self.ends[y].restarted_timer(seg.time));
        let Signals { ends, waiting, cold, .. } = self;
        let cold = cold.get_or_insert_default();
        cold.note_holes(x, seg, noted, ends);
        if !is_of_another(seg, taken, c) {
            cold.note_around(x, seg, taken);
        }
        let [a, b] = &mut cold.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        if taken.advances {
            peer.again.same.times = 0;
        }
        if rare.closes_window || own.zero.since.is_some() && opens_window(seg) {
            own.zero.note(seg);
        }
        if taken.class == Class::Probe {
            own.probes = own.probes.saturating_add(1);
            own.last_probe = seg.packet;
            peer.zero.probes = peer.zero.probes.saturating_add(u32::from(peer.zero.since.is_some()));
        }
        own.note_order(seg, noted);
        if noted.repeats {
            let pause = if restarted { Span(0) } else { noted.pause };
            own.again.count(seg, pause, c.ends[x].acked(), duplicate_acks);
            if !seg.has(Flags::SYN) && cold.resets.is_empty() && is_taken_up(c, x) {
                own.again.settled = own.again.settled.saturating_add(1);
            }
            own.again.note_spell(seg, waiting);
        }
        if rare.data_after_fin {
            cold.note_after_fin(x, seg, c);
        }
        if taken.class == Class::OpeningAgain && !seg.has(Flags::ACK) {
            self.note_syn_again(x, seg, c, noted.repeats);
        }
        if rare.another_syn_ack {
            let cold = self.cold_mut();
            // After a RST the server begins anew.
            if cold.resets.is_empty() {
                cold.changed_isn.get_or_insert((x, seg.packet));
            }
        }
    }

    /// A SYN of end `x` that is not its first: whether it belongs, and what it leaves out of the first.
    fn note_syn_again(&mut self, x: usize, seg: &Segment, c: &Connection, repeats: bool) {
        let cold = self.cold.get_or_insert_default();
        if c.ends[x].isn() != Some(seg.seq) {
            cold.stray_syn.get_or_insert((x, seg.time, seg.packet));
        }
        // Before the peer was heard: what its SYN,ACK leaves out would hide what was offered.
        if repeats && !seg.options.cut && c.ends[1 - x].packets == 0 {
            let lacks = self.ends[x].stripped(seg, c.ends[x].offered_scale());
            if lacks != 0 {
                cold.stripped.get_or_insert((x, seg.time, seg.packet, lacks));
            }
        }
    }
}

impl Cold {
    /// What `seg` of end `x` skips or fills in its stream, and shows to be received of the other's.
    fn note_holes(&mut self, x: usize, seg: &Segment, noted: &Noted, ends: &mut [End; 2]) {
        self.hear(1 - x, seg, &mut ends[1 - x]);
        if noted.fills_gap || noted.repeats {
            let end = &mut ends[x];
            end.missing = end.missing.saturating_sub(self.holes[x].fill(seg));
        }
        if let Some(from) = noted.skips_from {
            self.holes[x].skip(from, seg.seq);
        }
    }

    /// What follows a RST or a SYN that did not belong.
    fn note_around(&mut self, x: usize, seg: &Segment, taken: &Taken) {
        if !self.resets.is_empty() {
            let (count, first) = &mut self.after_reset[x];
            if *count == 0 {
                *first = seg.packet;
            }
            *count = count.saturating_add(1);
        }
        if self.stray_syn.is_some_and(|(e, _, _)| e != x) && taken.class == Class::Ack {
            self.challenge.get_or_insert(seg.packet);
        }
    }

    /// Payload of end `x` after a FIN: of one that knows that the peer has closed, or beyond its own.
    pub(super) fn note_after_fin(&mut self, x: usize, seg: &Segment, c: &Connection) {
        let own = &mut self.ends[x];
        if c.ends[1 - x].fin().is_some_and(|fin| seg.has(Flags::ACK) && !before(seg.ack, fin)) {
            own.after_peer_fin += u64::from(seg.len);
            own.first_after_peer_fin.get_or_insert((seg.time, seg.packet));
        }
        if !seg.has(Flags::FIN) && c.ends[x].fin().is_some_and(|fin| after(seg.end(), fin)) {
            self.past_fin.get_or_insert((x, seg.time, seg.packet, seg.len));
        }
    }
}

impl ColdEnd {
    /// Whether `seg` came behind what was sent after it.
    fn note_order(&mut self, seg: &Segment, noted: &Noted) {
        self.gap_fills = self.gap_fills.saturating_add(u32::from(noted.fills_gap));
        if noted.late {
            self.late = self.late.saturating_add(1);
            self.first_late.get_or_insert((seg.time, seg.packet));
        }
    }
}
