//! Work in two threads: what is done and in which order is the same as in one, and so is the output.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::failure::Failure;
use super::reading::{self, Reading};
use crate::analyze::{Analysis, Finish, Keep, Past, ROUND, Stretch, Wanted};
use crate::decode::{Bundle, Decoder, ScopeNames};
use crate::render::pen::Lines;
use crate::render::stream::Stream;
use crate::report::{Capture, Connection, Row};
use crate::source::{self, FileInfo};

/// Findings in a bundle for another thread, about a MiB: each wakes a thread, which costs more than that the nearer caches
/// do not hold them.
const MANY: usize = 8_192;
/// Findings in a bundle for the same thread: about 75 KB, which stays in the second nearest cache.
const FEW: usize = 512;
/// Bundles that wait for the tracker, and stretches for whoever takes them.
const WAITING: usize = 2;

/// How many threads may work.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Jobs {
    /// Threads to work in, of which more than 2 are not used; the output is the same [default: 2, or 1 on a single core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

impl Jobs {
    /// Whether there is a second thread; unless told, where it has a core.
    fn several(self) -> bool {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(cores, usize::from) > 1
    }

    /// Takes every packet of `files` into `analysis`, in capture order, and completes it.
    pub fn read(self, files: &[PathBuf], reading: &Reading, analysis: &mut Analysis) -> Result<Vec<FileInfo>, Failure> {
        self.read_relieved(files, reading, analysis, |_| Ok(()))
    }

    /// The same; whenever the analysis is due, `relieve` lets go of connections. Its first error ends the reading.
    pub fn read_relieved<E: From<Failure>>(
        self,
        files: &[PathBuf],
        reading: &Reading,
        analysis: &mut Analysis,
        mut relieve: impl FnMut(&mut Analysis) -> Result<(), E>,
    ) -> Result<Vec<FileInfo>, E> {
        let ahead = if self.several() { read_ahead(files, reading, analysis, &mut relieve) } else { None };
        // Also where the system gives no thread.
        let read = ahead.unwrap_or_else(|| {
            let mut taken = Ok(());
            let read = decode(files, reading, FEW, |bundle, names| {
                analysis.learn(names.iter().cloned());
                taken = take(analysis, bundle, &mut relieve);
                bundle.clear();
                taken.is_ok()
            });
            taken?;
            let (files, decoder) = read?;
            analysis.decoded_by(decoder);
            Ok(files)
        });
        analysis.complete();
        read
    }

