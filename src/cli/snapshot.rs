//! `tcpstate snapshot`: what each host would have listed at a time; counts per state over time.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::args::{Timers, duration};
use super::failure::Failure;
use super::output::{Look, Target};
use super::reading::{self, Reading};
use super::when::When;
use crate::analyze::Analysis;
use crate::filter;
use crate::render::Format;
use crate::render::snapshot as render;
use crate::report::Report;
use crate::snapshot::{Moment, rows, series};
use crate::time::{Span, Time};

/// Points in a series; more are refused, as nobody reads them.
const MOST: i64 = 1_000_000;

/// What can be asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tcpstate snapshot trace.pcap --at +3.2s
  tcpstate snapshot trace.pcap --at '#120'
  tcpstate snapshot trace.pcap --at 2023-11-14T22:13:20Z --filter 'host 10.0.0.1'
  tcpstate snapshot trace.pcap --every 1s --format csv > states.csv")]
pub struct SnapshotArgs {
    /// Captures, as for `analyze`
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The time: +3.2s since the first packet, #120 when that packet had been captured, seconds since 1970, or a date as
    /// 2023-11-14T22:13:20Z [default: the last packet, or with --every the first]
    #[arg(long, value_name = "TIME", value_parser = |word: &str| word.parse::<When>())]
    at: Option<When>,

    /// How many endpoints are in each state, again and again after this time, with the least and the most possible
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    every: Option<Span>,

    /// Only connections that pass, as in 'host 10.0.0.1'
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,

    /// How to write it
    #[arg(short, long, default_value = "table", value_parser = PossibleValuesParser::new(["table", "json", "ndjson", "csv"]).try_map(|word| word.parse::<Format>()))]
    format: Format,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Columns to fit in [default: those of the terminal, or $COLUMNS, or 100]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    width: Option<u16>,

    #[command(flatten)]
    timers: Timers,

    #[command(flatten)]
    reading: Reading,
}

/// Shows it.
pub fn run(args: &SnapshotArgs, look: Look) -> Result<u8, Failure> {
    let filter = args.filter.as_deref().map(filter::parse).transpose();
    let filter = filter.map_err(|error| Failure::usage(format!("--filter: {error}")))?;
    reading::check(&args.files, args.output.as_deref(), "snapshot")?;
    let wanted = match args.at {
        Some(When::Packet(number)) => Some(number),
        _ => None,
    };
    let mut captured = None;
    let mut analysis = Analysis::new(args.timers.options());
    let files = reading::packets(&args.files, &args.reading, |packet| {
        if Some(packet.number) == wanted {
            captured = Some(packet.time);
        }
        analysis.packet(packet);
    })?;
    let code = reading::warn(&files, args.reading, false);
    let mut report = analysis.finish_with(files, Some(&|_| false));
    let moment = moment(args, &report, captured)?;
    if let Some(filter) = &filter {
        report.connections.retain(|c| filter.matches(c));
    }
    let target = Target::open(args.output.as_deref())?;
    let looks = render::Looks { width: look.width(args.width), colour: look.colour(target.is_file()) };
    match args.every {
        None => {
            let rows = rows(&report, &moment);
            target.write(|out| render::rows(args.format, &moment, &rows, &looks, out))?;
        }
        Some(step) => {
            let from = args.at.map_or(report.capture.first.unwrap_or(Time(0)), |_| moment.time());
            let points = (report.capture.last.unwrap_or(from) - from).0 / step.0.max(1);
            if step.0 <= 0 || points > MOST {
                let points = format!("--every: that would be {points} points; {MOST} are the most");
                return Err(Failure::usage(points));
            }
            let series = series(&report, from, step, MOST as usize + 1);
            target.write(|out| render::series(args.format, &series, from, &looks, out))?;
        }
    }
    Ok(code)
}

fn moment(args: &SnapshotArgs, report: &Report, captured: Option<Time>) -> Result<Moment, Failure> {
    let capture = &report.capture;
    let first = capture.first.unwrap_or(Time(0));
    match args.at {
        None => Ok(Moment::Time(capture.last.unwrap_or(first))),
        Some(When::Absolute(time)) => Ok(Moment::Time(time)),
        Some(When::Since(span)) => Ok(Moment::Time(first + span)),
        Some(When::Packet(number)) => match captured {
            Some(time) => Ok(Moment::Packet(number, time)),
            None => {
                let have = format!("the capture has packets 1 to {}", capture.packets);
                Err(Failure::usage(format!("--at: there is no packet {number}; {have}")))
            }
        },
    }
}
