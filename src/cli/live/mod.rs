//! `tcpstate live`: what passes an interface, as it happens.
//!
//! | file | holds |
//! |---|---|
//! | `args` | what can be said about watching |
//! | `run` | the loop; `stop`: what ends it |
//! | `ahead`, `queue` | reading in a thread of its own, and what that has ready |
//! | `screen`, `stream` | the dashboard on the terminal; without one, lines of JSON |
//! | `metrics` | a page of metrics over HTTP |

mod ahead;
mod args;
mod metrics;
mod queue;
mod run;
mod screen;
mod stop;
mod stream;

use std::io::{IsTerminal, stdin, stdout};
use std::path::Path;

pub use args::LiveArgs;

use self::ahead::{Ahead, Input};
use self::metrics::Page;
use self::run::{Front, Run};
use self::screen::Screen;
use self::stop::Stop;
use self::stream::Stream;
use super::failure::{DONE, FAILED, Failure};
use super::is_capture;
use super::jobs::Jobs;
use super::names;
use super::output::{self, Look, Target, tell};
use super::passed::Passed;
use crate::analyze::Options;
use crate::detect;
use crate::filter::{Filter, words};
use crate::live::{Limits, Watcher};
use crate::render::clean::clean;
use crate::render::units::{plural, span};
use crate::render::{Format, Limit, RenderOptions, Zone, render};
use crate::source::FileInfo;
use crate::source::live::{Capture, DRESS, Settings, drop_privileges, interfaces};
use crate::time::Span;
use crate::write::{RotatingWriter, Rotation};

/// Bytes read ahead of a pipe: whoever writes into it waits.
const PIPED: u64 = 16 << 20;

/// Watches until it ends or is ended; the exit code is 0 unless it could not begin, or could not go on.
pub fn run(args: &LiveArgs, look: Look) -> Result<u8, Failure> {
    if args.list {
        return list().map(|()| DONE);
    }
    let (piped, words) = match args.words.split_first() {
        Some((first, rest)) if first == "-" => (true, rest),
        _ => (false, &args.words[..]),
    };
    if words.first().is_some_and(|word| word == "help") && words.len() == 1 {
        output::print(|out| out.write_all(words::help().as_bytes()))?;
        return Ok(DONE);
    }
    let filter = filter(words)?;
    consistent(args, piped)?;
    let format = format(args)?;
    let on_screen = format.is_none() && args.output.is_none() && stdout().is_terminal();
    let input = open(args, piped)?;
    let page = metrics_page(args, on_screen)?;
    let stop = Stop::on_signals(if on_screen { screen::give_back } else { || {} })
        .map_err(|error| Failure::file("signals", error))?;
    let writer = writer(args, &input)?;
    let limits = Limits { connections: args.max_connections as usize };
    let mut watcher = Watcher::new(options(args)?, filter.clone(), limits);
    let filter = filter.as_ref().map(Filter::to_string);
    let mut front = front(args, on_screen, format, input.name(), filter)?;
    // What the report goes to must be known to work before hours of watching.
    let target = match front {
        Front::Stream(_) => None,
        _ => Some(Target::open(args.output.as_deref())?),
    };
    if target.is_some() {
        watcher = watcher.without_events();
    }
    let watches = !input.is_pipe();
    let run = Run { stop, page, duration: args.duration, clocked: watches };
    let mut ahead = ahead(args, input, writer)?;
    let source = run.watch(&mut ahead, &mut watcher, &mut front)?;
    if let Front::Screen(_) = front {
        // The terminal is given back before anything is written to it.
        front = Front::Silent;
    }
    if let Some(failure) = ahead.unreadable() {
        return Err(Failure::file(&source.name, failure));
    }
    if !args.quiet {
        remark(&watcher, &source, watches);
    }
    match (front, target) {
        (Front::Stream(mut stream), _) => {
            let written = stream.finish(&watcher, source);
            stream.unless_closed(written)?;
        }
        (_, Some(target)) => {
            let options = render_options(args, look, &target);
            report(format.unwrap_or_default(), &options, &watcher, source, target)?;
        }
        _ => {}
    }
    // It was to go on: whoever started it has to know.
    Ok(if ahead.gone() { FAILED } else { DONE })
}

/// Begins to read.
fn ahead(args: &LiveArgs, input: Input, writer: Option<RotatingWriter>) -> Result<Ahead, Failure> {
    let most = usize::try_from(if input.is_pipe() { PIPED } else { args.queue }).unwrap_or(usize::MAX);
    Ahead::start(input, args.count, writer, most).map_err(|error| Failure::file("reading", error))
}

