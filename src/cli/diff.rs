//! `tcpstate diff`: what got better, what got worse.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::args::{columns, duration, limit};
use super::failure::{DONE, FAILED, FOUND, Failure, UNCLEAR};
use super::jobs::Jobs;
use super::names;
use super::output::{self, Look, Target, tell};
use super::reading::{self, Reading};
use crate::analyze::{Analysis, MANY, Options, Past, ROUND};
use crate::detect::Limits;
use crate::diff::output::{Format, Listed, write};
use crate::diff::sample::Server;
use crate::diff::service::By;
use crate::diff::{Difference, Sample, Services, compare};
use crate::render::Limit;
use crate::render::clean::clean;
use crate::render::facts::input;
use crate::report::Severity;
use crate::source::{Compression, open_reader};
use crate::time::Span;
use crate::timing::Extent;

impl ValueEnum for By {
    fn value_variants<'a>() -> &'a [By] {
        &[By::Auto, By::Address, By::Port]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            By::Auto => PossibleValue::new("auto").help("By address where most are in both captures, else by port"),
            By::Address => PossibleValue::new("address").help("By server address and port"),
            By::Port => PossibleValue::new("port").help("By server port, whatever the address"),
        })
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Format] {
        &[Format::Table, Format::Json, Format::Markdown]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Format::Table => PossibleValue::new("table").help("For a person at a terminal"),
            Format::Json => PossibleValue::new("json").help("For programs"),
            Format::Markdown => PossibleValue::new("markdown").help("For a pull request"),
        })
    }
}

/// What can be said about a comparison.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tcpstate diff monday.pcap tuesday.pcap
  tcpstate analyze --format json -o before.json before.pcap; tcpstate diff before.json after.pcap
  tcpstate diff --service 'web=*:443' --service 'db=10.*:5432' --fail-on-new before.json after.pcap

Findings that only one of both has, or that are more severe, are told always. All other differences are told only where \
chance would not make them: shares by Fisher's exact test, times by the rank test of Mann and Whitney, all corrected for \
their number (Holm). Both captures should show comparable traffic.

Exit codes: 0 done; 1 what --fail-on-new or --fail-on-worse names was found; 3 it was not, but may be there: a side has no \
connections, is damaged, or was saved of a part only; 2 could not be done; 130 interrupted.")]
pub struct DiffArgs {
    /// The capture before, a folder of captures, or a report saved with --format json, compressed or not
    #[arg(value_name = "BEFORE")]
    before: PathBuf,

    /// The capture after, or its report
    #[arg(value_name = "AFTER")]
    after: PathBuf,

    /// How services are told apart
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    by: By,

    /// Call services by a name, and match them by it, whatever their addresses: NAME=PATTERN, where `*` in the pattern for
    /// ADDRESS:PORT stands for anything; may be given several times
    #[arg(long, value_name = "NAME=PATTERN")]
    service: Vec<String>,

    /// Exit with 1 if there is a new finding at least this severe [without a value: warning]
    #[arg(long, value_name = "SEVERITY", num_args = 0..=1, require_equals = true, default_missing_value = "warning", value_parser = PossibleValuesParser::new(Severity::ALL.map(Severity::name)).try_map(severity))]
    fail_on_new: Option<Severity>,

    /// Exit with 1 if anything got worse; what is new does not count, see --fail-on-new
    #[arg(long)]
    fail_on_worse: bool,

    /// Call a difference only what chance makes less often than this
    #[arg(long, value_name = "P", default_value_t = 0.01, value_parser = level)]
    alpha: f64,

    /// Draw the line of a finding elsewhere, as in time-wait-excess=200 (captures only, not saved reports)
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    threshold: Vec<String>,

    /// What waits for something that does not happen is stuck after this time (captures only)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    stuck_after: Option<Span>,

    /// Also list what is the same, or too rare to tell
    #[arg(long)]
    all: bool,

    /// List at most so many new findings, so many that are gone, so many comparisons that are worse, and so on; or `all` [default:
    /// 20 of each, with --all each; JSON has all]
    #[arg(short = 'n', long, value_name = "N", value_parser = limit)]
    limit: Option<Limit>,

    /// How to write it [default: by the name of --output, else table]
    #[arg(short, long, value_enum)]
    format: Option<Format>,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Columns to fit in [default: those of the terminal, or $COLUMNS, or 100]
    #[arg(long, value_name = "COLUMNS", value_parser = columns)]
    width: Option<u16>,

    #[command(flatten)]
    jobs: Jobs,

    #[command(flatten)]
    reading: Reading,
}

/// clap has checked the word against the same names.
fn severity(word: String) -> Result<Severity, String> {
    Severity::named(&word).ok_or(word)
}

fn level(word: &str) -> Result<f64, String> {
    let level = word.parse::<f64>().ok().filter(|p| *p > 0.0 && *p < 1.0);
    level.ok_or_else(|| "a number between 0 and 1, as in 0.01".to_owned())
}

/// Compares and prints.
pub fn run(args: &DiffArgs, look: Look) -> Result<u8, Failure> {
    let named = args.service.iter().map(|text| {
        let hint = "write NAME=PATTERN, as in web=10.0.0.*:443";
        Services::pattern(text).ok_or_else(|| Failure::usage(format!("--service: `{text}` is no pattern\n  {hint}")))
    });
    let services = Services { by: args.by, named: named.collect::<Result<_, _>>()? };
    let limits = names::limits(&args.threshold, args.stuck_after)?;
    let format = output::format(args.format, args.output.as_deref(), Format::of_extension, &Format::EXTENSIONS)?;
    let sides = [args.before.clone(), args.after.clone()];
    if sides.iter().all(|side| side.as_os_str() == "-") {
        return Err(Failure::file("-", "can only be one of both"));
    }
    reading::check(&sides, args.output.as_deref(), "diff BEFORE")?;
    let target = Target::open(args.output.as_deref())?;
    let (before, after) = (side(&args.before, &limits, args)?, side(&args.after, &limits, args)?);
    if !args.reading.quiet {
        remark(args, &services, [&before, &after]);
    }
    let difference = compare(&before.sample, &after.sample, &services, args.alpha);
    let looks = (look.width(args.width), look.colour(target.is_file()));
    let listed = Listed { all: args.all, limit: args.limit.unwrap_or_default() };
    target.write(|out| write(format, &difference, listed, looks, out))?;
    Ok(if before.unreadable || after.unreadable { FAILED } else { code(&difference, args) })
}

