//! A RST and its circumstances, fixed at the moment it passes the tap.

use super::Signals;
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};
use crate::tracker::sequence::{after, before};
use crate::tracker::trace::Trace;
use crate::tracker::{Class, Connection, Taken};

/// One RST.
#[derive(Clone, Copy, Debug)]
pub struct Reset {
    /// Which end sent it (or in whose name it was sent).
    pub from: usize,
    /// Capture time.
    pub time: Time,
    /// Packet number.
    pub packet: u64,
    /// It has an acknowledgment: sent by a socket that still was there, or in answer to a segment without one
    /// (RFC 9293 §3.5.2).
    pub ack: bool,
    /// Window field.
    pub window: u16,
    /// Payload bytes in it.
    pub len: u32,
    /// TTL or hop limit, and that of its sender's other segments.
    pub ttl: (u8, Option<u8>),
    /// The tracker believed that the other end accepts it.
    pub accepted: bool,
    /// Its sequence number is the one that the sender would use next, or the one that the peer expects next.
    pub exact: bool,
    /// Its sequence number is the one that the peer's last segment acknowledged: it answers that segment.
    pub echoes: bool,
    /// The peer's last segment before it, if it can have arrived.
    pub trigger: Option<Trigger>,
    /// The same if it cannot: its packet, and how long before the RST it passed.
    pub crossed: Option<(u64, Span)>,
    /// The sender had sent its FIN before.
    pub own_fin: bool,
    /// The sender's FIN had been acknowledged.
    pub own_fin_acked: bool,
    /// The peer had sent its FIN before.
    pub peer_fin: bool,
    /// The sender had acknowledged the peer's FIN.
    pub peer_fin_acked: bool,
    /// The sender had been seen before, with anything but RST.
    pub known: bool,
    /// The peer's payload that the sender had not acknowledged.
    pub pending: u32,
    /// Of that, what had arrived when it was sent: what it acknowledges itself. All of it, if it acknowledges nothing.
    pub unread: u32,
    /// The sender had data of its own in flight.
    pub in_flight: u32,
    /// The sender had sent something after `trigger`.
    pub answered: bool,
    /// How often the sender had sent content again in vain.
    pub repeats: u8,
    /// How many probes it had sent in vain.
    pub probes: u8,
    /// How often the peer had sent its unanswered segments again.
    pub peer_repeats: u8,
    /// The sender's last segment before it.
    pub last_sent: Option<Time>,
    /// It carries timestamps, as only a socket that exists can.
    pub stamped: bool,
    /// The sender's last segment before it was a probe, which the peer answered.
    pub probed: bool,
    /// The timestamp that it echoes is older than that of the peer's last segment, which can have arrived.
    pub unheard: bool,
    /// The first of what the sender had sent in vain.
    pub tries_since: Option<Time>,
    /// How long nothing had passed before the peer's unanswered segments began; before the RST itself if there are none.
    pub idle: Span,
}

/// What a RST may answer.
#[derive(Clone, Copy, Debug)]
pub struct Trigger {
    /// Packet number; of the FIN, if that passed behind the payload that it answers.
    pub packet: u64,
    /// How long before the RST.
    pub age: Span,
    /// Payload bytes.
    pub len: u32,
    /// Flags.
    pub flags: Flags,
    /// It acknowledges the RST sender's FIN.
    pub knows_fin: bool,
}

