//! `tcpstate analyze`: from files to a report.

use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::args::{AnalyzeArgs, Part};
use super::failure::{DONE, FOUND, Failure};
use super::output::{self, Look, Stop, Target, tell};
use super::passed::{FEW, Passed};
use super::reading;
use crate::analyze::{Analysis, Keep, MANY, Options, Past, Wanted};
use crate::bothends::{self, Apart, Tap};
use crate::detect::{FailOn, Limits, Selection as Sought};
use crate::filter::{self, Filter, select::select, words};
use crate::render::{
    Format, Limit, RenderOptions, Sections, Selection, Zone, clean::clean, csv, ends, events, json, ndjson, render,
    stream::Stream, units::date,
};
use crate::report::{Connection, Report};

/// Analyses and prints; the exit code is 0, 1 when a finding meets `--fail-on`, or 2 when an input could not be read.
pub fn run(args: &AnalyzeArgs, look: Look) -> Result<u8, Failure> {
    if args.filter.as_deref() == Some("help") {
        output::print(|out| out.write_all(words::help().as_bytes()))?;
        return Ok(DONE);
    }
    let filter = args.filter.as_deref().map(filter::parse).transpose();
    let filter = filter.map_err(|error| Failure::usage(format!("--filter: {error}")))?;
    check(args)?;
    let fail_on = fail_on(args)?;
    wanted(args)?;
    limits(args)?;
    let target = Target::open(args.output.as_deref())?;
    let keep = |connection: &Connection| keeps(connection, filter.as_ref(), args);
    let only: Option<Keep<'_>> = if selects(args) { Some(&keep) } else { None };
    if let Some(how) = Passing::of(args) {
        return passing(args, how, only, look, target);
    }
    let (report, all) = match read(args, only) {
        Ok(read) => read,
        Err(failure) => {
            target.abandon();
            return Err(failure);
        }
    };
    let code = code(&report, args, &fail_on);
    let selection = match selection(args, all) {
        Ok(selection) => selection,
        Err(failure) => {
            target.abandon();
            return Err(failure);
        }
    };
    let options = RenderOptions { selection, ..options(args, look, &target) };
    target.write(|out| match args.events {
        true => events::render(format(args), &report, &options, out),
        false => render(format(args), &report, &options, out),
    })?;
    Ok(code)
}

/// The exit code that `report` asks for; what could not be read is told.
fn code(report: &Report, args: &AnalyzeArgs, fail_on: &[FailOn]) -> u8 {
    let code = reading::warn(&report.capture.files, args.reading, args.strict);
    if code == DONE && fail_on.iter().any(|f| f.is_met(report)) { FOUND } else { code }
}

/// How output is made as connections pass, without keeping them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// A few of them are shown.
    Few,
    /// Each is written.
    Each,
}

impl Passing {
    /// How the output asked for is made, if it can be made so.
    fn of(args: &AnalyzeArgs) -> Option<Passing> {
        if args.events || !args.client.is_empty() {
            return None;
        }
        match (format(args), args.limit) {
            (Format::Table | Format::Markdown, _) => Some(Passing::Few),
            (_, Some(Limit::At(few))) if few <= FEW => Some(Passing::Few),
            (_, None) if args.sort.is_none() && !args.reverse => Some(Passing::Each),
            _ => None,
        }
    }
}

/// Reads, and prints while connections pass, or `only` some of them; where there are many, those that are settled are let
/// go.
fn passing(
    args: &AnalyzeArgs,
    how: Passing,
    only: Option<Keep<'_>>,
    look: Look,
    target: Target,
) -> Result<u8, Failure> {
    let mut told = DONE;
    let options = options(args, look, &target);
    target.fill(|out| {
        told = match (how, format(args)) {
            (Passing::Each, Format::Ndjson) => streamed(args, only, ndjson::Writer::new(out))?,
            (Passing::Each, Format::Json) => streamed(args, only, json::Writer::new(out)?)?,
            (Passing::Each, Format::Csv) => streamed(args, only, csv::Writer::new(out))?,
            _ => shown(args, options, only, out)?,
        };
        Ok(())
    })?;
    Ok(told)
}

