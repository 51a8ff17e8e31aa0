//! Which fields of a connection are packed: all of them.

use super::connection::{Connection, Handshake};
use super::endpoint::{Endpoint, Trace, UnseenFin};
use crate::pack::pack_fields;

pack_fields!(Trace { time, packet, seq, ack, len, flags, checksum, ip_id, tsval });
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
    beyond,
    fin,
    unseen_fin,
    unseen_end,
    max_window,
    scale,
    window,
    turnaround,
    last,
    last_fin,
    without_peer_fin,
    last_content,
    astray,
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
