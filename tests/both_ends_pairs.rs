//! Matching of segments between two captures: what offload cuts up, what the network repeats, what is lost.

use tcpstate::bothends::pair::{CLIENT, Pairs, SERVER};
use tcpstate::bothends::segments::Segments;
use tcpstate::bothends::tap::Seen;
use tcpstate::report::Direction;
use tcpstate::segment::Socket;
use tcpstate::time::{Span, Time};

const DELAY: i64 = 5_000_000;
/// The server's clock is ahead.
const AHEAD: i64 = 1_000_000_000;

fn socket(last: u8, port: u16) -> Socket {
    Socket { addr: std::net::Ipv4Addr::new(10, 0, 0, last).into(), port }
}

/// A segment of the client, or of the server.
fn seen(from_client: bool, millis: i64, seq: u32, len: u32, flags: u8) -> Seen {
    let (client, server) = (socket(1, 40_000), socket(2, 80));
    let (src, dst) = if from_client { (client, server) } else { (server, client) };
    let time = Time(1_700_000_000_000_000_000 + millis * 1_000_000);
    Seen { time, packet: 0, src, dst, seq, ack: 1, len, flags, ip_id: 0, tsval: None }
}

/// Both captures: each segment sent with the pieces that arrive, none if it is lost.
fn captures(traffic: &[(Seen, Vec<Seen>)]) -> [Vec<Seen>; 2] {
    let mut taps = [Vec::new(), Vec::new()];
    for (sent, arrived) in traffic {
        let from = usize::from(sent.src.port == 80);
        let clock = |tap: usize| Span(if tap == SERVER { AHEAD } else { 0 });
        taps[from].push(Seen { time: sent.time + clock(from), ..*sent });
        let arrives = |piece: &Seen| Seen { time: piece.time + Span(DELAY) + clock(1 - from), ..*piece };
        taps[1 - from].extend(arrived.iter().map(arrives));
    }
    for tap in &mut taps {
        tap.sort_by_key(|s| s.time);
        tap.iter_mut().zip(1..).for_each(|(s, n)| s.packet = n);
    }
    taps
}

fn pair(taps: [&[Seen]; 2]) -> Pairs {
    let [client, server] = taps.map(|tap| tap.iter().copied().collect::<Segments>());
    tcpstate::bothends::pair::pair([&client, &server])
}

fn whole(segment: Seen) -> (Seen, Vec<Seen>) {
    (segment, vec![segment])
}

/// What frames the traffic of a test: a handshake and something back later on.
fn framed(middle: Vec<(Seen, Vec<Seen>)>) -> ([Direction; 2], Span) {
    let mut traffic = vec![whole(seen(true, 0, 100, 0, 2)), whole(seen(false, 6, 500, 0, 18))];
    traffic.extend(middle);
    traffic.push(whole(seen(true, 900, 99_000, 0, 16)));
    traffic.push(whole(seen(false, 910, 501, 7, 16)));
    let taps = captures(&traffic);
    let pairs = pair([&taps[CLIENT], &taps[SERVER]]);
    let fates = pairs.fates[0];
    (fates, pairs.clock.offset)
}

#[test]
fn clocks_are_measured_by_the_matches() {
    let (fates, offset) = framed(Vec::new());
    assert_eq!(offset, Span(AHEAD));
    assert_eq!(fates.map(|d| (d.sent, d.arrived, d.lost)), [(2, 2, 0); 2]);
}

#[test]
fn one_large_segment_arrives_as_several() {
    let large = seen(true, 20, 101, 4_000, 16);
    let piece = |seq: u32, len: u32| seen(true, 20, seq, len, 16);
    let (fates, _) = framed(vec![(large, vec![piece(101, 1_448), piece(1_549, 1_448), piece(2_997, 1_104)])]);
    assert_eq!((fates[CLIENT].lost, fates[CLIENT].arrived, fates[CLIENT].unseen), (0, 3, 0));
    let (fates, _) = framed(vec![(large, vec![piece(101, 1_448), piece(2_997, 1_104)])]);
    assert_eq!((fates[CLIENT].lost, fates[CLIENT].arrived), (1, 2), "a part of it is missing");
}

#[test]
fn several_segments_arrive_as_one() {
    let small = |i: u32| seen(true, 20, 101 + i * 1_000, 1_000, 16);
    let joined = seen(true, 20, 101, 3_000, 16);
    let (fates, _) = framed(vec![(small(0), vec![joined]), (small(1), vec![]), (small(2), vec![])]);
    assert_eq!((fates[CLIENT].lost, fates[CLIENT].arrived, fates[CLIENT].unseen), (0, 5, 0));
}

#[test]
fn of_a_segment_and_its_repetition_the_right_one_is_lost() {
    // Nothing but time tells them apart: no timestamps, no IP identification.
    let first = seen(true, 20, 101, 100, 24);
    let again = seen(true, 260, 101, 100, 24);
    let taps = |lost: [bool; 2]| {
        let sent = [first, again].into_iter().zip(lost).map(|(s, lost)| (s, if lost { vec![] } else { vec![s] }));
        let mut traffic = vec![whole(seen(true, 0, 100, 0, 2)), whole(seen(false, 6, 500, 0, 18))];
        traffic.extend(sent);
        traffic.push(whole(seen(false, 400, 501, 7, 16)));
        traffic.push(whole(seen(true, 500, 201, 0, 16)));
        captures(&traffic)
    };
    for lost in [[true, false], [false, true]] {
        let taps = taps(lost);
        let pairs = pair([&taps[CLIENT], &taps[SERVER]]);
        let linked = |millis: i64| {
            let i = taps[CLIENT].iter().position(|s| s.time == seen(true, millis, 0, 0, 0).time).unwrap();
            pairs.links[CLIENT].get(i).is_some()
        };
        assert_eq!([!linked(20), !linked(260)], lost);
    }
}