    /// Takes every packet of `files` into `analysis`, and gives the connections that it lets go meanwhile to `take`, with the
    /// capture up to there. The others, at its end.
    pub fn read_letting_go(
        self,
        files: &[PathBuf],
        reading: &Reading,
        mut analysis: Analysis,
        mut take: impl FnMut(&Connection, &Capture),
    ) -> Result<Finish<'static>, Failure> {
        let mut past = Past::default();
        let files = self.read_relieved(files, reading, &mut analysis, |analysis| {
            if let Some(mut finish) = analysis.settled(&mut past) {
                finish.tell(0);
                let capture = finish.capture().clone();
                self.connections(&mut finish, None, |c| take(c, &capture));
                past = finish.past();
            }
            analysis.let_go(&mut past);
            Ok::<_, Failure>(())
        })?;
        let mut finish = analysis.ended_after(past, files).in_rounds(ROUND);
        finish.tell(0);
        Ok(finish)
    }

    /// Gives each connection (of this round), or `only` some, in short to `take` in order of their numbers; or one for those
    /// that are `alike`.
    pub fn rows(self, finish: &mut Finish<'_>, alike: bool, only: Option<Keep<'_>>, mut take: impl FnMut(&Row)) {
        self.each(finish, Wanted { only, alike, ..Wanted::default() }, |stretch| stretch.rows, &mut take);
    }

    /// Gives each connection, or `only` some, in full to `take` in order of their numbers.
    pub fn connections(self, finish: &mut Finish<'_>, only: Option<Keep<'_>>, mut take: impl FnMut(&Connection)) {
        let wanted = Wanted { connections: true, only, ..Wanted::default() };
        self.each(finish, wanted, |stretch| stretch.connections, &mut take);
        while finish.has_more_rounds() {
            finish.next_round();
            self.each(finish, wanted, |stretch| stretch.connections, &mut take);
        }
    }

    /// Gives each of what is `of` a stretch to `take` (in this round).
    fn each<T: Send>(
        self,
        finish: &mut Finish<'_>,
        wanted: Wanted<'_>,
        of: fn(Stretch) -> Vec<T>,
        take: &mut impl FnMut(&T),
    ) {
        if self.several() {
            let more = move |made: &mut Vec<T>, stretch| match made.is_empty() {
                true => *made = of(stretch),
                false => made.extend(of(stretch)),
            };
            let told = in_turn(finish, wanted, Vec::new, more, |looked| {
                let some = match looked {
                    Looked::Here(stretch) => of(stretch),
                    Looked::There(some) => some,
                };
                some.iter().for_each(&mut *take);
                Ok(())
            });
            debug_assert!(told.is_ok(), "nothing here fails");
        }
        // What is left: everything, or nothing.
        while let Some(stretch) = finish.next(wanted) {
            of(stretch).iter().for_each(&mut *take);
        }
    }

    /// Writes each connection, or `only` some, to `out` in order of their numbers, all of them or up to its first error.
    pub fn stream<S: Stream>(self, finish: &mut Finish<'_>, only: Option<Keep<'_>>, out: &mut S) -> io::Result<()> {
        self.stream_round(finish, only, out)?;
        while finish.has_more_rounds() {
            finish.next_round();
            self.stream_round(finish, only, out)?;
        }
        Ok(())
    }

    fn stream_round<S: Stream>(self, finish: &mut Finish<'_>, only: Option<Keep<'_>>, out: &mut S) -> io::Result<()> {
        let wanted =
            Wanted { connections: true, written: true, lone_in_short: S::LONE_IN_SHORT, only, ..Wanted::default() };
        if self.several() {
            let (used, empty) = sync_channel(WAITING + 1);
            let begin = move || empty.try_recv().unwrap_or_default();
            let make = |lines: &mut Lines, stretch: Stretch| {
                let Stretch { connections, passages, lone, .. } = &stretch;
                match passages.is_empty() {
                    true => S::make(lines, connections, lone),
                    false => S::make(lines, passages, lone),
                }
            };
            in_turn(finish, wanted, begin, make, |looked| match looked {
                Looked::Here(stretch) => write(out, &stretch),
                Looked::There(mut lines) => {
                    out.made(&mut lines)?;
                    // At the end there is nobody left who needs it.
                    let _ = used.try_send(lines);
                    Ok(())
                }
            })?;
        }
        // What is left: everything, or nothing.
        while let Some(stretch) = finish.next(wanted) {
            write(out, &stretch)?;
        }
        Ok(())
    }
}

/// Writes what was looked at: connections in full, or all of them as they are to be written.
fn write<S: Stream>(out: &mut S, stretch: &Stretch) -> io::Result<()> {
    let Stretch { connections, passages, lone, .. } = stretch;
    if passages.is_empty() { out.connections(connections, lone) } else { out.connections(passages, lone) }
}

/// Takes `bundle` into `analysis`, which `relieve` lets go of connections whenever it is due.
fn take<E>(
    analysis: &mut Analysis,
    bundle: &Bundle,
    relieve: &mut impl FnMut(&mut Analysis) -> Result<(), E>,
) -> Result<(), E> {
    let mut from = 0;
    while let Some(next) = analysis.bundle_until_due(bundle, from) {
        relieve(analysis)?;
        from = next;
    }
    Ok(())
}

