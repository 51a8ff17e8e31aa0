//! The handshake that most connections begin with, as RFC 9293 draws it in Figure 6: SYN, SYN,ACK and ACK, each once, in
//! order, and nothing else in them. What follows from all three is known beforehand, and written down in one go. So is what
//! follows from the first payload of the client, if that is what comes next, and from the server's answer to it.

use super::case::{Case, Notes};
use super::connection::Connection;
use super::endpoint::{Endpoint, scale_of};
use super::mark::Mark;
use super::player::Player;
use super::rules::Event;
use super::state::Evidence;
use super::trace::Trace;
use super::usual::NEAR;
use crate::segment::{Flags, Segment};
use crate::time::Time;

/// SYN, SYN,ACK and ACK.
pub type Opening<'s> = [&'s Segment; 3];

const SYN_ACK: u16 = Flags::SYN.0 | Flags::ACK.0;

/// Whether nothing is rare in `seg`, with just these of the [control bits](Flags::CONTROL): no payload, no options that say
/// more than what a SYN offers.
fn is_bare(seg: &Segment, control: u16) -> bool {
    let o = &seg.options;
    seg.flags.control() == control && seg.len == 0 && !o.cut && !o.fast_open && o.sack_blocks == 0
}

/// Whether a handshake may begin with `seg`.
fn begins(seg: &Segment) -> bool {
    // The least time stands for none.
    is_bare(seg, Flags::SYN.0) && seg.time > Time(i64::MIN)
}

/// Whether it goes on with `seg` of the other end.
fn answers(syn: &Segment, seg: &Segment) -> bool {
    is_bare(seg, SYN_ACK) && seg.ack == syn.end() && seg.time >= syn.time
}

/// Whether `seg` of the first end completes it.
fn completes(syn: &Segment, syn_ack: &Segment, seg: &Segment) -> bool {
    let numbers = (seg.seq, seg.ack) == (syn.end(), syn_ack.end());
    is_bare(seg, Flags::ACK.0) && numbers && seg.window != 0 && seg.time >= syn_ack.time
}

/// What a tape began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// It was empty.
    Nothing,
    /// One segment or a few.
    Segments,
    /// A handshake, taken in one go.
    Opening,
}

