//! What is noted of a connection beside the tracker: signals for the detectors, and measurements.

use crate::detect::Glance;
use crate::pack::pack_fields;
use crate::segment::Segment;
use crate::signals::Signals;
use crate::timing::Measured;
use crate::tracker::{Connection, Notes, Taken};

/// The notes of one connection.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// What detectors need besides states.
    pub signals: Signals,
    /// Where the time went.
    pub measured: Measured,
    /// Payload bytes that passed, each counted once.
    pub unique: u64,
}

impl Notes for Noted {
    type Glance = (Glance, u64);

    fn restart(&mut self) {
        self.signals = Signals::default();
        self.measured.restart();
        self.unique = 0;
    }

    fn glance(&self, c: &Connection) -> (Glance, u64) {
        (Glance::of(c, &self.signals), self.unique)
    }

    fn glance_at_orderly(unique: u32, answered: bool) -> (Glance, u64) {
        (Glance::at_orderly(answered), unique.into())
    }

    fn take(&mut self, taken: &Taken, seg: &Segment, c: &Connection) {
        self.take_for_glance(taken, seg, c);
        self.measured.take(taken.sender, taken.class, taken.advances, seg, c);
    }

    fn take_for_glance(&mut self, taken: &Taken, seg: &Segment, c: &Connection) {
        self.unique += u64::from(self.signals.take(taken, seg, c));
    }
}

pack_fields!(Noted { signals, measured, unique });