/// The exit code that the options ask for: what was found weighs more than what cannot be told.
fn code(difference: &Difference, args: &DiffArgs) -> u8 {
    let new = args.fail_on_new.map(|least| ("--fail-on-new", difference.has_new(least), &difference.new_unclear));
    let worse = ("--fail-on-worse", difference.has_worse(), &difference.worse_unclear);
    let asked: Vec<_> = new.into_iter().chain(args.fail_on_worse.then_some(worse)).collect();
    if asked.iter().any(|(_, found, _)| *found) {
        return FOUND;
    }
    let mut code = DONE;
    for (option, _, why) in asked.into_iter().filter(|(.., why)| !why.is_empty()) {
        code = UNCLEAR;
        if !args.reading.quiet {
            tell(format_args!("tcpstate: {option}: cannot tell: {}", clean(&why.join(", "))));
        }
    }
    code
}

/// Tells of options that change nothing, or only one side.
fn remark(args: &DiffArgs, services: &Services, sides: [&Side; 2]) {
    let limited = !args.threshold.is_empty() || args.stuck_after.is_some();
    for side in sides.into_iter().filter(|side| limited && side.saved) {
        tell(format_args!(
            "tcpstate: {}: is a saved report, which keeps the thresholds it was made with",
            clean(input(&side.sample.name))
        ));
    }
    let named = |server: &Server| services.named.iter().any(|(name, _)| services.name(server) == *name);
    if !services.named.is_empty() && !sides.iter().any(|side| side.sample.servers.keys().any(named)) {
        tell("tcpstate: --service: no server is like any of the patterns");
    }
}

/// One of both.
struct Side {
    sample: Sample,
    /// It is a report that was saved.
    saved: bool,
    /// A part of it could not be read.
    unreadable: bool,
}

fn side(path: &Path, limits: &Limits, args: &DiffArgs) -> Result<Side, Failure> {
    let name = path.display().to_string();
    let options = Options { limits: limits.clone(), timing: Extent::Nothing, ..Options::default() };
    let mut analysis = Analysis::new(options);
    let mut sample = Sample { name: name.clone(), ..Sample::default() };
    let mut finish = match look(path).map_err(|error| Failure::file(&name, error))? {
        Input::Report(text) => {
            let sample = Sample::saved(&name, &text).map_err(|error| Failure::file(&name, error))?;
            return Ok(Side { sample, saved: true, unreadable: false });
        }
        Input::Captures => {
            let analysis = analysis.bounded(MANY);
            args.jobs.read_letting_go(&[path.to_owned()], &args.reading, analysis, |c, _| sample.take(c))?
        }
        Input::Piped(capture) => {
            let files = reading::packets_of(open_reader(&name, capture), &args.reading, |packet| {
                analysis.packet(packet);
                true
            })?;
            analysis.complete();
            let mut finish = analysis.ended_after(Past::default(), files).in_rounds(ROUND);
            finish.tell(0);
            finish
        }
    };
    args.jobs.connections(&mut finish, None, |c| sample.take(c));
    let unreadable = reading::warn(&finish.capture().files, args.reading, false) != DONE;
    sample.complete(&finish.report(Vec::new()));
    Ok(Side { sample, saved: false, unreadable })
}

/// What stands for one side.
enum Input {
    /// A saved report.
    Report(Vec<u8>),
    /// Captures, to be opened by name.
    Captures,
    /// A capture from a pipe, of which the beginning was read already.
    Piped(Box<dyn Read + Send>),
}

/// Bytes by which compression is known.
const SIGNATURE: u64 = 6;

/// Whether it begins as JSON does, compressed or not; no capture begins so.
fn look(path: &Path) -> io::Result<Input> {
    let standard = path.as_os_str() == "-";
    let piped = standard || path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
    if !piped && !path.is_file() {
        return Ok(Input::Captures);
    }
    let mut input: Box<dyn Read + Send> = match standard {
        true => Box::new(io::stdin()),
        false => match File::open(path) {
            Ok(file) => Box::new(file),
            // Whoever opens it by name says why not.
            Err(_) => return Ok(Input::Captures),
        },
    };
    let mut start = Vec::new();
    input.by_ref().take(SIGNATURE).read_to_end(&mut start)?;
    if let Some(compression) = Compression::detect(&start) {
        input = compression.open(Box::new(Cursor::new(start).chain(input)));
        start = Vec::new();
    }
    while start.len() < 64 && start.iter().all(u8::is_ascii_whitespace) {
        match input.by_ref().take(1).read_to_end(&mut start) {
            Ok(0) => break,
            Ok(_) => {}
            // Whoever opens it as a capture says what is wrong with it.
            Err(_) if !piped => return Ok(Input::Captures),
            Err(error) => return Err(error),
        }
    }
    if start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        input.read_to_end(&mut start)?;
        return Ok(Input::Report(start));
    }
    Ok(if piped { Input::Piped(Box::new(Cursor::new(start).chain(input))) } else { Input::Captures })
}
