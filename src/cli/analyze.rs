//! `tcpstate analyze`: from files to a report.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ValueEnum;

use super::args::{AnalyzeArgs, Part};
use super::failure::{DONE, FOUND, Failure, UNCLEAR};
use super::names;
use super::output::{self, Look, Target, tell};
use super::passing::Passing;
use super::reading;
use crate::analyze::{Keep, Options};
use crate::bothends::{self, Apart, Tap};
use crate::detect::{self, FailOn, Selection as Sought};
use crate::filter::{self, Filter, select::select, words};
use crate::render::{Format, Limit, RenderOptions, Sections, Zone, clean::clean, ends, events, render, units::date};
use crate::report::{Connection, Report, Severity, Tables};
use crate::timing::Extent;

/// Analyses and prints; the exit code is 0, 1 when a finding meets `--fail-on`, 3 when one may that `--filter` cannot tell of, or 2
/// when an input could not be read.
pub fn run(args: &AnalyzeArgs, look: Look) -> Result<u8, Failure> {
    if args.filter.as_deref() == Some("help") {
        output::print(|out| out.write_all(words::help().as_bytes()))?;
        return Ok(DONE);
    }
    let filter = args.filter.as_deref().map(|text| names::filter("--filter", text)).transpose()?;
    check(args)?;
    let fail_on = fail_on(args)?;
    wanted(args)?;
    names::limits(&args.threshold, args.stuck_after)?;
    let target = Target::open(args.output.as_deref())?;
    let keep = |connection: &Connection| keeps(connection, filter.as_ref(), args);
    let only: Option<Keep<'_>> = if selects(args) { Some(&keep) } else { None };
    if args.client.is_empty() {
        return Passing::new(args, only, &fail_on).run(look, target);
    }
    let report = read(args, only)?;
    let code = code(&report, args, &fail_on);
    let options = options(args, look, &target);
    target.write(|out| match args.events {
        true => events::render(format(args), &report, &options, out),
        false => render(format(args), &report, &options, out),
    })?;
    Ok(code)
}

/// The exit code that `report` asks for; what could not be read is told.
pub(super) fn code(report: &Report, args: &AnalyzeArgs, fail_on: &[FailOn]) -> u8 {
    let code = reading::warn(&report.capture.files, args.reading, args.strict);
    let beyond = beyond(report, args);
    if code != DONE {
        return code;
    }
    if fail_on.iter().any(|f| f.is_met(report)) {
        return FOUND;
    }
    let met = beyond.into_iter().filter(|(finding, _)| fail_on.iter().any(|f| f.is(*finding)));
    // Whether it is of the connections that the rest of the filter means is not known.
    met.map(|(_, only)| if only { FOUND } else { UNCLEAR }).min().unwrap_or(DONE)
}

