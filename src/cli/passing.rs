//! `tcpstate analyze` without keeping connections: the output is made as they pass.

use std::io;

use super::analyze::{analysis_options, code, fail_on, format, options, selection};
use super::args::AnalyzeArgs;
use super::failure::{DONE, Failure};
use super::output::{Look, Stop, Target};
use super::passed::{FEW, Passed};
use crate::analyze::{Analysis, Finish, Keep, MANY, Past};
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
            (_, None | Some(Limit::All)) if args.sort.is_none() && !args.reverse => Some(Passing::Each),
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
        let told = &mut told;
        match (how, format(args)) {
            (Passing::Each, Format::Ndjson) => streamed(args, only, ndjson::Writer::new(out), told),
            (Passing::Each, Format::Json) => streamed(args, only, json::Writer::new(out)?, told),
            (Passing::Each, Format::Csv) => streamed(args, only, csv::Writer::new(out), told),
            (Passing::Events, _) => gathered(args, options, only, out, told),
            (Passing::Few | Passing::Each, _) => shown(args, options, only, out, told),
        }
    })?;
    Ok(told)
}

/// Reads all; where there are many connections, `look` looks at those that are settled before they are let go. The others.
fn read(
    args: &AnalyzeArgs,
    only: Option<Keep<'_>>,
    mut look: impl FnMut(&mut Finish<'_>) -> Result<(), Stop>,
) -> Result<Finish<'static>, Stop> {
    let mut analysis = Analysis::new(analysis_options(args)?).bounded(MANY);
    let mut past = Past::default();
    let files = args.jobs.read_relieved(&args.files, &args.reading, &mut analysis, |analysis| {
        if let Some(mut finish) = analysis.settled(&mut past) {
            look(&mut finish)?;
            past = finish.past();
        }
        analysis.let_go(&mut past);
        Ok::<_, Stop>(())
    })?;
    let finish = analysis.ended_after(past, files);
    // Which groups of the connections asked for are the largest is known when all of these are: none is let go before.
    Ok(if only.is_some() { finish } else { finish.in_rounds(MANY / 2) })
}

/// A few of the connections are shown.
fn shown(
    args: &AnalyzeArgs,
    options: RenderOptions,
    only: Option<Keep<'_>>,
    out: &mut dyn io::Write,
    told: &mut u8,
) -> Result<(), Stop> {
    let format = format(args);
    let mut passed = Passed::new(format, &options, only);
    let mut finish = read(args, only, |finish| {
        passed.pass(finish, args.jobs);
        passed.keep(finish);
        Ok(())
    })?;
    let options = RenderOptions { selection: selection(args, finish.all())?, ..options };
    passed.pass(&mut finish, args.jobs);
    let (report, picked) = passed.report(finish);
    *told = code(&report, args, &fail_on(args)?);
    Ok(picked.show(format, &report, &options, out)?)
}

/// The transitions of all connections are told in order of time.
fn gathered(
    args: &AnalyzeArgs,
    options: RenderOptions,
    only: Option<Keep<'_>>,
    out: &mut dyn io::Write,
    told: &mut u8,
) -> Result<(), Stop> {
    let mut analysis = Analysis::new(analysis_options(args)?);
    let files = args.jobs.read(&args.files, &args.reading, &mut analysis)?;
    let mut finish = analysis.ended_after(Past::default(), files).in_rounds(MANY / 2);
    selection(args, finish.all())?;
    finish.tell(0);
    let mut events = Events::default();
    args.jobs.connections(&mut finish, only, |c| events.take(c));
    *told = code(&finish.report(Vec::new()), args, &fail_on(args)?);
    Ok(events.render(format(args), &options, out)?)
}

/// Each connection is written.
fn streamed<S: Stream>(args: &AnalyzeArgs, only: Option<Keep<'_>>, mut out: S, told: &mut u8) -> Result<(), Stop> {
    let mut finish = read(args, only, |finish| {
        finish.tell(S::FINDINGS);
        Ok(args.jobs.stream(finish, only, &mut out)?)
    })?;
    selection(args, finish.all())?;
    finish.tell(S::FINDINGS);
    args.jobs.stream(&mut finish, only, &mut out)?;
    let report = finish.report(Vec::new());
    *told = code(&report, args, &fail_on(args)?);
    Ok(out.end(&report)?)
}
