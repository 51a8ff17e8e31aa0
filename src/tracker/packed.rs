//! Which fields of a connection are packed: all of them.

use super::connection::Connection;
use super::copies::Copies;
use super::endpoint::{Endpoint, Gaps, UnseenFin, When};
use super::handshake::Handshake;
use super::log::Log;
use super::mark::{Mark, Place, STAMPED};
use super::rules::Event;
use super::state::Evidence;
use super::trace::Trace;
use crate::pack::{In, Out, Pack, pack_fields};
use crate::time::Time;

pack_fields!(Trace { time, packet, seq, ack, len, flags, ip_id, rest, stamped, stamp });
pack_fields!(Gaps {
    beyond,
    forgotten,
    unseen_fin,
    unseen_end,
    unseen,
    astray,
    challenge,
    reset,
    reset_at_fin,
    stamped_reset,
    bare_reset,
    copies
});
pack_fields!(Copies { recent, expected, elsewhere });
pack_fields!(UnseenFin { end, time, packet, received, own, bare });
pack_fields!(Endpoint {
    log,
    packets,
    bytes,
    retransmitted,
    fins,
    syns,
    syn_acks,
    isn,
    next,
    seen,
    acked,
    contiguous,
    gaps,
    fin,
    max_window,
    scale,
    window,
    turnaround,
    last,
    last_fin,
    without_peer_fin,
    last_content,
    ttl,
    fin_advances,
    tsval_before_ack,
    disproved,
    irregular,
    unanswered,
});

pack_fields!(Handshake { syn, syn_ack, first_syn_ack, ack, proven });
pack_fields!(Connection {
    sockets,
    ends,
    scopes,
    again_in,
    incarnation,
    first,
    last,
    first_packet,
    last_packet,
    before,
    fast_open,
    parked,
    retracted,
    retractions,
    handshake,
});

impl Pack for When {
    fn blank() -> Self {
        When::default()
    }

    #[inline]
    fn is_blank(&self) -> bool {
        self.get().is_none()
    }

    #[inline]
    fn pack(&self, out: &mut Out<'_>) {
        out.time(self.get().unwrap_or_default().0);
    }

    #[inline]
    fn read(&mut self, from: &mut In<'_>) {
        *self = When::from(Time(from.time()));
    }
}

/// Two bytes say what there is; packet numbers are told from the mark before, the proof from its own packet on.
impl Pack for Mark {
    fn blank() -> Self {
        Mark::sure(Event::SndSyn, Evidence::Sent, Time(0), 0)
    }

    fn is_blank(&self) -> bool {
        false
    }

    fn pack(&self, out: &mut Out<'_>) {
        let (packet, proof) = (self.packet != 0, self.proof != 0);
        out.byte(self.event as u8 | (self.evidence as u8) << 4);
        out.byte(self.place as u8 | self.about << 2 | u8::from(packet) << 6 | u8::from(proof) << 7);
        out.time(self.time.0);
        if packet {
            out.packet(self.packet);
        }
        if proof {
            out.packet(self.proof);
        }
        if self.about & STAMPED != 0 {
            out.word(self.stamp);
        }
    }

    fn read(&mut self, from: &mut In<'_>) {
        *self = Self::unpack(from);
    }

    fn unpack(from: &mut In<'_>) -> Self {
        let (what, how) = (from.byte(), from.byte());
        let event = Event::ALL[usize::from(what & 15)];
        let evidence = Evidence::ALL[usize::from(what >> 4).min(Evidence::ALL.len() - 1)];
        let place = [Place::Before, Place::At, Place::After][usize::from(how & 3).min(2)];
        let about = how >> 2 & 15;
        let time = Time(from.time());
        let packet = if how & 1 << 6 != 0 { from.packet() } else { 0 };
        let proof = if how & 1 << 7 != 0 { from.packet() } else { 0 };
        let stamp = if about & STAMPED != 0 { from.word() } else { 0 };
        Mark { time, packet, proof, stamp, event, evidence, place, about }
    }
}

pack_fields!(Log { marks, present, sure, proves });

impl crate::pack::Item for Mark {}

impl crate::pack::Item for Trace {}
