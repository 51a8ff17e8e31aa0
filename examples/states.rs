//! Lists the connections of captures, each end's states with how each is known:
//!
//! ```text
//! cargo run --example states -- testdata/trouble.pcap
//! ```

use std::process::ExitCode;

use tcpstate::analyze::{Analysis, Options};
use tcpstate::report::Endpoint;
use tcpstate::source;

fn main() -> ExitCode {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        eprintln!("usage: states FILE...");
        return ExitCode::FAILURE;
    }
    let mut source = match source::open(&paths) {
        Ok(source) => source,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut analysis = Analysis::new(Options::default());
    while let Some(packet) = source.next() {
        analysis.packet(&packet);
    }
    // Damage is not an error: what was read is reported, and the file says what was wrong with it.
    for file in source.files() {
        if let Some(problem) = file.problem {
            eprintln!("{}: {problem}", file.name);
        }
    }
    for connection in analysis.finish(source.files()).connections {
        println!("#{} {} → {}: {}", connection.id, connection.client, connection.server, connection.outcome);
        println!("    client {}", states(&connection.endpoints.client));
        println!("    server {}", states(&connection.endpoints.server));
    }
    ExitCode::SUCCESS
}

/// The states one end went through.
fn states(end: &Endpoint) -> String {
    let entries = end.history.iter().map(|entry| format!("{} ({})", entry.state, entry.evidence));
    let mut text = entries.collect::<Vec<_>>().join(", ");
    if end.possible.len() > 1 {
        text += &format!("; the capture allows {} states at its end", end.possible.len());
    }
    text
}
