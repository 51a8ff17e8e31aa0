//! `tcpstate explain`: what a state means and what to do about it.

use super::failure::Failure;
use super::output::{self, Look};
use super::states::{self, Page};
use crate::filter::suggest::nearest;
use crate::render::text::{BOLD, CYAN, DIM, Text, wrap};
use crate::tracker::State;

/// What can be asked.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// A TCP state in any usual spelling (CLOSE_WAIT, close-wait, TCP_CLOSE_WAIT); without one, all are listed
    #[arg(value_name = "STATE")]
    topic: Option<String>,
}

/// Prints the page asked for, or the list of all.
pub fn run(args: &ExplainArgs, look: Look) -> Result<(), Failure> {
    let width = look.width(None).min(100);
    let colour = look.colour(false);
    let lines = match &args.topic {
        None => list(width),
        Some(topic) => {
            let state = topic.parse::<State>().map_err(|_| unknown(topic))?;
            page(states::page(state), width)
        }
    };
    output::print(|out| lines.iter().try_for_each(|line| line.line(out, colour)))
}

fn unknown(topic: &str) -> Failure {
    let near = nearest(topic, State::ALL.map(State::name));
    let hint = match near {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the states are {}", State::ALL.map(State::name).join(", ")),
    };
    Failure::usage(format!("explain: `{topic}` is not a TCP state\n  {hint}"))
}

fn list(width: usize) -> Vec<Text> {
    let mut lines =
        vec![Text::plain("The eleven TCP states of RFC 9293; `tcpstate explain STATE` tells more."), Text::new()];
    for page in &states::PAGES {
        let head = Text::styled(BOLD, page.state.name()).pad(13);
        lines.extend(wrap(head, 13, &Text::plain(page.meaning).words(), " ", width));
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
