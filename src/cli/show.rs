//! `tcpstate show`: one connection as a ladder.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::args::{Timers, columns, connection};
use super::failure::Failure;
use super::jobs::Jobs;
use super::output::{self, Look, Target};
use super::reading::{self, Reading, Segments};
use crate::analyze::{Analysis, Options, Wanted};
use crate::render::ladder::{Format, Looks, render};
use crate::render::units::count;
use crate::show::{Collector, story};
use crate::time::Time;
use crate::timing::Extent;

/// How many segments are kept from standard input, which can be read only once.
const MOST: usize = 4_000_000;

/// What can be asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tcpstate show trace.pcap --connection 17
  tcpstate show trace.pcap -c 17 --format svg -o 17.svg
  tcpstate show trace.pcap -c 17 --format markdown    for tickets, as a Mermaid diagram")]
pub struct ShowArgs {
    /// Captures, as for `analyze`
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Its number, as `analyze` gives it; may be left out where there is only one
    #[arg(short, long, value_name = "ID", value_parser = connection)]
    connection: Option<u64>,

    /// Show every segment; without it the middle of long data runs is left out
    #[arg(long)]
    full: bool,

    /// How to write it; markdown is a Mermaid diagram [default: text, or what the name of --output says]
    #[arg(short, long, value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|word| word.parse::<Format>()))]
    format: Option<Format>,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Columns that the text is to fit in [default: those of the terminal, or $COLUMNS; as long as it gets in files and
    /// pipes]
    #[arg(long, value_name = "COLUMNS", value_parser = columns)]
    width: Option<u16>,

    #[command(flatten)]
    timers: Timers,

    #[command(flatten)]
    reading: Reading,
}

/// Shows it.
pub fn run(args: &ShowArgs, look: Look) -> Result<u8, Failure> {
    reading::check(&args.files, args.output.as_deref(), "show")?;
    let format = format(args)?;
    let options = Options { retracted: true, timing: Extent::Nothing, ..args.timers.options() };
    let profile = options.profile();
    let once = args.files.iter().any(|f| f.as_os_str() == "-");
    let mut segments = Segments::default();
    let mut analysis = Analysis::new(options);
    let mut all = once.then(|| Collector::new(profile, None));
    let files = match &mut all {
        Some(all) => reading::packets(&args.files, &args.reading, |packet| {
            analysis.packet(packet);
            if all.kept() < MOST {
                segments.of(packet, |segment| all.segment(segment));
            }
        })?,
        None => Jobs::default().read(&args.files, &args.reading, &mut analysis)?,
    };
    let code = reading::warn(&files, args.reading, false);
    let of = analysis.tracker().len();
    let id = args.connection.unwrap_or(1);
    let wanted = Wanted { only: Some(&|c| c.id == id), ..Wanted::default() };
    let mut report = analysis.finish_with(files, wanted);
    let connection = report.connections.pop().filter(|_| args.connection.is_some() || of == 1);
    let connection = connection.ok_or_else(|| Failure::usage(not_one(args.connection, of)))?;
    let collector = match all {
        Some(all) if all.kept() >= MOST => {
            let hint = "save it to a file first: tcpdump -w trace.pcap";
            return Err(Failure::file("-", format!("too long to be shown\n  {hint}")));
        }
        Some(all) => all,
        None => {
            let mut one = Collector::new(profile, Some(connection.clone()));
            let mut segments = Segments::default();
            reading::packets(&args.files, &args.reading.silent(), |packet| {
                segments.of(packet, |segment| one.segment(segment));
            })?;
            one
        }
    };
    let rows = collector.rows(&connection);
    let story = story(connection, rows, report.capture.last.unwrap_or(Time(0)));
    let target = Target::open(args.output.as_deref())?;
    let width = if target.is_file() { args.width.map(usize::from) } else { look.known_width(args.width) };
    let looks = Looks { full: args.full, width, colour: look.colour(target.is_file()) };
    target.write(|out| render(format, &story, &looks, out))?;
    Ok(code)
}

/// Why the connection to be shown is not known, among so many.
fn not_one(asked: Option<u64>, of: usize) -> String {
    match (asked, of) {
        (None, 0) => "show: there is no connection".to_owned(),
        (None, _) => format!(
            "show: which of the {} connections?\n  give its number, as in -c 1; `tcpstate analyze` lists them, worst first",
            count(of as u64)
        ),
        (Some(id), 0) => format!("show: there is no connection {id}; there is none"),
        (Some(id), _) => format!("show: there is no connection {id}; they are numbered from 1 to {}", count(of as u64)),
    }
}

fn format(args: &ShowArgs) -> Result<Format, Failure> {
    output::format(args.format, args.output.as_deref(), Format::of_extension, &Format::EXTENSIONS)
}