impl<E: Notes> Case<E> {
    /// Begins anew with what `player` begins with: a handshake, which `open` takes in one go, or else one segment or a few,
    /// which `take` takes.
    pub(super) fn begin(
        &mut self,
        player: &mut Player<'_>,
        open: impl Fn(&mut Case<E>, Opening<'_>),
        take: impl Fn(&mut Case<E>, usize, &Segment),
    ) -> Begun {
        let Some(x) = player.advance() else { return Begun::Nothing };
        // What is read next may change it.
        let syn = *player.segment(x);
        self.restart(&syn);
        let second = if x == 0 && begins(&syn) { player.advance() } else { None };
        if let Some(y) = second.filter(|y| *y != x && answers(&syn, player.segment(*y)) && player.is_next_of(x)) {
            let syn_ack = *player.segment(y);
            player.advance();
            let seg = player.segment(x);
            if completes(&syn, &syn_ack, seg) {
                open(self, [&syn, &syn_ack, seg]);
                return Begun::Opening;
            }
            take(self, x, &syn);
            take(self, y, &syn_ack);
            take(self, x, seg);
            return Begun::Segments;
        }
        take(self, x, &syn);
        if let Some(y) = second {
            take(self, y, player.segment(y));
        }
        Begun::Segments
    }

    /// Goes on behind a handshake taken in one go: with payload of the client and the server's answer, each in one go as
    /// well; another segment, which `take` takes, is the last.
    pub(super) fn converse(&mut self, player: &mut Player<'_>, take: impl Fn(&mut Case<E>, usize, &Segment)) {
        let Some(x) = player.advance() else { return };
        let seg = player.segment(x);
        if x != 0 || seg.len == 0 || !self.connection.goes_on_after(x, seg) {
            return take(self, x, seg);
        }
        self.connection.ask(seg);
        self.notes.ask(seg);
        let asked = Mark::suggested(Event::RcvAckOfSyn, seg, false);
        let next = player.advance();
        if next == Some(1) && self.connection.goes_on_after(1, player.segment(1)) {
            self.connection.answer(player.segment(1));
            self.notes.answer(player.segment(1));
            return self.settle();
        }
        // It may be what completed the handshake, and nothing tells.
        self.connection.ends[1].log.push(asked);
        if let Some(x) = next {
            take(self, x, player.segment(x));
        }
    }

    /// Takes a handshake with which it begins.
    pub(super) fn open(&mut self, opening: Opening<'_>) {
        self.connection.open(opening);
        self.notes.open(opening);
    }
}

impl Connection {
    /// Takes a handshake with which it begins, of end 0: what [`Connection::take`] comes to for the three segments.
    pub(super) fn open(&mut self, [syn, syn_ack, ack]: Opening<'_>) {
        (self.last, self.last_packet) = (ack.time, ack.packet);
        self.scopes[1] = Some(syn_ack.scope);
        let [client, server] = &mut self.ends;
        client.begin_stream(syn, syn_ack.ack);
        server.begin_stream(syn_ack, ack.ack);
        (client.packets, client.syns, server.packets, server.syn_acks) = (2, 1, 1, 1);
        client.note_turnaround(ack.time - syn_ack.time);
        server.note_turnaround(syn_ack.time - syn.time);
        client.tsval_before_ack = ack.options.timestamps.map(|stamps| stamps.value);
        let proven = |event, seg: &Segment, proof: &Segment| Mark {
            evidence: Evidence::Confirmed,
            proof: proof.packet,
            ..Mark::suggested(event, seg, false)
        };
        let sent = Mark::sure(Event::SndSyn, Evidence::Sent, syn.time, syn.packet);
        client.log.begin([sent, proven(Event::RcvSynAck, syn_ack, ack)]);
        let acked = Mark::suggested(Event::RcvAckOfSyn, ack, false);
        server.log.begin([proven(Event::RcvSyn, syn, syn_ack), acked]);
        // Of the latest segment.
        (client.log.proves, server.log.proves) = (true, false);
        self.settle_scale();
        let [client, server] = &mut self.ends;
        (client.last, server.last) = (Some(Trace::of(ack)), Some(Trace::of(syn_ack)));
        client.offer(syn);
        client.offer(ack);
        server.offer(syn_ack);
        let handshake = &mut self.handshake;
        (handshake.syn, handshake.syn_ack, handshake.ack) = (syn.time.into(), syn_ack.time.into(), ack.time.into());
        (handshake.first_syn_ack, handshake.proven[0]) = (syn_ack.time.into(), ack.time.into());
    }

    /// Whether `seg` of end `x`, behind a plain handshake and what the client asked first, is in order, acknowledges all, and
    /// has nothing rare.
    fn goes_on_after(&self, x: usize, seg: &Segment) -> bool {
        let (own, peer, o) = (&self.ends[x], &self.ends[1 - x], &seg.options);
        seg.flags.control() == Flags::ACK.0
            && (seg.seq, seg.ack) == (own.next, peer.next)
            && seg.len < NEAR
            && seg.time > self.last
            && seg.window != 0
            && o.sack_blocks == 0
            && !o.cut
            && self.scopes[x] == Some(seg.scope)
    }

    /// The client's first payload: what [`Connection::take`] comes to for it, but for what it suggests of the server.
    fn ask(&mut self, seg: &Segment) {
        self.ends.iter_mut().for_each(|end| end.log.next());
        self.goes_on_with(0, seg);
    }