/// A few of the connections are shown.
fn shown(
    args: &AnalyzeArgs,
    options: RenderOptions,
    only: Option<Keep<'_>>,
    out: &mut dyn io::Write,
) -> Result<u8, Stop> {
    let mut analysis = Analysis::new(analysis_options(args)?).bounded(MANY);
    let format = format(args);
    let (mut passed, mut past) = (Passed::new(format, &options, only), Past::default());
    let read = args.jobs.read_relieved(&args.files, &args.reading, &mut analysis, |analysis| {
        if let Some(mut finish) = analysis.settled(&mut past) {
            passed.pass(&mut finish, args.jobs);
            passed.keep(&finish);
            past = finish.past();
        }
        analysis.let_go(&mut past);
        Ok::<_, Failure>(())
    });
    let mut finish = analysis.ended_after(past, read?).in_rounds(MANY / 2);
    let options = RenderOptions { selection: selection(args, finish.all())?, ..options };
    passed.pass(&mut finish, args.jobs);
    let (report, picked) = passed.report(finish);
    let told = code(&report, args, &fail_on(args)?);
    picked.show(format, &report, &options, out)?;
    Ok(told)
}

/// Each connection is written.
fn streamed<S: Stream>(args: &AnalyzeArgs, only: Option<Keep<'_>>, mut out: S) -> Result<u8, Stop> {
    let mut analysis = Analysis::new(analysis_options(args)?).bounded(MANY);
    let mut past = Past::default();
    let read = args.jobs.read_relieved(&args.files, &args.reading, &mut analysis, |analysis| {
        if let Some(mut finish) = analysis.settled(&mut past) {
            args.jobs.stream(&mut finish, only, &mut out)?;
            past = finish.past();
        }
        analysis.let_go(&mut past);
        Ok::<_, Stop>(())
    });
    let mut finish = analysis.ended_after(past, read?).in_rounds(MANY / 2);
    selection(args, finish.all())?;
    args.jobs.stream(&mut finish, only, &mut out)?;
    let report = finish.report(Vec::new());
    let told = code(&report, args, &fail_on(args)?);
    out.end(&report)?;
    Ok(told)
}

/// What clap cannot check.
fn check(args: &AnalyzeArgs) -> Result<(), Failure> {
    if args.files.is_empty() && args.client.is_empty() {
        let hint = "name a capture, a folder of captures, or `-` for standard input";
        return Err(Failure::usage(format!("analyze: no FILE given\n  {hint}")));
    }
    let inputs = [args.files.as_slice(), &args.client, &args.server].concat();
    reading::check(&inputs, args.output.as_deref(), "analyze")
}

/// The thresholds asked for.
fn limits(args: &AnalyzeArgs) -> Result<Limits, Failure> {
    let settings = args.threshold.iter().map(String::as_str);
    let mut limits = Limits::read(settings).map_err(|error| Failure::usage(format!("--threshold: {error}")))?;
    if let Some(span) = args.stuck_after {
        limits.stuck_after(span);
    }
    Ok(limits)
}

/// The parts that `--only` names; its other words name findings.
fn parts(args: &AnalyzeArgs) -> Vec<Part> {
    args.only.iter().filter_map(|word| Part::from_str(word, true).ok()).collect()
}

/// The findings to look for.
fn wanted(args: &AnalyzeArgs) -> Result<Sought, Failure> {
    let names: Vec<String> = args.only.iter().filter(|word| Part::from_str(word, true).is_err()).cloned().collect();
    Sought::new(&names, &args.ignore).map_err(|error| Failure::usage(error.to_string()))
}

/// What makes the run fail.
fn fail_on(args: &AnalyzeArgs) -> Result<Vec<FailOn>, Failure> {
    let read = |word: &String| FailOn::read(word).map_err(|error| Failure::usage(format!("--fail-on: {error}")));
    args.fail_on.iter().map(read).collect()
}

/// What the analysis is to assume and to look for.
fn analysis_options(args: &AnalyzeArgs) -> Result<Options, Failure> {
    Ok(Options {
        retracted: args.retracted,
        vantage: args.vantage,
        limits: limits(args)?,
        selection: wanted(args)?,
        ..args.timers.options()
    })
}

/// Reads every packet of every input. The report on all connections, or `only` some, and how many there are in all.
fn read(args: &AnalyzeArgs, only: Option<Keep<'_>>) -> Result<(Report, u64), Failure> {
    let options = analysis_options(args)?;
    if !args.client.is_empty() {
        let mut report = both_ends(args, options)?;
        let all = report.connections.len() as u64;
        if let Some(keep) = only {
            select(&mut report, keep);
        }
        return Ok((report, all));
    }
    let mut analysis = Analysis::new(options);
    let files = args.jobs.read(&args.files, &args.reading, &mut analysis)?;
    let all = analysis.tracker().len() as u64;
    Ok((analysis.finish_with(files, Wanted { only, ..Wanted::default() }), all))
}

