//! The progress bar: a value that the reading loop brings up to date between packets.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::render::units::about;
use crate::source::Source;

/// Bytes between two updates.
const STEP: u64 = 1 << 20;

/// A bar for files, a spinner where the length is not known, or nothing.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    drawn_at: u64,
}

impl Progress {
    /// Progress through `total` bytes on standard error; hidden where that is no terminal or unless `wanted`.
    pub fn new(wanted: bool, total: Option<u64>) -> Progress {
        let bar = match (wanted, total) {
            (false, _) => ProgressBar::hidden(),
            (true, total) => ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr()),
        };
        let template = match total {
            Some(_) => "{bar:30} {percent:>3} %  {decimal_bytes}/{decimal_total_bytes}  {msg}  {eta} left",
            None => "{spinner} {decimal_bytes}  {msg}  {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        if wanted && total.is_none() {
            // A pipe may be silent for long; the spinner shows that it is waited for.
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Progress { bar, drawn_at: 0 }
    }

    /// Brings it up to date after `packets`; cheap until the source has moved on by a MiB.
    pub fn update(&mut self, source: &dyn Source, packets: u64) {
        let read = source.bytes_read();
        if read.saturating_sub(self.drawn_at) < STEP {
            return;
        }
        self.drawn_at = read;
        let seconds = self.bar.elapsed().as_secs_f64().max(1e-3);
        let rate = (packets as f64 / seconds) as u64;
        self.bar.set_position(read);
        self.bar.set_message(format!("{} packets, {} packets/s", about(packets), about(rate)));
    }

    /// Takes it off the screen.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