/// Gives up privileges, and serves the page of `--metrics`: its port may be one that only the privileged can take.
fn metrics_page(args: &LiveArgs, on_screen: bool) -> Result<Option<Page>, Failure> {
    let server = args.metrics.map(|address| (metrics::Server::bind(address), address));
    // Before any thread begins: each thread has privileges of its own.
    if let Err(error) = drop_privileges()
        && !args.quiet
    {
        tell(format_args!("tcpstate: privileges could not be given up: {error}"));
    }
    let page = server.map(|(server, address)| {
        let page = server.and_then(metrics::Server::serve);
        page.map_err(|error| Failure::file(&format!("--metrics {address}"), error))
    });
    let page = page.transpose()?;
    if let (Some(page), false) = (&page, args.quiet || on_screen) {
        tell(format_args!("tcpstate: metrics at http://{}/metrics", page.address));
    }
    Ok(page)
}

/// That what was asked for goes together.
fn consistent(args: &LiveArgs, piped: bool) -> Result<(), Failure> {
    if let (true, Some(interface)) = (piped, &args.interface) {
        let hint = "`-` reads a capture from standard input, -i watches an interface";
        return Err(Failure::usage(format!("live: both `-` and -i {} given\n  {hint}", clean(interface))));
    }
    if args.rotate_keep.is_some() && args.rotate_size.is_none() && args.rotate_every.is_none() {
        let why = "--rotate-keep: without --rotate-size or --rotate-every there is but one file";
        return Err(Failure::usage(why.to_owned()));
    }
    if let Some(path) = &args.write {
        if path.as_os_str() == "-" {
            return Err(Failure::usage("--write: packets go to a file, not to standard output".to_owned()));
        }
        if args.output.as_ref() == Some(path) {
            let name = path.display().to_string();
            return Err(Failure::usage(format!("--write: {} is what --output names", clean(&name))));
        }
    }
    Ok(())
}

/// The format asked for, or the one that the output's name stands for.
fn format(args: &LiveArgs) -> Result<Option<Format>, Failure> {
    if args.format.is_some() {
        return Ok(args.format);
    }
    output::named(args.output.as_deref(), Format::of_extension, &Format::EXTENSIONS)
}

/// Where events of the input called `name` go.
fn front(
    args: &LiveArgs,
    on_screen: bool,
    format: Option<Format>,
    name: &str,
    filter: Option<String>,
) -> Result<Front, Failure> {
    if on_screen {
        let screen = Screen::open(zone(args), filter);
        return Ok(Front::Screen(Box::new(screen.map_err(|error| Failure::file("terminal", error))?)));
    }
    if format.is_some_and(|format| format != Format::Ndjson) {
        return Ok(Front::Silent);
    }
    let mut stream = Stream::open(args.output.as_deref(), args.interval)?;
    let begun = stream.start(name, run::wall_clock(), filter);
    stream.unless_closed(begun)?;
    Ok(Front::Stream(Box::new(stream)))
}

/// Writes the report at the end.
fn report(
    format: Format,
    options: &RenderOptions,
    watcher: &Watcher,
    source: FileInfo,
    target: Target,
) -> Result<(), Failure> {
    if format == Format::Table && !watcher.is_filtered() {
        let mut finish = watcher.ended(source);
        let mut passed = Passed::new(Format::Table, options, None);
        passed.pass(&mut finish, Jobs::default());
        let (mut report, picked) = passed.report(finish);
        watcher.complete(&mut report);
        return target.write(|out| picked.show(Format::Table, &report, options, out));
    }
    let report = watcher.report(source);
    target.write(|out| render(format, &report, options, out))
}

/// How the report at the end is to look.
fn render_options(args: &LiveArgs, look: Look, target: &Target) -> RenderOptions {
    RenderOptions {
        width: look.width(args.width),
        colour: look.colour(target.is_file()),
        limit: args.limit.unwrap_or(Limit::Suited),
        zone: zone(args),
        watched: true,
        ..RenderOptions::default()
    }
}

fn zone(args: &LiveArgs) -> Zone {
    if args.local_time { Zone::Local } else { Zone::Utc }
}