/// Reads two captures of the same traffic, one at each end.
fn both_ends(args: &AnalyzeArgs, options: Options) -> Result<Report, Failure> {
    let tap = |files: &[PathBuf]| {
        let mut tap = Tap::new(options.clone());
        let files = reading::packets(files, &args.reading, |packet| tap.packet(packet))?;
        Ok::<_, Failure>(tap.finish(files))
    };
    let merged = bothends::merge(tap(&args.client)?, tap(&args.server)?, args.retracted);
    let report = merged.map_err(|why| unrelated(args, why))?;
    if let Some(both) = report.capture.both_ends.as_ref().filter(|_| !args.reading.quiet) {
        if both.swapped {
            let names = both.files.client.join(", ");
            let swapped = "most connections were opened from the other side; swapped?";
            tell(format_args!("tcpstate: {}: {swapped}", clean(&names)));
        }
        if let Some(doubt) = ends::doubt(both) {
            let names = [both.files.client.as_slice(), &both.files.server].concat().join(", ");
            tell(format_args!("tcpstate: {}: {doubt}", clean(&names)));
        }
    }
    Ok(report)
}

/// That two captures are not of the same traffic, and what shows it.
fn unrelated(args: &AnalyzeArgs, why: Apart) -> Failure {
    let names = |files: &[PathBuf]| files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    let (client, server) = (names(&args.client), names(&args.server));
    let (client, server) = (clean(&client), clean(&server));
    let ran = |(first, last)| format!("from {} to {}", date(first, Zone::Utc), date(last, Zone::Utc));
    let shows = match why {
        Apart::Addresses => "no segment is in both, nor any address".to_owned(),
        Apart::Times(ends) => format!(
            "no segment is in both, and they did not run at the same time\n  {client}: {}\n  {server}: {}",
            ran(ends.client),
            ran(ends.server)
        ),
    };
    Failure::usage(format!("{client} and {server} are not captures of the same traffic: {shows}"))
}

/// Whether a connection was asked for.
fn keeps(connection: &Connection, filter: Option<&Filter>, args: &AnalyzeArgs) -> bool {
    (args.connection.is_empty() || args.connection.contains(&connection.id))
        && filter.is_none_or(|filter| filter.matches(connection))
}

/// Whether only some connections were asked for.
fn selects(args: &AnalyzeArgs) -> bool {
    args.filter.is_some() || !args.connection.is_empty()
}

/// What was asked for, if not all connections, of which there are so many.
fn selection(args: &AnalyzeArgs, of: u64) -> Result<Option<Selection>, Failure> {
    if let Some(missing) = args.connection.iter().find(|id| **id == 0 || **id > of) {
        let have = if of == 0 { "there is none".to_owned() } else { format!("they are numbered from 1 to {of}") };
        return Err(Failure::usage(format!("--connection: there is no connection {missing}; {have}")));
    }
    let mut by: Vec<String> = args.connection.iter().map(|id| format!("--connection {id}")).collect();
    by.extend(args.filter.as_ref().map(|filter| format!("--filter '{filter}'")));
    Ok(selects(args).then(|| Selection { by: by.join(" "), of }))
}

fn options(args: &AnalyzeArgs, look: Look, target: &Target) -> RenderOptions {
    RenderOptions {
        width: look.width(args.width),
        colour: look.colour(target.is_file()),
        limit: args.limit.unwrap_or(Limit::Suited),
        sort: args.sort,
        reverse: args.reverse,
        zone: if args.local_time { Zone::Local } else { Zone::Utc },
        detail: !args.connection.is_empty(),
        sections: sections(&if args.timing { vec![Part::Timing] } else { parts(args) }),
        selection: None,
    }
}

/// The parts asked for, or all.
fn sections(only: &[Part]) -> Sections {
    let wanted = |part| only.is_empty() || only.contains(&part);
    Sections {
        findings: wanted(Part::Findings),
        totals: wanted(Part::Totals),
        rollups: wanted(Part::Rollups),
        timing: wanted(Part::Timing),
        connections: wanted(Part::Connections),
    }
}

/// The format asked for, or the one that the output's name stands for, or the table.
fn format(args: &AnalyzeArgs) -> Format {
    let named = || Format::of_extension(Path::new(args.output.as_ref()?).extension()?.to_str()?);
    args.format.or_else(named).unwrap_or_default()
}