/// Reads and decodes in a thread of its own, some bundles ahead of the analysis; `None` if there is no thread to be had.
fn read_ahead<E: From<Failure>>(
    files: &[PathBuf],
    reading: &Reading,
    analysis: &mut Analysis,
    relieve: &mut impl FnMut(&mut Analysis) -> Result<(), E>,
) -> Option<Result<Vec<FileInfo>, E>> {
    thread::scope(|scope| {
        let (full, filled) = sync_channel(WAITING);
        let (used, empty) = sync_channel(WAITING + 2);
        let hand_on = move |bundle: &mut Bundle, names: &[ScopeNames]| {
            let mut next: Bundle = empty.try_recv().unwrap_or_default();
            next.clear();
            // Where nobody takes it any more the other thread has failed, which is told there.
            full.send((std::mem::replace(bundle, next), names.to_vec())).is_ok()
        };
        let read = move || decode(files, reading, MANY, hand_on);
        let reader = thread::Builder::new().name("read".to_owned()).spawn_scoped(scope, read).ok()?;
        let mut taken = Ok(());
        for (bundle, names) in filled {
            analysis.learn(names);
            taken = take(analysis, &bundle, relieve);
            if taken.is_err() {
                break;
            }
            // At the end there is nobody left who needs it.
            let _ = used.try_send(bundle);
        }
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Some(taken.and_then(|()| {
            let (files, decoder) = read?;
            analysis.decoded_by(decoder);
            Ok(files)
        }))
    })
}

/// Decodes every packet of `files` into bundles of about `size` findings, each given to `hand_on` with the names of the
/// scopes that are new in it; it leaves an empty one, and says whether more are wanted. An error ends them early, and what
/// was found before is handed on.
fn decode(
    files: &[PathBuf],
    reading: &Reading,
    size: usize,
    mut hand_on: impl FnMut(&mut Bundle, &[ScopeNames]) -> bool,
) -> Result<(Vec<FileInfo>, Decoder), Failure> {
    let (mut decoder, mut bundle, mut named, mut wanted) = (Decoder::new(), Bundle::default(), 0, true);
    let files = reading::batches_of(source::open(files), reading, |mut batch| {
        while wanted && bundle.fill(&mut decoder, &mut batch, size) {
            let names = decoder.scopes_since(named);
            named += names.len();
            wanted = hand_on(&mut bundle, names);
        }
        wanted
    });
    if wanted {
        hand_on(&mut bundle, decoder.scopes_since(named));
    }
    Ok((files?, decoder))
}

/// A stretch of connections.
enum Looked<T> {
    /// Looked at in this thread.
    Here(Stretch),
    /// What was made of it where it was looked at.
    There(T),
}

/// Looks at every other turn of connections in a thread of its own, where something is begun and `make` adds each stretch
/// to it: what belongs to a connection is thus made and thrown away in one thread. `take` gets all of them in order, up to
/// its first error. Does nothing if there is not enough for two threads, or no thread to be had.
fn in_turn<T: Send>(
    finish: &mut Finish<'_>,
    wanted: Wanted<'_>,
    mut begin: impl FnMut() -> T + Send,
    mut make: impl FnMut(&mut T, Stretch) + Send,
    mut take: impl FnMut(Looked<T>) -> io::Result<()>,
) -> io::Result<()> {
    let Some([mut here, mut there]) = finish.halves(wanted) else { return Ok(()) };
    let told = thread::scope(|scope| {
        let (made, ready) = sync_channel(WAITING);
        let (finish, part) = (&*finish, &mut there);
        let look = move || {
            while finish.begin_turn(part) {
                let mut turn = begin();
                while let Some(stretch) = finish.look(part, wanted) {
                    make(&mut turn, stretch);
                }
                // Where nobody takes them any more an error was met.
                if made.send(turn).is_err() {
                    break;
                }
            }
        };
        let looker = thread::Builder::new().name("look".to_owned()).spawn_scoped(scope, look).ok()?;
        let mut taken = Ok(());
        while taken.is_ok() && finish.begin_turn(&mut here) {
            while let (Ok(()), Some(stretch)) = (&taken, finish.look(&mut here, wanted)) {
                taken = take(Looked::Here(stretch));
            }
            // The last turn may be one of this thread.
            if let (Ok(()), Ok(made)) = (&taken, ready.recv()) {
                taken = take(Looked::There(made));
            }
        }
        drop(ready);
        looker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Some(taken)
    });
    match told {
        Some(taken) => {
            finish.add([here, there]);
            taken
        }
        None => {
            finish.rejoin([here, there]);
            Ok(())
        }
    }
}