impl Reset {
    pub(super) fn of(taken: &Taken, seg: &Segment, c: &Connection, signals: &Signals, idle: Span) -> Reset {
        let (x, y) = (taken.sender, 1 - taken.sender);
        let (own, peer) = (&c.ends[x], &c.ends[y]);
        let last = peer.last_segment();
        // What its acknowledgment leaves out had not arrived when it was sent; one that falls back says nothing.
        let leaves_out = |end: u32| after(end, seg.ack) && peer.acked().is_none_or(|acked| !before(seg.ack, acked));
        let arrived = last.filter(|l| !seg.has(Flags::ACK) || !leaves_out(l.end()));
        let covers = |ack: u32, fin: Option<u32>| fin.is_some_and(|f| !before(ack, f));
        let ends = &signals.ends;
        let (tried, waiting) = (signals.unanswered(x), signals.unanswered(y));
        let (sent, acked) = (peer.sent().unwrap_or_default(), peer.acked().or(peer.sent()).unwrap_or_default());
        // The peer's payload below `edge` that was not acknowledged before.
        let unacked = |edge: u32| {
            let payload = edge.wrapping_sub(acked).wrapping_sub(u32::from(peer.fin() == Some(edge)));
            if after(edge, acked) { payload } else { 0 }
        };
        // The peer's own FIN, by which it has answered the sender's, may pass behind the payload that is refused: what that
        // acknowledged is the number of the RST.
        let answers_before = |l: &Trace| {
            let answers_fin = l.len == 0 && l.flags.has(Flags::FIN) && covers(l.ack, own.fin());
            !seg.has(Flags::ACK) && answers_fin && !covers(seg.seq, own.fin()) && unacked(sent) > 0
        };
        let is_probe = |l: &Trace| l.len <= 1 && own.sent().is_some_and(|next| before(l.seq, next));
        let is_echoed = |l: &Trace| seg.options.timestamps.zip(l.tsval()).is_none_or(|(t, sent)| !before(t.echo, sent));
        Reset {
            from: x,
            time: seg.time,
            packet: seg.packet,
            ack: seg.has(Flags::ACK),
            window: seg.window,
            len: seg.len,
            ttl: (seg.ttl, own.last_segment().and(own.ttl())),
            accepted: taken.class == Class::Reset,
            exact: own.sent() == Some(seg.seq) || own.acked() == Some(seg.seq),
            echoes: last.is_some_and(|l| l.ack == seg.seq && l.flags.has(Flags::ACK)),
            crossed: last.filter(|_| arrived.is_none()).map(|l| (l.packet, seg.time - l.time)),
            trigger: arrived.map(|l| match ends[y].last_data().filter(|_| answers_before(l)) {
                Some(time) => {
                    let (age, len) = (seg.time - time, unacked(sent));
                    Trigger { packet: l.packet, age, len, flags: l.flags, knows_fin: false }
                }
                None => Trigger {
                    packet: l.packet,
                    age: seg.time - l.time,
                    len: l.len,
                    flags: l.flags,
                    // Without ACK it has its number from what it answers, which may have come before the last.
                    knows_fin: covers(if seg.has(Flags::ACK) { l.ack } else { seg.seq }, own.fin()),
                },
            }),
            own_fin: own.fin().is_some(),
            own_fin_acked: own.acked().is_some_and(|a| covers(a, own.fin())),
            peer_fin: peer.fin().is_some(),
            peer_fin_acked: peer.acked().is_some_and(|a| covers(a, peer.fin())),
            known: own.last_segment().is_some(),
            pending: unacked(sent),
            unread: unacked(if seg.has(Flags::ACK) && before(seg.ack, sent) { seg.ack } else { sent }),
            in_flight: own.unacked(),
            answered: last.is_some_and(|l| ends[x].last_sent().is_some_and(|t| t > l.time)),
            repeats: tried.repeats,
            probes: tried.probes,
            peer_repeats: waiting.repeats,
            last_sent: ends[x].last_sent(),
            stamped: seg.options.timestamps.is_some(),
            probed: own.last_segment().zip(last).is_some_and(|(probe, l)| is_probe(probe) && l.packet > probe.packet),
            unheard: arrived.is_some_and(|l| !is_echoed(l)),
            tries_since: tried.first().map(|(t, _)| t),
            idle: if waiting.first().is_some() { waiting.idle() } else { idle },
        }
    }
}

crate::pack::pack_fields!(Reset {
    from,
    time,
    packet,
    ack,
    window,
    len,
    ttl,
    accepted,
    exact,
    echoes,
    trigger,
    crossed,
    own_fin,
    own_fin_acked,
    peer_fin,
    peer_fin_acked,
    known,
    pending,
    unread,
    in_flight,
    answered,
    repeats,
    probes,
    peer_repeats,
    last_sent,
    stamped,
    probed,
    unheard,
    tries_since,
    idle,
});
crate::pack::pack_fields!(Trigger { packet, age, len, flags, knows_fin });

impl crate::pack::Item for Reset {}
