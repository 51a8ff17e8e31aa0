//! `tcpstate analyze` without keeping connections: the output is made as they pass.

use std::io;

use super::analyze::{analysis_options, code, format, numbered, options};
use super::args::AnalyzeArgs;
use super::failure::{DONE, Failure};
use super::output::{Look, Stop, Target};
use super::passed::{FEW, Passed};
use crate::analyze::{Analysis, Finish, Keep, MANY, Past, ROUND};
use crate::detect::FailOn;
use crate::render::events::Events;
use crate::render::order::Picker;
use crate::render::stream::Stream;
use crate::render::{Format, Limit, RenderOptions, csv, json, ndjson};
use crate::report::lone::LoneSyns;

/// How output is made as connections pass, without keeping them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// A few of them are shown.
    Few,
    /// Each is written.
    Each,
    /// The same in an order, which is known when all have passed: then they are looked at again.
    Ordered,
    /// Their transitions are gathered.
    Events,
}

impl How {
    /// How the output asked for is made.
    fn of(args: &AnalyzeArgs) -> How {
        if args.events {
            return How::Events;
        }
        match (format(args), args.limit) {
            (Format::Table | Format::Markdown, _) => How::Few,
            (_, Some(Limit::At(few))) if few <= FEW => How::Few,
            (_, None | Some(Limit::All)) if args.sort.is_none() && !args.reverse => How::Each,
            _ => How::Ordered,
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
    /// The run asked for, on captures that are not of both ends: of all connections, or `only` some.
    pub fn new(args: &'a AnalyzeArgs, only: Option<Keep<'a>>, fail_on: &'a [FailOn]) -> Passing<'a> {
        Passing { args, only, fail_on, how: How::of(args), code: DONE }
    }

    /// Reads and prints; the exit code.
    pub fn run(mut self, look: Look, target: Target) -> Result<u8, Failure> {
        let options = options(self.args, look, &target);
        target.fill(|out| match (self.how, format(self.args)) {
            (How::Each, Format::Ndjson) => self.stream(ndjson::Writer::new(out)),
            (How::Each, Format::Json) => self.stream(json::Writer::new(out)?),
            (How::Each, Format::Csv) => self.stream(csv::Writer::new(out)),
            (How::Ordered, Format::Ndjson) => self.sort(&options, ndjson::Writer::new(out)),
            (How::Ordered, Format::Json) => self.sort(&options, json::Writer::new(out)?),
            (How::Ordered, Format::Csv) => self.sort(&options, csv::Writer::new(out)),
            (How::Events, _) => self.gather(options, out),
            (How::Few | How::Each | How::Ordered, _) => self.show(options, out),
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
        Ok(if only.is_some() { finish } else { finish.in_rounds(ROUND) })
    }

    /// Reads all, and lets go of nothing meanwhile.
    fn read_all(&self) -> Result<Finish<'static>, Stop> {
        let args = self.args;
        let mut analysis = Analysis::new(analysis_options(args)?);
        let files = args.jobs.read(&args.files, &args.reading, &mut analysis)?;
        let mut finish = analysis.ended_after(Past::default(), files);
        choose(args, &mut finish)?;
        Ok(finish)
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
        let (args, only) = (self.args, self.only);
        let mut events = Events::default();
        let mut gather = |finish: &mut Finish<'_>| {
            finish.tell(0);
            args.jobs.connections(finish, only, |c| events.take(c));
        };
        let mut finish = self.read(|finish| {
            gather(finish);
            Ok(())
        })?;
        choose(args, &mut finish)?;
        gather(&mut finish);
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
        self.end(finish, out)
    }

    /// Those asked for are written in their order.
    fn sort<S: Stream>(&mut self, options: &RenderOptions, mut out: S) -> Result<(), Stop> {
        let args = self.args;
        let mut finish = self.read_all()?;
        finish.tell(S::FINDINGS);
        let mut picker = Picker::for_programs(options);
        args.jobs.rows(&mut finish, false, self.only, |row| picker.add(row.id as usize, row));
        let (chosen, _) = picker.chosen();
        for connection in chosen.into_iter().filter_map(|pick| finish.connection(pick.index as u64)) {
            out.connections(&[connection], &LoneSyns::NONE)?;
        }
        self.end(finish, out)
    }

    /// All connections were written: the rest of the report.
    fn end<S: Stream>(&mut self, finish: Finish<'_>, mut out: S) -> Result<(), Stop> {
        let report = finish.report(Vec::new());
        self.code = code(&report, self.args, self.fail_on);
        Ok(out.end(&report)?)
    }
}

/// That the report is about the connections asked for, which there have to be.
fn choose(args: &AnalyzeArgs, finish: &mut Finish<'_>) -> Result<(), Failure> {
    numbered(args, finish.all())?;
    finish.about(args.filter.clone(), &args.connection);
    Ok(())
}
