//! `tcpstate analyze` without keeping connections: the output is made as they pass.

use std::io;

use super::analyze::{analysis_options, code, format, numbered, options};
use super::args::AnalyzeArgs;
use super::failure::{DONE, Failure};
use super::output::{Look, Stop, Target};
use super::passed::{FEW, Passed};
use crate::analyze::{Analysis, Finish, Keep, MANY, Past};
use crate::detect::FailOn;
use crate::render::events::Events;
use crate::render::stream::Stream;
use crate::render::{Format, Limit, RenderOptions, csv, json, ndjson};

/// How output is made as connections pass, without keeping them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// A few of them are shown.
    Few,
    /// Each is written.
    Each,
    /// Their transitions are gathered.
    Events,
}

impl How {
    /// How the output asked for is made, if it can be made so.
    fn of(args: &AnalyzeArgs) -> Option<How> {
        if !args.client.is_empty() {
            return None;
        }
        if args.events {
            return Some(How::Events);
        }
        match (format(args), args.limit) {
            (Format::Table | Format::Markdown, _) => Some(How::Few),
            (_, Some(Limit::At(few))) if few <= FEW => Some(How::Few),
            (_, None | Some(Limit::All)) if args.sort.is_none() && !args.reverse => Some(How::Each),
            _ => None,
        }
    }
}

/// A run that prints while connections pass; where there are many, those that are settled are let go.
pub struct Passing<'a> {
    args: &'a AnalyzeArgs,
    /// Only these connections are asked for.
    only: Option<Keep<'a>>,
    fail_on: &'a [FailOn],
    how: How,
    /// The exit code, as far as it is known.
    code: u8,
}

impl<'a> Passing<'a> {
    /// The run asked for, if its output can be made so: of all connections, or `only` some.
    pub fn of(args: &'a AnalyzeArgs, only: Option<Keep<'a>>, fail_on: &'a [FailOn]) -> Option<Passing<'a>> {
        Some(Passing { args, only, fail_on, how: How::of(args)?, code: DONE })
    }

    /// Reads and prints; the exit code.
    pub fn run(mut self, look: Look, target: Target) -> Result<u8, Failure> {
        let options = options(self.args, look, &target);
        target.fill(|out| match (self.how, format(self.args)) {
            (How::Each, Format::Ndjson) => self.stream(ndjson::Writer::new(out)),
            (How::Each, Format::Json) => self.stream(json::Writer::new(out)?),
            (How::Each, Format::Csv) => self.stream(csv::Writer::new(out)),
            (How::Events, _) => self.gather(options, out),
            (How::Few | How::Each, _) => self.show(options, out),
        })?;
        Ok(self.code)
    }

    /// Reads all; where there are many connections, `look` looks at those that are settled before they are let go. The
    /// others.
    fn read(&self, mut look: impl FnMut(&mut Finish<'_>) -> Result<(), Stop>) -> Result<Finish<'static>, Stop> {
        let Passing { args, only, .. } = self;
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
    fn show(&mut self, options: RenderOptions, out: &mut dyn io::Write) -> Result<(), Stop> {
        let (args, format) = (self.args, format(self.args));
        let mut passed = Passed::new(format, &options, self.only);
        let mut finish = self.read(|finish| {
            passed.pass(finish, args.jobs);
            passed.keep(finish);
            Ok(())
        })?;
        choose(args, &mut finish)?;
        passed.pass(&mut finish, args.jobs);
        let (report, picked) = passed.report(finish);
        self.code = code(&report, args, self.fail_on);
        Ok(picked.show(format, &report, &options, out)?)
    }

    /// The transitions of all connections are told in order of time.
    fn gather(&mut self, options: RenderOptions, out: &mut dyn io::Write) -> Result<(), Stop> {
        let args = self.args;
        let mut analysis = Analysis::new(analysis_options(args)?);
        let files = args.jobs.read(&args.files, &args.reading, &mut analysis)?;
        let mut finish = analysis.ended_after(Past::default(), files).in_rounds(MANY / 2);
        choose(args, &mut finish)?;
        finish.tell(0);
        let mut events = Events::default();
        args.jobs.connections(&mut finish, self.only, |c| events.take(c));
        self.code = code(&finish.report(Vec::new()), args, self.fail_on);
        Ok(events.render(format(args), &options, out)?)
    }

    /// Each connection is written.
    fn stream<S: Stream>(&mut self, mut out: S) -> Result<(), Stop> {
        let (args, only) = (self.args, self.only);
        let mut finish = self.read(|finish| {
            finish.tell(S::FINDINGS);
            Ok(args.jobs.stream(finish, only, &mut out)?)
        })?;
        choose(args, &mut finish)?;
        finish.tell(S::FINDINGS);
        args.jobs.stream(&mut finish, only, &mut out)?;
        let report = finish.report(Vec::new());
        self.code = code(&report, args, self.fail_on);
        Ok(out.end(&report)?)
    }
}

/// That the report is about the connections asked for, which there have to be.
fn choose(args: &AnalyzeArgs, finish: &mut Finish<'_>) -> Result<(), Failure> {
    numbered(args, finish.all())?;
    finish.about(args.filter.clone(), &args.connection);
    Ok(())
}