/// What to assume and what to look for.
fn options(args: &LiveArgs) -> Result<Options, Failure> {
    let limits = names::limits(&args.threshold, args.stuck_after)?;
    let selection =
        detect::Selection::new(&[], &args.ignore).map_err(|error| Failure::usage(format!("--ignore: {error}")))?;
    Ok(Options { limits, selection, ..args.timers.options() })
}

fn filter(words: &[String]) -> Result<Option<Filter>, Failure> {
    if words.is_empty() {
        return Ok(None);
    }
    if let [name] = words
        && names::filter("filter", name).is_err()
        && is_capture(name)
    {
        let mut hint = format!("`tcpstate analyze {name}` reads a capture");
        if !Path::new(name).is_dir() {
            hint.push_str(&format!(", `tcpstate live - < {name}` as if it were being written"));
        }
        return Err(Failure::usage(format!("live: `{name}` is no filter\n  {hint}")));
    }
    names::filter("filter", &words.join(" ")).map(Some)
}

fn open(args: &LiveArgs, piped: bool) -> Result<Input, Failure> {
    if piped {
        if stdin().is_terminal() {
            let hint = "pipe a capture into it: tcpdump -U -w - | tcpstate live -";
            return Err(Failure::file("-", format!("is a terminal\n  {hint}")));
        }
        return Ok(Input::Pipe(Box::new(stdin())));
    }
    let Some(interface) = args.interface.clone() else {
        let names: Vec<String> = interfaces().unwrap_or_default().into_iter().map(|i| i.name).collect();
        let hint = format!("name one with -i ({}, any), or `-` to read from a pipe", names.join(", "));
        return Err(Failure::usage(format!("live: no interface given\n  {hint}")));
    };
    let settings = Settings {
        interface,
        snap_len: args.snap_len,
        ring_bytes: args.ring,
        promiscuous: args.promiscuous,
        tunnels: args.tunnels,
    };
    Capture::open(&settings)
        .map(|capture| Input::Interface(Box::new(capture)))
        .map_err(|error| Failure::usage(error.to_string()))
}

fn writer(args: &LiveArgs, input: &Input) -> Result<Option<RotatingWriter>, Failure> {
    let Some(path) = &args.write else { return Ok(None) };
    let rotation = Rotation { bytes: args.rotate_size, span: args.rotate_every, keep: args.rotate_keep };
    // Not shorter than what is written: a cooked header and a tag come on top of what the kernel takes.
    let snap_len = if matches!(input, Input::Interface(_)) { args.snap_len + DRESS } else { 0 };
    let writer = RotatingWriter::create(path, rotation, input.name(), snap_len);
    writer.map(Some).map_err(|error| Failure::file(&path.display().to_string(), format!("cannot be written: {error}")))
}

/// What the report does not say by itself; `watches` an interface.
fn remark(watcher: &Watcher, source: &FileInfo, watches: bool) {
    /// A longer silence at the end may have shown what the report does not have.
    const SILENCE: Span = Span::secs(1);
    if let Some(problem) = &source.problem {
        tell(format_args!("tcpstate: {problem}"));
    }
    let silence = watcher.capture().last.map_or(Span(0), |last| watcher.now() - last);
    if watches && source.until.is_none() && silence > SILENCE {
        tell(format_args!(
            "tcpstate: nothing was captured in the last {}: the report is as of the last packet, like that of a file",
            span(silence)
        ));
    }
    let evicted = watcher.metrics().evicted;
    if evicted > 0 {
        tell(format_args!(
            "tcpstate: {} forgotten to bound memory (--max-connections); the totals count them as they were then, the rest \
             of the report does not",
            plural(evicted, "connection")
        ));
    }
    if let Some(dropped) = source.dropped.filter(|dropped| *dropped > 0) {
        tell(format_args!(
            "tcpstate: the kernel dropped {} not read in time; a larger --queue or --ring helps where they came in bursts",
            plural(dropped, "packet")
        ));
    }
}

/// The interfaces, one per line.
fn list() -> Result<(), Failure> {
    let interfaces = interfaces().map_err(|error| Failure::file("interfaces", error))?;
    let width = interfaces.iter().map(|i| i.name.len()).max().unwrap_or(0).max("any".len());
    output::print(|out| {
        for i in &interfaces {
            let addresses: Vec<String> = i.addresses.iter().map(ToString::to_string).collect();
            let line = format!("{:width$}  {:14}  {}", i.name, i.state, addresses.join(", "));
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out, "{:width$}  {:14}  all of them at once", "any", "")
    })
}
