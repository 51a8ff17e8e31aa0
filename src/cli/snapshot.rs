//! `tcpstate snapshot`: what each host would have listed at a time; counts per state over time.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::args::{Timers, columns, duration};
use super::failure::Failure;
use super::jobs::Jobs;
use super::names;
use super::output::{self, Look, Target, tell};
use super::reading::{self, Reading};
use super::when::{When, on_the_day};
use crate::analyze::{Analysis, Finish, Keep, MANY, Options, Past, ROUND};
use crate::filter::Filter;
use crate::render::Format;
use crate::render::snapshot as render;
use crate::render::units::{Zone, count, date, span};
use crate::report::{Capture, Connection};
use crate::snapshot::{Counting, Moment, Row, Series, Sockets};
use crate::time::{Span, Time};
use crate::timing::Extent;

/// Of 1970: whoever writes so small a number hardly means a date.
const YEAR: i64 = 365 * 86_400_000_000_000;

/// Points in a series; more are refused, as nobody reads them.
const MOST: i64 = 1_000_000;

/// How it can be written.
const FORMATS: [Format; 4] = [Format::Table, Format::Json, Format::Ndjson, Format::Csv];

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

    /// The time: +3.2s since the first packet, #120 when that packet had been captured, 22:13:20 or 2023-11-14T22:13:20Z,
    /// in UTC where no zone is given, or seconds since 1970 [default: the last packet, or with --every the first]
    #[arg(long, value_name = "TIME", value_parser = |word: &str| word.parse::<When>())]
    at: Option<When>,

    /// How many endpoints are in each state, again and again after this time, with the least and the most possible
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    every: Option<Span>,

    /// Only connections that pass, as in 'host 10.0.0.1'; states in it are those at the end of the capture
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,

    /// How to write it [default: table, or what the name of --output says]
    #[arg(short, long, value_parser = PossibleValuesParser::new(FORMATS.map(Format::name)).try_map(|word| word.parse::<Format>()))]
    format: Option<Format>,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Columns to fit in [default: those of the terminal, or $COLUMNS, or 100]
    #[arg(long, value_name = "COLUMNS", value_parser = columns)]
    width: Option<u16>,

    #[command(flatten)]
    timers: Timers,

    #[command(flatten)]
    reading: Reading,
}

