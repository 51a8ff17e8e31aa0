//! Ladders of real connections: what is printed can be read again and tells the same story; pictures are well formed.

mod common;

use std::path::Path;

use tcpstate::analyze::{Analysis, Options};
use tcpstate::decode::{Decoded, Decoder};
use tcpstate::ladder;
use tcpstate::render::ladder::{Format, Looks, render};
use tcpstate::report::{Connection, Side};
use tcpstate::show::{Collector, Story, story};
use tcpstate::source;
use tcpstate::time::Time;
use tcpstate::tracker::{Evidence, State, Tracker};

/// Reads `file` and calls `each` with the story of every connection.
fn stories(file: &Path, mut each: impl FnMut(Story)) {
    let options = Options { retracted: true, ..Options::default() };
    let profile = options.profile();
    let read = |take: &mut dyn FnMut(&source::Packet<'_>)| {
        let mut source = source::open(&[file]).expect("the capture can be read");
        while let Some(packet) = source.next() {
            take(&packet);
        }
        source.files()
    };
    let mut analysis = Analysis::new(options.clone());
    let files = read(&mut |packet| analysis.packet(packet));
    let report = analysis.finish(files);
    let end = report.capture.last.unwrap_or(Time(0));
    for connection in report.connections {
        let mut collector = Collector::new(profile, Some(connection.clone()));
        let mut decoder = Decoder::new();
        read(&mut |packet| {
            if let Decoded::Segment(segment) = decoder.decode(packet) {
                collector.segment(&segment);
            }
        });
        let rows = collector.rows(&connection);
        each(story(connection, rows, end));
    }
}

fn shown(story: &Story, format: Format, full: bool) -> String {
    let mut out = Vec::new();
    render(format, story, &Looks { full, ..Looks::default() }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The states entered by one end up to its last segment or the other's; timers run out later than a ladder ends.
fn states(connection: &Connection, side: Side) -> Vec<State> {
    let history = &connection.endpoints.get(side).history;
    let last = connection.last;
    let within = history.iter().filter(|e| e.captured.unwrap_or(e.time) <= last && e.evidence != Evidence::Timer);
    within.map(|e| e.state).collect()
}

/// What the tracker makes of a printed ladder, by client and server.
fn reread(text: &str, end: Time) -> [Vec<State>; 2] {
    let ladder = ladder::parse(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let mut tracker = Tracker::new();
    for segment in ladder.segments() {
        tracker.segment(&segment);
    }
    let mut found = [Vec::new(), Vec::new()];
    // The connection itself; what the ladder holds of an older one on the same ports came before it.
    if let Some(c) = tracker.connections().last() {
        let first = usize::from(c.sockets[0] != ladder.left);
        let profile = ladder.stack.profile();
        let verdicts = c.verdicts(end, &profile);
        let last = c.last;
        for (side, states) in found.iter_mut().enumerate() {
            let steps = verdicts[first ^ side].steps.iter();
            let within = steps.filter(|s| s.mark.time <= last && s.mark.evidence != Evidence::Timer);
            states.extend(within.map(|s| s.rule.to));
        }
    }
    found
}

#[test]
fn what_is_shown_can_be_pasted_into_a_test() {
    let Some(truth) = common::truth() else { return };
    let (mut all, mut wrong) = (0, Vec::new());
    for scenario in
        ["normal_client_close", "lost_fin", "half_close", "simultaneous_close", "zero_window", "rst_injection"]
    {
        stories(&truth.join(scenario).join("client.pcap"), |story| {
            let text = shown(&story, Format::Text, true);
            let end = Time((story.end - story.lines[0].time).0);
            let again = reread(&text, end);
            let told = [Side::Client, Side::Server].map(|side| states(&story.connection, side));
            all += 1;
            if again != told {
                wrong.push(format!("{scenario}: {told:?} became {again:?}\n{text}"));
            }
        });
    }
    assert!(all > 20, "{all}");
    assert!(wrong.is_empty(), "{} of {all}\n{}", wrong.len(), wrong.join("\n"));
}

/// At every width the whole story is told within it; where the notation fits, it is still read.
#[test]
fn a_ladder_fits_into_the_page() {
    let trouble = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/trouble.pcap");
    stories(&trouble, |story| {
        for width in [60, 80, 120, 160, 200] {
            let mut out = Vec::new();
            render(Format::Text, &story, &Looks { full: true, width: Some(width), colour: false }, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            let said: String = text.split_whitespace().filter(|word| *word != "#").collect::<Vec<_>>().join(" ");
            for seen in story.lines.iter().filter_map(|line| line.seen.as_ref()) {
                let packet = format!("#{}", seen.segment.packet);
                assert!(said.contains(&packet) && said.contains(&format!("SEQ={}", seen.seq)), "{packet} in {text}");
            }
            assert_eq!(ladder::parse(&text).is_ok(), text.contains("<SEQ="), "{width}: {text}");
        }
    });
}

#[test]
fn every_cell_ends_in_the_state_of_the_report() {
    let Some(truth) = common::truth() else { return };
    for scenario in ["mix_clean", "tw_reuse_server"] {
        stories(&truth.join(scenario).join("server.pcap"), |story| {
            let last = story.lines.last().expect("a connection has segments");
            for side in [Side::Client, Side::Server] {
                let told = story.connection.endpoints.get(side);
                assert_eq!(*last.states.get(side), told.state, "{scenario} #{} {side:?}", story.connection.id);
            }
        });
    }
}

#[test]
fn pictures_are_well_formed_and_complete() {
    let Some(truth) = common::truth() else { return };
    stories(&truth.join("lost_fin").join("client.pcap"), |story| {
        let svg = shown(&story, Format::Svg, true);
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 "));
        for tag in ["svg", "text", "style", "title", "tspan"] {
            let opened = svg.matches(&format!("<{tag} ")).count() + svg.matches(&format!("<{tag}>")).count();
            assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        let segments = story.lines.iter().filter(|l| l.seen.is_some()).count();
        assert_eq!(svg.matches("<line class=\"arrow").count(), segments);
        let states: usize = story.lines.iter().map(|l| l.turns.len()).sum();
        assert_eq!(svg.matches("<rect class=\"box").count(), states);

        let markdown = shown(&story, Format::Markdown, true);
        let diagram = markdown.split("```").nth(1).expect("a fenced block");
        assert!(diagram.starts_with("mermaid\nsequenceDiagram\n"));
        let arrows = ["->>", "-x"].iter().map(|a| diagram.matches(a).count()).sum::<usize>();
        assert_eq!(arrows, segments);
        assert!(!diagram.contains([';', '#']), "these end statements in Mermaid");
        let json: serde_json::Value = serde_json::from_str(&shown(&story, Format::Json, false)).unwrap();
        assert_eq!(json["lines"].as_array().unwrap().len(), story.lines.len());
    });
}

#[test]
fn long_data_runs_are_folded_unless_asked_for() {
    let Some(truth) = common::truth() else { return };
    stories(&truth.join("bulk_gso").join("client.pcap"), |story| {
        let (short, full) = (shown(&story, Format::Text, false), shown(&story, Format::Text, true));
        assert!(short.contains(" segments, ") && short.lines().count() < 40, "{short}");
        assert!(!full.contains("…") && full.lines().count() > 100);
        assert!(ladder::parse(&short).is_ok());
    });
}
