//! Where some connections are looked at together, and what is known of each of them there.

use super::build;
use super::ended::Ended;
use super::flood::Flood;
use super::lone::Alike;
use super::notes::Noted;
use super::rows::Stands;
use crate::detect::Brief;
use crate::report::{Anomaly, Ending, PerSide};
use crate::segment::Socket;
use crate::time::Time;
use crate::timing::{Abridged, Flights, Measured, Proofs};
use crate::tracker::textbook::Entered;
use crate::tracker::verdict::Weighing;
use crate::tracker::{Case, Lone, Outline, Scratch, Textbook, Verdict};

/// Connections looked at together: what is known of them stays in the second nearest cache.
pub(super) const TOGETHER: usize = 16;

/// Where they are looked at, one stretch after the other: it is large.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub scratch: [Scratch<Noted>; TOGETHER],
    pub weighing: [Weighing; TOGETHER],
    pub measured: [Measured; TOGETHER],
    pub books: [Textbook; TOGETHER],
    pub abridged: [Abridged; TOGETHER],
    /// When the ends of those that were abridged entered their states.
    pub entered: [Option<Entered>; TOGETHER],
    /// And when at the latest, if they are listed.
    pub late: [[[Time; 5]; 2]; TOGETHER],
    pub lones: [Option<Lone>; TOGETHER],
    pub ended: [Option<Ended>; TOGETHER],
    pub flights: Flights,
    /// Packets that prove receipts, as far as they are asked for.
    pub proofs: [Proofs; TOGETHER],
    pub briefs: [Vec<Brief>; TOGETHER],
    pub anomalies: [Vec<Anomaly>; TOGETHER],
    pub kinds: Alike,
    pub flood: Flood,
    pub stands: Stands,
    /// Nothing is measured there of a lone SYN, or of what ended otherwise than by the book.
    pub nothing: Measured,
}

/// One of them.
pub(super) struct Look<'b> {
    pub index: usize,
    pub id: u64,
    pub sockets: [Socket; 2],
    pub outline: Outline,
    pub verdicts: &'b [Verdict; 2],
    pub ending: Ending,
    pub measured: &'b Measured,
    pub proofs: &'b Proofs,
    pub form: Form<'b>,
    /// It is not let go yet: what is found rests on what the capture lacks, and that is known at its end.
    pub stays: bool,
    /// It is one of those that the report is about.
    pub chosen: bool,
}

/// In which form it is there.
#[derive(Clone, Copy)]
pub(super) enum Form<'b> {
    /// It is a textbook one, of which detectors have nothing to say.
    Textbook(&'b Textbook),
    /// It went by the book and ended otherwise; its place among those looked at together.
    Ended(&'b Textbook, &'b Ended, usize),
    /// It is a lone SYN.
    Lone(&'b Lone),
    /// All that the tracker knows of it.
    Case(&'b Case<Noted>),
}

impl Form<'_> {
    /// Packets that prove receipts, of one of which that was `measured`.
    pub fn proofs(&self, measured: &Measured) -> Proofs {
        match self {
            Form::Textbook(book) => Proofs::from_slice(&book.proofs()),
            // These are not asked for.
            Form::Ended(..) | Form::Lone(_) => Proofs::new(),
            Form::Case(_) => measured.proofs(),
        }
    }
}

impl Look<'_> {
    pub fn ends(&self) -> PerSide<&Verdict> {
        let client = self.outline.client & 1;
        PerSide { client: &self.verdicts[client], server: &self.verdicts[1 - client] }
    }

    pub fn subject(&self) -> build::Subject<'_> {
        let Look { sockets, outline, verdicts, ending, measured, proofs, .. } = self;
        let tracked = match self.form {
            Form::Textbook(_) | Form::Ended(..) | Form::Lone(_) => None,
            Form::Case(case) => Some(&case.connection),
        };
        build::Subject { sockets, outline, measured, verdicts, ending: *ending, proofs, tracked }
    }
}