#[test]
fn repetitions_by_the_network_are_none_of_the_sender() {
    let data = seen(true, 20, 101, 100, 24);
    let late = seen(true, 23, 101, 100, 24);
    let (fates, _) = framed(vec![(data, vec![data, late])]);
    assert_eq!((fates[CLIENT].sent, fates[CLIENT].repeated, fates[CLIENT].lost), (3, 1, 0));
}

#[test]
fn what_was_sent_when_the_other_capture_did_not_run_is_undecided() {
    let mut traffic = vec![whole(seen(true, 0, 100, 0, 2)), whole(seen(false, 6, 500, 0, 18))];
    traffic.push((seen(true, 5_000, 101, 10, 24), vec![]));
    let taps = captures(&traffic);
    let pairs = pair([&taps[CLIENT], &taps[SERVER]]);
    let fates = pairs.fates[0];
    assert_eq!((fates[CLIENT].lost, fates[CLIENT].undecided), (0, 1));
}

#[test]
fn captures_of_nothing_in_common_are_no_panic() {
    let taps = captures(&[whole(seen(true, 0, 100, 0, 2))]);
    for segments in [[&taps[CLIENT][..], &[]], [&[][..], &taps[SERVER]], [&[], &[]]] {
        let pairs = pair(segments);
        assert!(!pairs.clock.known);
    }
}

/// What a NAT that has lost its entry lets through has the names that the client's capture has; what it translated before had
/// others.
#[test]
fn names_of_what_was_not_translated_any_more_are_no_reason_to_miss_the_rest() {
    let traffic = [
        whole(seen(true, 0, 100, 0, 2)),
        whole(seen(false, 6, 500, 0, 18)),
        whole(seen(true, 12, 101, 10, 24)),
        whole(seen(false, 18, 501, 10, 24)),
        whole(seen(true, 9_000, 111, 10, 24)),
        whole(seen(false, 9_006, 511, 0, 4)),
    ];
    let [client, mut server] = captures(&traffic);
    let outside = Socket { addr: std::net::Ipv4Addr::new(203, 0, 113, 9).into(), port: 40_000 };
    for segment in server.iter_mut().take(4) {
        let inside = if segment.src.port == 80 { &mut segment.dst } else { &mut segment.src };
        *inside = outside;
    }
    let pairs = pair([&client, &server]);
    assert_eq!((pairs.translation.len(), pairs.fates.len()), (1, 1));
    let fates = *pairs.fates.first().unwrap();
    assert_eq!(fates.map(|way| (way.arrived, way.lost)), [(3, 0), (3, 0)]);
}

/// As a SYN proxy does: the server's numbers are others at the client's side, and so is what the client acknowledges.
#[test]
fn what_has_other_numbers_at_the_other_side_is_not_lost() {
    let mut traffic = vec![whole(seen(true, 0, 100, 0, 2)), whole(seen(false, 6, 500, 0, 18))];
    for n in 0..5 {
        traffic.push(whole(seen(true, 12 + i64::from(n) * 20, 101 + n * 10, 10, 24)));
        traffic.push(whole(seen(false, 18 + i64::from(n) * 20, 501 + n * 10, 10, 24)));
    }
    let [mut client, mut server] = captures(&traffic);
    // By the numbers nothing tells how the clocks differ.
    server.iter_mut().for_each(|segment| segment.time = segment.time + Span(-AHEAD));
    for segment in &mut client {
        let number = if segment.src.port == 80 { &mut segment.seq } else { &mut segment.ack };
        *number = number.wrapping_add(77_777);
    }
    let pairs = pair([&client, &server]);
    assert_eq!((pairs.renumbered, pairs.fates), (1, vec![Default::default()]));
    assert_eq!(pair([&server, &server]).renumbered, 0);
}

/// What is sent at the client's side and what is sent at the server's, as one tap has it, each so much later than a whole
/// millisecond.
fn conversation(later: Span) -> Vec<Seen> {
    let all = [(true, 0, 100, 2), (false, 1, 500, 18), (true, 1, 101, 16), (true, 3, 101, 24), (false, 4, 501, 24)];
    let segment = |(from_client, millis, seq, flags)| {
        let segment = seen(from_client, millis, seq, u32::from(flags == 24), flags);
        Seen { time: segment.time + later, ..segment }
    };
    all.map(segment).to_vec()
}

#[test]
fn one_place_shows_by_clocks_that_would_show_a_way_between() {
    let (fine, coarse) = (conversation(Span(7_000)), conversation(Span(0)));
    assert!(pair([&fine, &fine]).one_place);
    assert!(!pair([&coarse, &coarse]).one_place, "by whole milliseconds a network nearby takes no time");
}