/// Shows it.
pub fn run(args: &SnapshotArgs, look: Look) -> Result<u8, Failure> {
    let filter = args.filter.as_deref().map(|text| names::filter("--filter", text)).transpose()?;
    reading::check(&args.files, args.output.as_deref(), "snapshot")?;
    let format = format(args)?;
    let matches = |c: &Connection| filter.as_ref().is_none_or(|filter| filter.matches(c));
    let (mut any, mut shown) = (false, Shown::default());
    let (mut finish, captured) = read(args, |c, capture| {
        any |= matches(c);
        // What is let go was over by then, and later.
        if let Some(moment) = reached(args, capture).filter(|_| matches(c)) {
            shown.take(args, c, Moment::Time(moment), capture);
        }
    })?;
    let code = reading::warn(&finish.capture().files, args.reading, false);
    let moment = moment(args, finish.capture(), captured)?;
    let target = Target::open(args.output.as_deref())?;
    let (width, colour) = (look.width(args.width), look.colour(target.is_file()));
    let looks = render::Looks { width, colour, some: filter.is_some() };
    let Some(moment) = moment else {
        target.write(|out| render::nothing(format, args.every.is_some(), &looks, out))?;
        return Ok(code);
    };
    let end = finish.capture().last.unwrap_or(moment.time());
    args.every.map_or(Ok(()), |step| few(step, end - moment.time()))?;
    let (only, capture): (Option<Keep<'_>>, _) = (filter.as_ref().map(|_| &matches as _), finish.capture().clone());
    Jobs::default().connections(&mut finish, only, |c| {
        any = true;
        shown.take(args, c, moment, &capture);
    });
    tell_if_none(filter.as_ref(), args, any);
    match args.every {
        None => target.write(|out| render::rows(format, &moment, &shown.rows(), &looks, out))?,
        Some(step) => {
            let series = shown.series(moment.time(), step, end);
            target.write(|out| render::series(format, &series, moment.time(), &looks, out))?;
        }
    }
    Ok(code)
}

/// What is to be shown, as far as connections were taken.
#[derive(Default)]
struct Shown {
    sockets: Option<Sockets>,
    counting: Option<Counting>,
}

impl Shown {
    fn take(&mut self, args: &SnapshotArgs, c: &Connection, moment: Moment, capture: &Capture) {
        let now = moment.time();
        match args.every {
            None => {
                let begin = capture.first.unwrap_or(now);
                self.sockets.get_or_insert_with(|| Sockets::new(moment, begin)).take(c);
            }
            Some(step) => {
                let end = capture.last.unwrap_or(now);
                self.counting.get_or_insert_with(|| counting(now, step)).take(c, end);
            }
        }
    }

    fn rows(self) -> Vec<Row> {
        self.sockets.map(Sockets::finish).unwrap_or_default()
    }

    fn series(self, from: Time, step: Span, end: Time) -> Series {
        self.counting.unwrap_or_else(|| counting(from, step)).finish(end)
    }
}

fn counting(from: Time, step: Span) -> Counting {
    Counting::new(from, step, MOST as usize + 1)
}

/// Refuses a series of more points than anybody reads.
fn few(step: Span, length: Span) -> Result<(), Failure> {
    if step.0 <= 0 {
        return Err(Failure::usage("--every: takes a duration above zero, as in 10s".to_owned()));
    }
    let points = length.0 / step.0;
    if points > MOST {
        let points = format!("that would be {} points; {} are the most", count(points as u64), count(MOST as u64));
        return Err(Failure::usage(format!("--every: {points}")));
    }
    Ok(())
}

/// Reads all; `take` takes connections that are let go meanwhile. The others, and when the packet asked for was captured.
fn read(
    args: &SnapshotArgs,
    take: impl FnMut(&Connection, &Capture),
) -> Result<(Finish<'static>, Option<Time>), Failure> {
    let mut analysis = Analysis::new(Options { timing: Extent::Nothing, ..args.timers.options() });
    let Some(When::Packet(number)) = args.at else {
        let analysis = analysis.bounded(MANY);
        return Ok((Jobs::default().read_letting_go(&args.files, &args.reading, analysis, take)?, None));
    };
    let mut captured = None;
    let files = reading::packets(&args.files, &args.reading, |packet| {
        if packet.number == number {
            captured = Some(packet.time);
        }
        analysis.packet(packet);
    })?;
    Ok((analysis.ended_after(Past::default(), files).in_rounds(ROUND), captured))
}

/// The moment asked for, if it is not the end of the capture, and `capture` has come as far.
fn reached(args: &SnapshotArgs, capture: &Capture) -> Option<Time> {
    let (first, last) = (capture.first?, capture.last?);
    let time = match args.at {
        None if args.every.is_some() => first,
        None | Some(When::Packet(_)) => return None,
        Some(When::Absolute(time) | When::Seconds(time)) => time,
        // However long the capture is to be.
        Some(When::OfDay(span)) => on_the_day(span, (first, Time(i64::MAX))),
        Some(When::Since(span)) => first + span,
    };
    (time <= last).then_some(time.max(first))
}

/// The format asked for, or the one that the output's name stands for, or the table.
fn format(args: &SnapshotArgs) -> Result<Format, Failure> {
    let of = |ending: &str| Format::of_extension(ending).filter(|format| FORMATS.contains(format));
    let endings = Format::EXTENSIONS.map(|ending| of(ending).map(|_| ending));
    let endings: Vec<&str> = endings.into_iter().flatten().collect();
    output::format(args.format, args.output.as_deref(), of, &endings)
}

fn tell_if_none(filter: Option<&Filter>, args: &SnapshotArgs, any: bool) {
    if let Some(filter) = filter.filter(|_| !any && !args.reading.quiet) {
        let hint = if filter.is_of_the_end() { "; states in it are those at the end of the capture" } else { "" };
        tell(format_args!("tcpstate: --filter: no connection matches{hint}"));
    }
}

/// The moment asked for, or the end of the capture, of a series its begin; none if there are no packets.
fn moment(args: &SnapshotArgs, capture: &Capture, captured: Option<Time>) -> Result<Option<Moment>, Failure> {
    let (Some(first), Some(last)) = (capture.first, capture.last) else {
        return match args.at {
            None => Ok(None),
            Some(_) => Err(Failure::usage("--at: the capture has no packets".to_owned())),
        };
    };
    let ends = (first, last);
    let moment = match args.at {
        None => Ok(Moment::Time(if args.every.is_some() { first } else { last })),
        // A date is often written to the second, the begin and the end have more digits.
        Some(When::Absolute(time)) => within(time, time - first, ends, Span::secs(1)),
        Some(When::Seconds(time)) => {
            let hint = if time < Time(YEAR) { not_since_1970(time) } else { String::new() };
            within(time, time - first, ends, Span::secs(1)).map_err(|wrong| wrong + &hint)
        }
        Some(When::OfDay(span)) => {
            let time = on_the_day(span, ends);
            within(time, time - first, ends, Span::secs(1))
        }
        Some(When::Since(span)) => within(first + span, span, ends, Span(0)),
        Some(When::Packet(number)) => captured
            .map(|time| Moment::Packet(number, time))
            .ok_or_else(|| format!("there is no packet {number}; the capture has packets 1 to {}", capture.packets)),
    };
    moment.map(Some).map_err(|wrong| Failure::usage(format!("--at: {wrong}")))
}

/// What was probably meant by a number that is a time in 1970.
fn not_since_1970(time: Time) -> String {
    let seconds = time.to_string();
    let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
    format!("\n  a number is taken for seconds since 1970; since the first packet it is +{seconds}s")
}

/// The moment `time`, `since` the first packet, if the capture covers it: nothing is known of what came before and after.
/// What lies outside by no more than `rounding`, or by what the length of the capture is rounded when it is told, is taken
/// for its begin or end.
fn within(time: Time, since: Span, ends: (Time, Time), rounding: Span) -> Result<Moment, String> {
    let (first, last) = ends;
    let missed = if time < first { first - time } else { time - last };
    if missed > rounding && span(since) != span(last - first) {
        let how = if time < first { "had not begun" } else { "was over" };
        let went = format!("from {} to {}", date(first, Zone::Utc), date(last, Zone::Utc));
        let length = span(last - first);
        return Err(format!("the capture {how} by then; it goes {went}, +{length}"));
    }
    Ok(Moment::Time(time.clamp(first, last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_in_the_capture_or_next_to_it() {
        let at = |nanos: i64| Time(1_700_000_000_000_000_000 + nanos);
        let ends = (at(9_000), at(106_324_794_501));
        let since = |since: Span| within(ends.0 + since, since, ends, Span(0)).map(|moment| moment.time());
        assert_eq!(since(Span(0)), Ok(ends.0));
        assert_eq!(since(Span::secs(106)), Ok(ends.0 + Span::secs(106)));
        // The length of the capture as `analyze` tells it.
        assert_eq!(since(Span::millis(106_400)), Ok(ends.1));
        let date = |time: Time| within(time, time - ends.0, ends, Span::secs(1)).map(|moment| moment.time());
        assert_eq!(date(at(0)), Ok(ends.0));
        assert_eq!(date(at(107_000_000_000)), Ok(ends.1));
        for wrong in [since(Span::secs(107)), since(Span::secs(3_600)), date(at(108_000_000_000))] {
            let told = wrong.unwrap_err().to_string();
            assert!(told.ends_with("it goes from 2023-11-14 22:13:20 UTC to 2023-11-14 22:15:06 UTC, +1 min 46 s"));
            assert!(told.contains("the capture was over by then"), "{told}");
        }
        assert!(date(Time(1_000_000_000_000)).unwrap_err().to_string().contains("had not begun by then"));
    }
}