    /// The server's answer to it, which proves that the handshake was complete when the client's ACK had come. Nothing that this
    /// proves is asked of later segments.
    fn answer(&mut self, seg: &Segment) {
        self.goes_on_with(1, seg);
        self.handshake.proven[1] = seg.time.into();
        let log = &mut self.ends[1].log;
        log.prove_only(Event::RcvAckOfSyn, seg.packet);
        log.next();
    }
}

impl Endpoint {
    /// Its stream begins with `syn`, acknowledged up to `acked`.
    fn begin_stream(&mut self, syn: &Segment, acked: u32) {
        (self.isn, self.next, self.contiguous, self.seen) = (Some(syn.seq), syn.end(), syn.end(), true);
        (self.acked, self.ttl) = (Some(acked), Some(syn.ttl));
        self.scale = scale_of(syn);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analyze::Noted;
    use crate::pack::Pack;
    use crate::pack::block::Rows;
    use crate::segment::{Options, ScopeId, Socket, Timestamps};
    use crate::tracker::case::Scratch;
    use crate::tracker::tape::Tape;

    fn sockets() -> [Socket; 2] {
        [40_000, 443].map(|port| Socket { addr: [192, 0, 2, 1].into(), port })
    }

    prop_compose! {
        fn options()(
            (mss, scale, sack_permitted) in (prop::option::of(any::<u16>()), prop::option::of(any::<u8>()), any::<bool>()),
            stamps in prop::option::of(any::<(u32, u32)>()),
        ) -> Options {
            let timestamps = stamps.map(|(value, echo)| Timestamps { value, echo });
            Options { mss, window_scale: scale, sack_permitted, timestamps, ..Options::default() }
        }
    }

    prop_compose! {
        /// A handshake, with what may be wrong with one of its segments, and what comes after it: a request and its answer,
        /// or something like them.
        fn segments()(
            isns in any::<[u32; 2]>(),
            times in prop::array::uniform2(prop_oneof![Just(0_i64), 0..5_000_000_i64, 0..9_000_000_000_i64]),
            options in prop::array::uniform7(options()),
            (windows, ttls, checksums) in any::<([u16; 7], [u8; 7], [u16; 7])>(),
            ip_ids in prop::array::uniform7(prop_oneof![any::<u16>(), 0..3_u16]),
            lens in prop::array::uniform4(prop_oneof![Just(0_u32), Just(1), 0..3_000_u32]),
            first in prop::bool::weighted(0.2),
            fault in prop::option::weighted(0.6, (0..7_usize, 0..12_u8)),
            (flags, more) in (0..16_u16, 3..8_usize),
        ) -> Vec<Segment> {
            let [a, b] = sockets();
            let next = isns.map(|isn| isn.wrapping_add(1));
            let rest = [
                (0, isns[0], 0, Flags::SYN),
                (1, isns[1], next[0], Flags::SYN | Flags::ACK),
                (0, next[0], next[1], Flags::ACK),
            ];
            // Mostly the client asks.
            let talks = if first { [1, 0, 1, 0] } else { [0, 1, 0, 1] };
            let mut next = next;
            let talk = talks.into_iter().zip(lens).map(|(x, len)| {
                let seq = next[x];
                next[x] = seq.wrapping_add(len);
                (x, seq, next[1 - x], Flags(Flags::ACK.0 | Flags::PSH.0))
            });
            let rest = rest.into_iter().chain(talk);
            let mut time = 1_700_000_000_000_000_000;
            let mut segments: Vec<Segment> = Vec::new();
            for (n, (x, seq, ack, control)) in rest.enumerate().take(more) {
                time += times[n % 2];
                let (src, dst) = if x == 0 { (a, b) } else { (b, a) };
                let len = n.checked_sub(3).map_or(0, |n| lens[n]);
                segments.push(Segment {
                    time: Time(time), packet: n as u64 + 1, src, dst, seq, ack, len, captured: len,
                    flags: Flags(control.0 | (flags & 0xc) << 4), window: windows[n].max(1), checksum: checksums[n],
                    ip_id: ip_ids[n], ttl: ttls[n], options: options[n], scope: ScopeId(0),
                });
            }
            if let Some((n, fault)) = fault && n < segments.len() {
                let seg = &mut segments[n];
                match fault {
                    0 => seg.window = 0,
                    1 => (seg.len, seg.captured) = (10, 10),
                    2 => seg.ack = seg.ack.wrapping_add(1),
                    3 => seg.seq = seg.seq.wrapping_sub(1),
                    4 => seg.flags = seg.flags | Flags::RST,
                    5 => seg.flags = seg.flags | Flags::FIN,
                    6 => seg.time = Time(seg.time.0 - 6_000_000_000),
                    7 => seg.options.cut = true,
                    8 => seg.options.fast_open = true,
                    9 => (seg.options.sack_blocks, seg.options.sack[0]) = (1, (seg.ack, seg.ack.wrapping_add(9))),
                    10 => segments.insert(n, segments[n]),
                    _ => _ = segments.remove(n),
                }
                (1..).zip(&mut segments).for_each(|(packet, seg)| seg.packet = packet);
            }
            segments
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_handshake_in_one_go_comes_to_what_its_segments_come_to(segments in segments()) {
            let Some(first) = segments.first().copied() else { return Ok(()) };
            let ends = [first.src, first.dst];
            let (mut tape, mut rows) = (Tape::new(&first), Rows::default());
            let (mut long, mut short) = (Scratch::<Noted>::default(), Scratch::<Noted>::default());
            long.0.restart(&first);
            for seg in &segments {
                let x = usize::from(seg.src != ends[0]);
                prop_assume!(tape.record(first.packet, x, seg, &mut rows));
                long.0.take(x, seg, 0);
            }
            let mut player = tape.player(&ends, first.packet, &rows);
            let take = |case: &mut Case<Noted>, x: usize, seg: &Segment| _ = case.take(x, seg, 0);
            let begun = short.0.begin(&mut player, Case::open, take);
            prop_assert!(begun != Begun::Nothing);
            if begun == Begun::Opening {
                short.0.converse(&mut player, take);
            }
            while let Some(x) = player.advance() {
                short.0.take(x, player.segment(x), 0);
            }
            // What is asked of the latest segment alone.
            for case in [&mut long.0, &mut short.0] {
                case.connection.ends.iter_mut().for_each(|end| end.log.next());
                case.unsettle();
            }
            prop_assert_eq!(format!("{:?}", long.0), format!("{:?}", short.0));
        }
    }

    #[test]
    fn a_plain_handshake_is_taken_in_one_go_and_so_are_the_first_request_and_its_answer() {
        let [a, b] = sockets();
        let flags = [Flags::SYN, Flags::SYN | Flags::ACK, Flags::ACK, Flags::ACK, Flags::ACK];
        let seg = |n: usize, (src, dst), seq, ack, len| {
            let (time, packet) = (Time(n as i64 + 1), n as u64 + 1);
            Segment { time, packet, src, dst, seq, ack, len, flags: flags[n], window: 500, ..Segment::blank() }
        };
        let (there, back) = ((a, b), (b, a));
        let opening = [seg(0, there, 100, 0, 0), seg(1, back, 300, 101, 0), seg(2, there, 101, 301, 0)];
        let talk = [seg(3, there, 101, 301, 10), seg(4, back, 301, 111, 0)];
        let (mut tape, mut rows) = (Tape::new(&opening[0]), Rows::default());
        for seg in opening.iter().chain(&talk) {
            assert!(tape.record(1, usize::from(seg.src == b), seg, &mut rows));
        }
        let (opened, mut scratch) = (std::cell::Cell::new(false), Scratch::<()>::default());
        let mut player = tape.player(&[a, b], 1, &rows);
        let open = |case: &mut Case<()>, opening: Opening<'_>| {
            opened.set(true);
            case.open(opening);
        };
        let begun = scratch.0.begin(&mut player, open, |_, _, _| {});
        assert!(begun == Begun::Opening && opened.get());
        scratch.0.converse(&mut player, |_, _, seg| panic!("packet {} is taken by itself", seg.packet));
        assert!(player.advance().is_none() && scratch.0.connection.is_steady());
    }
}
