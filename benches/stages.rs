//! Each stage with those before it, on generated traffic: `cargo bench --bench stages`. Packets per second are in the
//! column of items; what a stage costs is the difference to the one above.

#[path = "../tests/common/traffic.rs"]
mod traffic;

use std::io::Cursor;
use std::sync::OnceLock;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box_drop};
use tcpstate::analyze::{Analysis, Options};
use tcpstate::decode::Decoder;
use tcpstate::render::{Format, RenderOptions, render};
use tcpstate::source::{self, Packet};
use traffic::{Shape, pcap, pcapng, traffic as made};

fn main() {
    divan::main();
}

const NAMES: [&str; 5] = ["web", "churn", "synflood", "reuse", "elephant"];

/// A generated capture, made once: its packets and its bytes as pcap and as pcapng.
struct Capture {
    packets: usize,
    pcap: &'static [u8],
    pcapng: &'static [u8],
}

fn capture(name: &str) -> &'static Capture {
    static MADE: OnceLock<Vec<Capture>> = OnceLock::new();
    let all = MADE.get_or_init(|| {
        let sizes = [4_000, 5_000, 20_000, 10_000, 40_000];
        let shapes = Shape::ALL.iter().zip(sizes);
        shapes
            .map(|((_, shape), size)| {
                let frames = made(*shape, size);
                Capture { packets: frames.len(), pcap: pcap(&frames).leak(), pcapng: pcapng(&frames).leak() }
            })
            .collect()
    });
    &all[NAMES.iter().position(|known| *known == name).expect("a known shape")]
}

fn each(bytes: &'static [u8], mut take: impl FnMut(&Packet<'_>)) {
    let mut source = source::open_reader("made", Box::new(Cursor::new(bytes))).expect("a capture");
    while let Some(batch) = source.batch() {
        batch.for_each(|packet| take(&packet));
    }
}

fn analysed(name: &str) -> Analysis {
    let mut analysis = Analysis::new(Options::default());
    each(capture(name).pcap, |packet| analysis.packet(packet));
    analysis
}

#[divan::bench(args = NAMES)]
fn a_source_pcap(bencher: Bencher<'_, '_>, name: &str) {
    let capture = capture(name);
    bencher.counter(ItemsCount::new(capture.packets)).bench(|| each(capture.pcap, |packet| black_box_drop(*packet)));
}

#[divan::bench(args = NAMES)]
fn a_source_pcapng(bencher: Bencher<'_, '_>, name: &str) {
    let capture = capture(name);
    bencher.counter(ItemsCount::new(capture.packets)).bench(|| each(capture.pcapng, |packet| black_box_drop(*packet)));
}

#[divan::bench(args = NAMES)]
fn b_decode(bencher: Bencher<'_, '_>, name: &str) {
    let capture = capture(name);
    bencher.counter(ItemsCount::new(capture.packets)).bench(|| {
        let mut decoder = Decoder::new();
        each(capture.pcap, |packet| black_box_drop(decoder.decode(packet)));
    });
}

#[divan::bench(args = NAMES)]
fn c_analysis(bencher: Bencher<'_, '_>, name: &str) {
    let capture = capture(name);
    bencher.counter(ItemsCount::new(capture.packets)).bench(|| analysed(name));
}

#[divan::bench(args = NAMES)]
fn d_report(bencher: Bencher<'_, '_>, name: &str) {
    let capture = capture(name);
    bencher.counter(ItemsCount::new(capture.packets)).bench(|| analysed(name).finish(Vec::new()));
}

#[divan::bench(args = NAMES)]
fn e_whole_ndjson(bencher: Bencher<'_, '_>, name: &str) {
    let capture = capture(name);
    bencher.counter(ItemsCount::new(capture.packets)).bench(|| {
        let report = analysed(name).finish(Vec::new());
        render(Format::Ndjson, &report, &RenderOptions::default(), &mut std::io::sink()).expect("a sink takes all");
    });
}
