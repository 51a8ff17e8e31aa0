//! `tcpstate explain`: what a state or a finding means, how it is decided, and what to do about it.

use super::failure::Failure;
use super::names::Offer;
use super::output::{self, Look};
use super::states::{self, Page};
use crate::detect::{self, Declaration};
use crate::render::text::{BOLD, CYAN, DIM, Text, wrap};
use crate::spelling::suggestion;
use crate::tracker::State;

/// What can be asked.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// A TCP state in any usual spelling (CLOSE_WAIT, close-wait, TCP_CLOSE_WAIT), or a finding by name or code; without
    /// one, all are listed
    #[arg(value_name = "STATE|NAME|CODE", value_parser = Offer::TOPICS, hide_possible_values = true)]
    topic: Option<String>,

    /// How to write it; states are explained as text only
    #[arg(short, long, value_enum, default_value_t = PageFormat::Text)]
    format: PageFormat,
}

/// How a page can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PageFormat {
    /// For the terminal
    Text,
    /// Markdown
    Markdown,
    /// JSON
    Json,
}

/// Prints the page asked for, or the list of all.
pub fn run(args: &ExplainArgs, look: Look) -> Result<(), Failure> {
    let width = look.width(None).min(100);
    let colour = look.colour(false);
    let finding = args.topic.as_deref().and_then(detect::find);
    if args.format != PageFormat::Text {
        let wanted = match (&args.topic, finding) {
            (None, _) => detect::ALL.to_vec(),
            (Some(_), Some(finding)) => vec![finding],
            (Some(topic), None) if topic.parse::<State>().is_ok() => {
                let hint = format!("tcpstate explain {topic}");
                return Err(Failure::usage(format!("explain: states are explained as text only\n  write `{hint}`")));
            }
            (Some(topic), None) => return Err(unknown(topic)),
        };
        return written(&wanted, args.format, args.topic.is_none());
    }
    let lines = match (&args.topic, finding) {
        (None, _) => list(width),
        (Some(_), Some(finding)) => finding_page(finding, width),
        (Some(topic), None) => {
            let state = topic.parse::<State>().map_err(|_| unknown(topic))?;
            page(states::page(state), width)
        }
    };
    output::print(|out| lines.iter().try_for_each(|line| line.line(out, colour)))
}

fn unknown(topic: &str) -> Failure {
    let states = State::ALL.map(State::name);
    let hint = suggestion(topic, states.into_iter().chain(detect::ALL.iter().map(|d| d.name)))
        .unwrap_or_else(|| format!("the states are {}; `tcpstate explain` lists the findings, too", states.join(", ")));
    Failure::usage(format!("explain: `{topic}` is neither a TCP state nor a finding\n  {hint}"))
}

/// Pages for other programs; all of them as one table or one array.
fn written(wanted: &[&Declaration], format: PageFormat, all: bool) -> Result<(), Failure> {
    let text = match format {
        PageFormat::Json => {
            let mut pages: Vec<_> = wanted.iter().map(|d| d.json()).collect();
            let value = if all { serde_json::Value::from(pages) } else { pages.remove(0) };
            format!("{value:#}\n")
        }
        _ => {
            let pages: Vec<_> = wanted.iter().map(|d| d.markdown()).collect();
            let table = if all { format!("{}\n", detect::table()) } else { String::new() };
            format!("{table}{}", pages.join("\n"))
        }
    };
    output::print(|out| out.write_all(text.as_bytes()))
}

