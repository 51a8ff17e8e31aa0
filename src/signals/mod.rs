//! What states alone do not tell: counts and moments of one connection, noted as its segments pass.
//!
//! Fed behind the tracker with what each segment turned out to be ([`Taken`]); read by the detectors at the end. A fixed
//! small record for every connection; what is rare ([`Rare`]) is boxed.
//!
//! | file | holds |
//! |---|---|
//! | `end` | one end: repetitions, silence of the peer, closed windows, gaps in the capture |
//! | `reset` | a RST and its circumstances, fixed at the moment it passes |

mod end;
mod reset;

pub use end::{Again, End, Unanswered, ZeroWindow};
pub use reset::{Reset, Trigger};

use crate::segment::{Flags, IcmpError, IcmpKind, Segment};
use crate::time::{Span, Time};
use crate::tracker::sequence::{after, before};
use crate::tracker::{Class, Connection, Taken};

/// The signals of one connection; `ends` in the order of [`Connection::sockets`].
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// One record for each end.
    pub ends: [End; 2],
    /// Capture time of the last segment that was not a copy.
    last: Option<Time>,
    /// How long nothing passed before that segment.
    pub idle: Span,
    /// The longest time in which nothing passed, while no end had closed.
    pub longest_idle: Span,
    /// Segments captured twice or repeated by the network.
    pub copies: u32,
    /// Segments outside both windows.
    pub astray: u32,
    /// Segments whose options were cut by the snap length.
    pub cut: u32,
    /// What few connections have.
    rare: Option<Box<Rare>>,
}

/// What few connections have.
#[derive(Clone, Debug, Default)]
pub struct Rare {
    /// The first RSTs, at most [`Rare::RESETS`].
    pub resets: Vec<Reset>,
    /// How many RSTs there were from each end.
    pub reset_count: [u32; 2],
    /// An ICMP error quoting it: the first one.
    pub icmp: Option<IcmpError>,
    /// Frag-needed / packet-too-big errors: how many, and the smallest MTU told.
    pub too_big: (u32, u32),
    /// A SYN that belongs to no part of this connection: end, time, packet.
    pub stray_syn: Option<(usize, Time, u64)>,
    /// The first bare ACK of the other end after that SYN: packet.
    pub challenge: Option<u64>,
    /// A second SYN,ACK with another initial sequence number: end, packet.
    pub changed_isn: Option<(usize, u64)>,
    /// A set of flags that no stack sends: end, packet, flags.
    pub odd_flags: Option<(usize, u64, Flags)>,
    /// Data beyond the sender's own FIN: end, time, packet, bytes.
    pub past_fin: Option<(usize, Time, u64, u32)>,
    /// Segments other than RST after the first RST taken for accepted: by each end, and the first packet of them.
    pub after_reset: [(u32, u64); 2],
}

impl Rare {
    /// How many RSTs are kept.
    pub const RESETS: usize = 4;
}

