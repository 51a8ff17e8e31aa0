//! Packets of a connection that goes on cost no memory: after a while nothing is allocated for them. A short connection
//! costs no allocation of its own. What a filter leaves out is not kept.

// Counting allocations needs an allocator of our own, and `GlobalAlloc` is an unsafe trait.
#![allow(unsafe_code, reason = "GlobalAlloc")]

#[path = "common/traffic.rs"]
mod traffic;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Cursor;

use tcpstate::analyze::{Analysis, Options, Past, Wanted};
use tcpstate::decode::{Decoded, Decoder};
use tcpstate::report::Connection;
use tcpstate::source;
use traffic::{Frame, Shape, pcap, pcapng, traffic as made};

thread_local! {
    /// Of this thread only: the test harness has others.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Bytes allocated and not freed.
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

fn live(more: usize, less: usize) {
    LIVE.set(LIVE.get() + more as i64 - less as i64);
}

struct Counting;

// SAFETY: all calls are handed on to the system's allocator unchanged, and counting neither allocates (the counter is
// a constant-initialised thread-local without a destructor) nor touches the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        live(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        live(0, layout.size());
        // SAFETY: as above; `pointer` came from the same allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        live(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        live(size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations while `work` is done.
fn during(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

/// Packets until everything has its size: buffers, tables, the memory of round trips and windows.
const WARM: usize = 20_000;
const MORE: usize = 20_000;

/// Passes packets to `take`, and returns how many allocations those after the first [`WARM`] took, reading and all.
fn after_warming(file: Vec<u8>, mut take: impl FnMut(&source::Packet<'_>)) -> u64 {
    let mut source = source::open_reader("made", Box::new(Cursor::new(file))).expect("a capture");
    let mut packets = 0;
    while packets < WARM {
        packets += source.batch().expect("enough packets").map(|packet| take(&packet)).count();
    }
    let allocations = during(|| {
        while packets < WARM + MORE {
            packets += source.batch().expect("enough packets").map(|packet| take(&packet)).count();
        }
    });
    assert!(packets >= WARM + MORE);
    allocations
}

fn elephant() -> Vec<Frame> {
    made(Shape::Elephant, WARM + MORE + 100)
}

#[test]
fn reading_allocates_nothing_per_packet() {
    for file in [pcap(&elephant()), pcapng(&elephant())] {
        let mut bytes = 0;
        assert_eq!(after_warming(file, |packet| bytes += packet.data.len()), 0);
        assert!(bytes > 0);
    }
}

#[test]
fn decoding_allocates_nothing_per_packet() {
    let mut decoder = Decoder::new();
    let mut segments = 0;
    let allocations = after_warming(pcap(&elephant()), |packet| {
        segments += usize::from(matches!(decoder.decode(packet), Decoded::Segment(_)));
    });
    assert_eq!(allocations, 0);
    assert!(segments >= WARM + MORE, "all are segments");
}

#[test]
fn a_connection_that_goes_on_allocates_nothing_per_packet() {
    let mut analysis = Analysis::new(Options::default());
    let allocations = after_warming(pcap(&elephant()), |packet| analysis.packet(packet));
    assert_eq!(allocations, 0);
    assert_eq!(analysis.finish(Vec::new()).connections.len(), 1);
}

/// Allocations for so many short connections, from their first packet until they are added up.
fn of_connections(shape: Shape, size: usize) -> (u64, usize) {
    let mut source = source::open_reader("made", Box::new(Cursor::new(pcap(&made(shape, size))))).expect("a capture");
    let (mut connections, mut analysis) = (0, Analysis::new(Options::default()));
    let allocations = during(|| {
        while let Some(batch) = source.batch() {
            batch.for_each(|packet| analysis.packet(&packet));
        }
        let mut finish = analysis.ended(Vec::new());
        while let Some(stretch) = finish.next(Wanted::default()) {
            connections += stretch.rows.len();
        }
    });
    (allocations, connections)
}

#[test]
fn a_short_connection_allocates_nothing_of_its_own() {
    let (few, some) = of_connections(Shape::Churn, 5_000);
    let (many, more) = of_connections(Shape::Churn, 10_000);
    let (allocations, connections) = (many.saturating_sub(few), more - some);
    assert!(connections >= 4_000, "{connections}");
    // What grows with all of them, a piece at a time, and what sixteen share.
    assert!(allocations * 12 < connections as u64, "{allocations} for {connections}");
}

#[test]
fn nor_does_one_that_uses_ports_again() {
    let (few, some) = of_connections(Shape::Reuse, 5_000);
    let (many, more) = of_connections(Shape::Reuse, 10_000);
    let (allocations, connections) = (many.saturating_sub(few), more - some);
    assert_eq!(connections, 5_000);
    // The numbers of one in 128 lie too close to those of the one before.
    assert!(allocations * 5 < connections as u64, "{allocations} for {connections}");
}

/// Bytes that it takes, for each connection, to look at all of them and keep the `first` ones; and how many there are.
fn kept(size: usize, first: u64) -> (i64, usize) {
    let mut source =
        source::open_reader("made", Box::new(Cursor::new(pcap(&made(Shape::Web, size))))).expect("a capture");
    let mut analysis = Analysis::new(Options::default());
    while let Some(batch) = source.batch() {
        batch.for_each(|packet| analysis.packet(&packet));
    }
    let of = analysis.tracker().len();
    let mut finish = analysis.ended_after(Past::default(), Vec::new());
    let keep = |c: &Connection| c.id <= first;
    let wanted = Wanted { connections: true, only: Some(&keep), ..Wanted::default() };
    let (before, mut all) = (LIVE.get(), Vec::new());
    while let Some(stretch) = finish.next(wanted) {
        all.extend(stretch.connections);
    }
    assert_eq!(all.len() as u64, first.min(of as u64));
    ((LIVE.get() - before) / of as i64, of)
}

#[test]
fn connections_that_a_filter_leaves_out_are_not_kept() {
    let [(few, of), (all, _)] = [10, u64::MAX].map(|first| kept(6_000, first));
    assert!(of > 4_000, "{of}");
    assert!(few < 250 && all > 2_000, "{few} and {all} bytes for each of {of}");
}