/// Code and severity of a finding.
type Graded = (&'static str, Severity);

/// The findings that a filter asks for by their severity, and which no connection shows by itself, with whether it asks for nothing
/// else; they are told.
fn beyond(report: &Report, args: &AnalyzeArgs) -> Vec<(Graded, bool)> {
    let Some(filter) = args.filter.as_deref().and_then(|text| filter::parse(text).ok()) else { return Vec::new() };
    let wide = report.left_out.iter().filter(|(code, _)| detect::is_wide(code));
    let wanted = wide.map(|finding| (*finding, filter.wants_severity(finding.1)));
    let beyond: Vec<_> =
        wanted.filter(|(_, (wanted, _))| *wanted).map(|(finding, (_, only))| (finding, only)).collect();
    let codes: BTreeSet<&str> = beyond.iter().map(|((code, _), _)| *code).collect();
    for name in codes.into_iter().filter_map(|code| Some(detect::find(code)?.name)).filter(|_| !args.reading.quiet) {
        let tells = format!("`tcpstate analyze --only {name}` tells which");
        tell(format_args!(
            "tcpstate: --filter: no single connection shows `{name}`, which is so severe, only many together; {tells}"
        ));
    }
    beyond
}

/// What clap cannot check.
fn check(args: &AnalyzeArgs) -> Result<(), Failure> {
    if args.files.is_empty() && args.client.is_empty() {
        let hint = "name a capture, a folder of captures, or `-` for standard input";
        return Err(Failure::usage(format!("analyze: no FILE given\n  {hint}")));
    }
    if args.format.is_none() {
        named(args)?;
    }
    let is_same =
        |a: &PathBuf, b: &PathBuf| a.canonicalize().ok().is_some_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    let both = args.client.iter().find(|file| args.server.iter().any(|other| is_same(file, other)));
    if let Some(file) = both {
        let hint = "one capture is to be from the client's side, the other from the server's";
        return Err(Failure::usage(format!("{} is given for both ends\n  {hint}", clean(&file.display().to_string()))));
    }
    let inputs = [args.files.as_slice(), &args.client, &args.server].concat();
    reading::check(&inputs, args.output.as_deref(), "analyze")
}

/// The parts that `--only` names; its other words name findings.
fn parts(args: &AnalyzeArgs) -> Vec<Part> {
    args.only.iter().filter_map(|word| Part::from_str(word, true).ok()).collect()
}

/// The findings to look for.
fn wanted(args: &AnalyzeArgs) -> Result<Sought, Failure> {
    let names: Vec<String> = args.only.iter().filter(|word| Part::from_str(word, true).is_err()).cloned().collect();
    Sought::new(&names, &args.ignore).map_err(|error| {
        let parts =
            Part::value_variants().iter().filter_map(|part| Some(part.to_possible_value()?.get_name().to_owned()));
        let of_parts = format!("\n  --only also takes parts of the report: {}", parts.collect::<Vec<_>>().join(", "));
        let (option, hint) =
            if names.contains(&error.name) { ("--only", of_parts) } else { ("--ignore", String::new()) };
        Failure::usage(format!("{option}: {error}{hint}"))
    })
}

/// What makes the run fail.
fn fail_on(args: &AnalyzeArgs) -> Result<Vec<FailOn>, Failure> {
    let read = |word: &String| FailOn::read(word).map_err(|error| Failure::usage(format!("--fail-on: {error}")));
    args.fail_on.iter().map(read).collect()
}

/// What the analysis is to assume and to look for.
pub(super) fn analysis_options(args: &AnalyzeArgs) -> Result<Options, Failure> {
    Ok(Options {
        retracted: args.retracted,
        vantage: args.vantage,
        limits: names::limits(&args.threshold, args.stuck_after)?,
        selection: wanted(args)?,
        timing: extent(args),
        ..args.timers.options()
    })
}

/// How much the output asked for tells of how long things took.
fn extent(args: &AnalyzeArgs) -> Extent {
    let sections = sections(args);
    match format(args) {
        Format::Json | Format::Ndjson if !args.events => Extent::Full,
        Format::Table | Format::Markdown if !args.events && args.connection.is_empty() && sections.timing => {
            if sections.only_timing() { Extent::Full } else { Extent::Short }
        }
        _ => Extent::Nothing,
    }
}

/// Reads every packet of the captures of both ends. The report on all connections, or `only` some.
fn read(args: &AnalyzeArgs, only: Option<Keep<'_>>) -> Result<Report, Failure> {
    let mut report = both_ends(args, analysis_options(args)?)?;
    let all = report.connections.len() as u64;
    numbered(args, all)?;
    report.capture.choose(args.filter.clone(), &args.connection, all);
    if let Some(keep) = only {
        select(&mut report, keep);
        // Times are added up at each end, of all connections.
        report.timing = Tables::default();
    }
    Ok(report)
}

/// Reads two captures of the same traffic, one at each end.
fn both_ends(args: &AnalyzeArgs, options: Options) -> Result<Report, Failure> {
    let tap = |files: &[PathBuf]| {
        let mut tap = Tap::new(options.clone());
        let files = reading::packets(files, &args.reading, |packet| tap.packet(packet))?;
        Ok::<_, Failure>((tap, files))
    };
    let merged = bothends::merge(tap(&args.client)?, tap(&args.server)?, args.retracted);
    let report = merged.map_err(|why| unrelated(args, why))?;
    if let Some(both) = report.capture.both_ends.as_ref().filter(|_| !args.reading.quiet) {
        if both.swapped {
            let names = both.files.client.join(", ");
            let swapped = "most connections were opened from the other side; swapped?";
            tell(format_args!("tcpstate: {}: {swapped}", clean(&names)));
        }
        let names = [both.files.client.as_slice(), &both.files.server].concat().join(", ");
        for doubt in ends::doubts(both) {
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

/// That there are the connections asked for among so many.
pub(super) fn numbered(args: &AnalyzeArgs, of: u64) -> Result<(), Failure> {
    if let Some(missing) = args.connection.iter().find(|id| **id == 0 || **id > of) {
        let have = if of == 0 { "there is none".to_owned() } else { format!("they are numbered from 1 to {of}") };
        return Err(Failure::usage(format!("--connection: there is no connection {missing}; {have}")));
    }
    Ok(())
}

pub(super) fn options(args: &AnalyzeArgs, look: Look, target: &Target) -> RenderOptions {
    RenderOptions {
        width: look.width(args.width),
        colour: look.colour(target.is_file()),
        limit: args.limit.unwrap_or(Limit::Suited),
        sort: args.sort,
        reverse: args.reverse,
        zone: if args.local_time { Zone::Local } else { Zone::Utc },
        detail: !args.connection.is_empty(),
        sections: sections(args),
        watched: false,
    }
}

/// The parts asked for, or all.
fn sections(args: &AnalyzeArgs) -> Sections {
    let only = if args.timing { vec![Part::Timing] } else { parts(args) };
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
pub(super) fn format(args: &AnalyzeArgs) -> Format {
    // What is named wrongly was refused.
    args.format.or_else(|| named(args).ok()?).unwrap_or_default()
}

fn named(args: &AnalyzeArgs) -> Result<Option<Format>, Failure> {
    output::named(args.output.as_deref(), Format::of_extension, &Format::EXTENSIONS)
}
