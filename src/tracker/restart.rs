//! How a record of a connection begins, and begins anew for another connection in the memory it has: the same.

use super::connection::{Connection, before_capture};
use super::endpoint::{Endpoint, When};
use super::handshake::Handshake;
use super::log::Log;
use super::rules::Events;
use crate::pack::Pack;
use crate::segment::{Flags, Segment};

impl Connection {
    /// A connection that begins with `seg` (which is yet to be taken with [`Connection::take`]).
    pub fn new(seg: &Segment, incarnation: u32) -> Connection {
        let mut connection = Connection::blank();
        connection.begin(seg, incarnation);
        connection
    }

    /// Sets all but the ends, which are blank, and what was disproved, which is nothing.
    fn begin(&mut self, seg: &Segment, begun: u32) {
        let Connection {
            sockets,
            ends: _,
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
            retracted: _,
            retractions,
            handshake,
        } = self;
        const ANYTHING: u8 = before_capture::OPEN | before_capture::FIRST_CLOSED | before_capture::SECOND_CLOSED;
        let opening = seg.has(Flags::SYN) || seg.has(Flags::RST);
        (*sockets, *scopes, *incarnation) = ([seg.src, seg.dst], [Some(seg.scope), None], begun);
        *again_in = None;
        (*first, *last, *first_packet, *last_packet) = (seg.time, seg.time, seg.packet, seg.packet);
        (*before, *fast_open, *parked) = (if opening { 0 } else { ANYTHING }, false, None);
        (*retractions, *handshake) = (0, Handshake::default());
    }

    /// Becomes what [`Connection::new`] gives, with the memory it has.
    pub(super) fn restart(&mut self, seg: &Segment, incarnation: u32) {
        self.ends.iter_mut().for_each(Endpoint::restart);
        self.retracted.clear();
        self.begin(seg, incarnation);
    }
}

impl Endpoint {
    /// Begins anew, with the memory it has.
    pub(super) fn restart(&mut self) {
        // Field by field: what moves the log about moves more than all the others are.
        let Endpoint {
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
        } = self;
        log.restart();
        (*packets, *bytes, *retransmitted, *fins, *syns, *syn_acks) = (0, 0, 0, 0, 0, 0);
        (*isn, *next, *seen, *acked, *contiguous, *gaps, *fin) = (None, 0, false, None, 0, None, None);
        (*max_window, *scale, *window, *turnaround) = (0, None, 0, None);
        (*last, *last_fin, *without_peer_fin, *last_content) = (None, None, When::default(), (When::default(), 0));
        (*ttl, *fin_advances, *tsval_before_ack, *disproved) = (None, false, None, 0);
        (*irregular, *unanswered) = (0, 0);
    }
}

impl Log {
    /// Begins anew, with the memory it has.
    pub(super) fn restart(&mut self) {
        self.marks.clear();
        (self.present, self.sure, self.proves) = (Events::default(), Events::default(), false);
    }
}
