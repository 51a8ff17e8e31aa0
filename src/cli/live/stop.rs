//! Being asked to stop: by Ctrl-C, by a service manager, by a terminal that closed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Takes note of the signals from now on. The first one asks for the end; the second one does not wait for it: what
    /// `first` has to do is done, and the program exits with code 130.
    ///
    /// # Errors
    /// When the signals cannot be had, or there is no thread for them.
    pub fn on_signals(first: fn()) -> io::Result<Stop> {
        let stop = Stop::default();
        #[cfg(unix)]
        unix::listen(&stop.0, first)?;
        #[cfg(not(unix))]
        let _ = first;
        Ok(stop)
    }

    /// Whether it was asked for.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;
    use signal_hook::iterator::Signals;

    /// Exit code of a second signal.
    const INTERRUPTED: i32 = 130;

    /// A thread waits for the signals: unlike a signal handler it may write to the terminal.
    pub(super) fn listen(asked: &Arc<AtomicBool>, first: fn()) -> io::Result<()> {
        const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
        let leaving = Arc::new(AtomicBool::new(false));
        for signal in SIGNALS {
            // A third one ends it even if the terminal takes nothing any more.
            flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&leaving))?;
        }
        let (mut signals, asked) = (Signals::new(SIGNALS)?, Arc::clone(asked));
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in &mut signals {
                if asked.swap(true, Ordering::Relaxed) {
                    leaving.store(true, Ordering::Relaxed);
                    first();
                    std::process::exit(INTERRUPTED);
                }
            }
        })?;
        Ok(())
    }
}
