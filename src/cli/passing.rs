//! `tcpstate analyze` without keeping connections: the output is made as they pass.

use std::io;

use super::analyze::{analysis_options, code, fail_on, format, options, selection};
use super::args::AnalyzeArgs;
use super::failure::{DONE, Failure};
use super::output::{Look, Stop, Target};
use super::passed::{FEW, Passed};
use crate::analyze::{Analysis, Keep, MANY, Past};
use crate::render::events::Events;
use crate::render::stream::Stream;
use crate::render::{Format, Limit, RenderOptions, csv, json, ndjson};

/// How output is made as connections pass, without keeping them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// A few of them are shown.
    Few,
    /// Each is written.
    Each,
    /// Their transitions are gathered.
    Events,
}

impl Passing {
    /// How the output asked for is made, if it can be made so.
    pub fn of(args: &AnalyzeArgs) -> Option<Passing> {
        if !args.client.is_empty() {
            return None;
        }
        if args.events {
            return Some(Passing::Events);
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
pub fn passing(
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
            (Passing::Events, _) => gathered(args, options, only, out)?,
            (Passing::Few | Passing::Each, _) => shown(args, options, only, out)?,
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

/// The transitions of all connections are told in order of time.
fn gathered(
    args: &AnalyzeArgs,
    options: RenderOptions,
    only: Option<Keep<'_>>,
    out: &mut dyn io::Write,
) -> Result<u8, Stop> {
    let mut analysis = Analysis::new(analysis_options(args)?);
    let files = args.jobs.read(&args.files, &args.reading, &mut analysis)?;
    let mut finish = analysis.ended_after(Past::default(), files).in_rounds(MANY / 2);
    selection(args, finish.all())?;
    let mut events = Events::default();
    args.jobs.connections(&mut finish, only, |c| events.take(c));
    let told = code(&finish.report(Vec::new()), args, &fail_on(args)?);
    events.render(format(args), &options, out)?;
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