/// The page of a finding.
fn finding_page(d: &Declaration, width: usize) -> Vec<Text> {
    let head = Text::styled(BOLD, &format!("{} {}", d.code, d.name)).and("  ");
    let said = Text::plain(&format!("{}: {}.", d.severity.name(), d.summary));
    let mut lines = wrap(head, 2, &said.words(), " ", width);
    for (heading, text) in d.parts() {
        lines.push(Text::new());
        lines.push(Text::plain("  ").with(CYAN, heading));
        lines.extend(wrap(Text::plain("    "), 4, &Text::plain(text).words(), " ", width));
    }
    if !d.thresholds.is_empty() {
        lines.push(Text::new());
        lines.push(Text::plain("  ").with(CYAN, "Thresholds").and(" (--threshold NAME=VALUE)"));
        for t in d.thresholds {
            let head = Text::plain("    ").with(BOLD, t.name).and(&format!(" = {}  ", t.write(t.default)));
            let stuck = if t.waits { "; --stuck-after sets it, too" } else { "" };
            let said = Text::plain(&format!("{}; from {}{stuck}", t.meaning, t.source));
            lines.extend(wrap(head, 8, &said.words(), " ", width));
        }
    }
    for (heading, example) in [("Raised by", &d.raises), ("Not raised by", &d.silent)] {
        lines.push(Text::new());
        let often = example.repetition().map(|r| format!(" ({r})")).unwrap_or_default();
        lines.push(Text::plain("  ").with(CYAN, heading).and(&often));
        lines.extend(example.ladder.lines().map(|line| Text::styled(DIM, &format!("    {line}"))));
    }
    lines
}

fn list(width: usize) -> Vec<Text> {
    let mut lines =
        vec![Text::plain("The eleven TCP states of RFC 9293; `tcpstate explain STATE` tells more."), Text::new()];
    for page in &states::PAGES {
        let head = Text::styled(BOLD, page.state.name()).pad(13);
        lines.extend(wrap(head, 13, &Text::plain(page.meaning).words(), " ", width));
    }
    lines.extend([
        Text::new(),
        Text::plain("The findings, by code; `tcpstate explain NAME` tells how each is decided and what to do."),
        Text::new(),
    ]);
    for d in detect::ALL {
        let head = Text::plain(d.code).and(" ").with(BOLD, d.name).pad(32);
        let said = Text::plain(&format!("{}: {}", d.severity.name(), d.summary));
        lines.extend(wrap(head, 32, &said.words(), " ", width));
    }
    lines
}

fn page(page: &Page, width: usize) -> Vec<Text> {
    let mut lines =
        wrap(Text::styled(BOLD, page.state.name()).and("  "), 2, &Text::plain(page.meaning).words(), " ", width);
    lines.push(Text::new());
    for (label, text) in [
        ("waiting", page.waiting),
        ("entered", page.entered),
        ("left", page.left),
        ("normal", page.normal),
        ("in ss", page.ss),
        ("on the wire", page.capture),
        ("when stuck", page.stuck),
    ] {
        let head = Text::plain("  ").with(CYAN, label).pad(15);
        lines.extend(wrap(head, 15, &Text::plain(text).words(), " ", width));
    }
    let spellings = format!("also written {}; RFC 9293 3.3.2", spellings(page.state).join(", "));
    lines.push(Text::new());
    lines.extend(wrap(Text::plain("  "), 2, &Text::styled(DIM, &spellings).words(), " ", width));
    lines
}

/// How others write it: ss and the RFC, netstat, the kernel.
fn spellings(state: State) -> [String; 3] {
    let name = state.name();
    let ss = match state {
        State::Closed => "UNCONN".to_owned(),
        State::SynRcvd => "SYN-RECV".to_owned(),
        State::Established => "ESTAB".to_owned(),
        _ => name.replace('_', "-"),
    };
    let netstat = match state {
        State::SynRcvd => "SYN_RECV".to_owned(),
        State::FinWait1 | State::FinWait2 => name.replace("WAIT_", "WAIT"),
        _ => name.to_owned(),
    };
    let kernel = match state {
        State::Closed => "TCP_CLOSE".to_owned(),
        _ => format!("TCP_{netstat}"),
    };
    [format!("{ss} (ss)"), format!("{netstat} (netstat)"), format!("{kernel} (kernel)")]
}

/// For tests that what is printed can be read back: every spelling is understood.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_named_are_understood() {
        for state in State::ALL {
            for spelling in spellings(state) {
                let word = spelling.split(' ').next().unwrap();
                assert_eq!(word.parse(), Ok(state), "{word}");
            }
        }
    }

    #[test]
    fn pages_fit_in_eighty_columns() {
        let mut out: Vec<u8> = Vec::new();
        for state in State::ALL {
            page(states::page(state), 80).iter().try_for_each(|line| line.line(&mut out, false)).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80));
    }
}
