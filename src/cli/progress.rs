//! The progress bar: a value that the reading loop brings up to date between packets.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::render::units::about;
use crate::source::Source;

/// Packets between two updates: few at first, for slow pipes, then many.
const STEPS: (u64, u64) = (1 << 10, 1 << 16);

/// A bar for files, a spinner where the length is not known, or nothing.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    /// Packets at which the next update is due.
    due: u64,
}

impl Progress {
    /// Progress through `total` bytes on standard error; nothing where that is no terminal or unless `wanted`.
    pub fn new(wanted: bool, total: Option<u64>) -> Progress {
        if !wanted || !std::io::stderr().is_terminal() {
            return Progress { bar: None, due: u64::MAX };
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = match total {
            Some(_) => "{bar:30} {percent:>3} %  {decimal_bytes}/{decimal_total_bytes}  {msg}  {eta} left",
            None => "{spinner} {decimal_bytes}  {msg}  {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        if total.is_none() {
            // A pipe may be silent for long; the spinner shows that it is waited for.
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Progress { bar: Some(bar), due: STEPS.0 }
    }

    /// Whether an update is due after `packets`.
    #[inline]
    pub fn is_due(&self, packets: u64) -> bool {
        packets >= self.due
    }

    /// Brings it up to date after `packets`.
    pub fn update(&mut self, source: &dyn Source, packets: u64) {
        self.due = packets.saturating_add(packets.clamp(STEPS.0, STEPS.1));
        let Some(bar) = &self.bar else { return };
        let seconds = bar.elapsed().as_secs_f64().max(1e-3);
        let rate = (packets as f64 / seconds) as u64;
        bar.set_position(source.bytes_read());
        bar.set_message(format!("{} packets, {} packets/s", about(packets), about(rate)));
    }

    /// Takes it off the screen.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