impl Signals {
    /// What few connections have, if this one has it.
    pub fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    /// The RSTs kept, in order.
    pub fn resets(&self) -> &[Reset] {
        self.rare.as_ref().map_or(&[], |r| &r.resets)
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Takes note of `seg` of connection `c`, which the tracker has just taken.
    pub fn take(&mut self, taken: &Taken, seg: &Segment, c: &Connection) {
        let x = taken.sender;
        if taken.class == Class::Copy {
            self.copies = self.copies.saturating_add(1);
            return;
        }
        if seg.options.cut {
            self.cut = self.cut.saturating_add(1);
        }
        let idle = self.last.map_or(Span(0), |t| seg.time - t);
        self.idle = idle;
        if idle > self.longest_idle && c.ends.iter().all(|e| e.fin().is_none()) {
            self.longest_idle = idle;
        }
        self.last = Some(seg.time);
        match taken.class {
            Class::Astray => self.astray = self.astray.saturating_add(1),
            Class::Reset | Class::ResetIgnored => self.reset(taken, seg, c),
            _ => self.segment(taken, seg, c, idle),
        }
        if is_odd(seg.flags) {
            self.rare_mut().odd_flags.get_or_insert((x, seg.packet, seg.flags));
        }
    }

    fn segment(&mut self, taken: &Taken, seg: &Segment, c: &Connection, idle: Span) {
        let (x, y) = (taken.sender, 1 - taken.sender);
        if let Some(rare) = &mut self.rare {
            if !rare.resets.is_empty() {
                let (count, first) = &mut rare.after_reset[x];
                if *count == 0 {
                    *first = seg.packet;
                }
                *count = count.saturating_add(1);
            }
            if let Some((e, _, _)) = rare.stray_syn
                && e == y
                && taken.class == Class::Ack
            {
                rare.challenge.get_or_insert(seg.packet);
            }
        }
        let [a, b] = &mut self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        // It spoke: what the peer had sent is no longer met by silence.
        peer.unanswered = Unanswered::default();
        peer.note_acknowledged(seg, taken);
        let repeats = own.note_stream(seg, taken, c, x, idle);
        if taken.class == Class::Probe && peer.zero.since.is_some() {
            peer.zero.probes = peer.zero.probes.saturating_add(1);
        }
        own.note_window(seg);
        if repeats && !seg.has(Flags::SYN) {
            let (sent, sacked) = (c.ends[x].acked(), peer.duplicate_acks);
            own.again.classify(seg, sent, sacked);
        }
        if seg.len > 0 && taken.class == Class::New {
            let fin = c.ends[y].fin();
            if fin.is_some_and(|f| seg.has(Flags::ACK) && !before(seg.ack, f)) {
                own.note_after_peer_fin(seg);
            }
            if !seg.has(Flags::FIN) && c.ends[x].fin().is_some_and(|f| after(seg.end(), f)) {
                self.rare_mut().past_fin.get_or_insert((x, seg.time, seg.packet, seg.len));
            }
        } else if taken.class == Class::OpeningAgain {
            if !seg.has(Flags::ACK) && c.ends[x].isn() != Some(seg.seq) {
                self.rare_mut().stray_syn.get_or_insert((x, seg.time, seg.packet));
            }
        }
        if seg.has(Flags::SYN | Flags::ACK) {
            let own = &mut self.ends[x];
            let changed = own.syn_ack_isn.is_some_and(|isn| isn != seg.seq);
            own.syn_ack_isn = Some(seg.seq);
            if changed {
                self.rare_mut().changed_isn.get_or_insert((x, seg.packet));
            }
        }
    }

    fn reset(&mut self, taken: &Taken, seg: &Segment, c: &Connection) {
        let idle = self.idle;
        let fact = Reset::of(taken, seg, c, &self.ends, idle);
        let rare = self.rare_mut();
        rare.reset_count[taken.sender] = rare.reset_count[taken.sender].saturating_add(1);
        if rare.resets.len() < Rare::RESETS {
            rare.resets.push(fact);
        }
    }

    /// Takes note of an ICMP error that quotes one of its segments.
    pub fn icmp(&mut self, error: &IcmpError) {
        let rare = self.rare_mut();
        if let IcmpKind::TooBig(mtu) = error.kind {
            let (count, least) = &mut rare.too_big;
            *count = count.saturating_add(1);
            *least = if *least == 0 { mtu } else { mtu.min(*least) };
        } else {
            rare.icmp.get_or_insert(*error);
        }
    }
}

/// Flags that no stack sends together (or none at all): scanners, and damage.
fn is_odd(flags: Flags) -> bool {
    let f = |x: Flags| flags.has(x);
    f(Flags::SYN) && (f(Flags::FIN) || f(Flags::RST))
        || f(Flags::FIN) && (f(Flags::RST) || !f(Flags::ACK))
        || flags.0 & 0x3f == 0
}
