//! Which fields of a connection are packed: all of them.

use super::connection::Connection;
use super::endpoint::{Endpoint, Gaps, Trace, UnseenFin, When};
use super::handshake::Handshake;
use crate::pack::{In, Out, Pack, pack_fields};
use crate::time::Time;

pack_fields!(Trace { time, packet, seq, ack, len, flags, checksum, ip_id, stamped, stamp });
pack_fields!(Gaps { beyond, unseen_fin, unseen_end, astray });
pack_fields!(UnseenFin { end, time, packet, received, own });
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
    unanswered,
});

pack_fields!(Handshake { syn, syn_ack, first_syn_ack, ack, proven });
pack_fields!(Connection {
    sockets,
    ends,
    scopes,
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
    reset_by,
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
