//! What is noted of a connection beside the tracker: signals for the detectors, and measurements.

use crate::detect::Glance;
use crate::pack::pack_fields;
use crate::segment::Segment;
use crate::signals::Signals;
use crate::time::Time;
use crate::timing::Measured;
use crate::tracker::opening::Opening;
use crate::tracker::run::Run;
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

impl Noted {
    /// What detectors look at.
    pub fn both(&self) -> (&Signals, &Measured) {
        (&self.signals, &self.measured)
    }
}

/// Of the notes of one connection what a glance at it tells.
#[derive(Clone, Debug, Default)]
pub struct Glimpse {
    signals: Signals,
    unique: u64,
}

impl Notes for Glimpse {
    type Glance = (Glance, u64);
    type Glimpse = Glimpse;

    fn glance(&self, c: &Connection) -> (Glance, u64) {
        (Glance::of(c, &self.signals), self.unique)
    }

    fn glance_at_orderly(unique: u32, answered: bool, syn_again: bool, open: Option<usize>) -> (Glance, u64) {
        Noted::glance_at_orderly(unique, answered, syn_again, open)
    }

    fn take(&mut self, taken: &Taken, seg: &Segment, c: &Connection) {
        self.unique += u64::from(self.signals.take(taken, seg, c));
    }

    fn open(&mut self, opening: Opening<'_>) {
        self.signals.open(opening);
    }

    fn ask(&mut self, seg: &Segment) {
        self.take_steady(0, false, seg);
    }

    fn answer(&mut self, seg: &Segment) {
        self.take_steady(1, true, seg);
    }

    fn steady_after(&self, c: &Connection) -> Option<Time> {
        self.signals.are_steady(c).then_some(Time(i64::MIN))
    }

    #[inline(always)]
    fn goes_on(&self, sender: usize, seg: &Segment) -> bool {
        self.signals.goes_on(sender, seg)
    }

    #[inline(always)]
    fn take_steady(&mut self, sender: usize, advances: bool, seg: &Segment) {
        self.unique += u64::from(seg.len);
        self.signals.take_steady(sender, advances, seg);
    }

    #[inline]
    fn take_run(&mut self, sender: usize, run: &Run<'_>) {
        self.unique += u64::from(run.bytes);
        self.signals.take_run(sender, run);
    }
}

impl Notes for Noted {
    type Glance = (Glance, u64);
    type Glimpse = Glimpse;

    fn restart(&mut self) {
        self.signals.restart();
        self.measured.restart();
        self.unique = 0;
    }

    fn glance(&self, c: &Connection) -> (Glance, u64) {
        (Glance::of(c, &self.signals), self.unique)
    }

    fn glance_at_orderly(unique: u32, answered: bool, syn_again: bool, open: Option<usize>) -> (Glance, u64) {
        (Glance::at_orderly(answered, syn_again, open), unique.into())
    }

    fn take(&mut self, taken: &Taken, seg: &Segment, c: &Connection) {
        self.unique += u64::from(self.signals.take(taken, seg, c));
        self.measured.take(taken.sender, taken.class, taken.advances, seg, c);
    }

    fn open(&mut self, opening: Opening<'_>) {
        self.signals.open(opening);
        self.measured.open(opening);
    }

    fn ask(&mut self, seg: &Segment) {
        self.unique += u64::from(seg.len);
        self.signals.take_steady(0, false, seg);
        self.measured.ask(seg);
    }

    fn answer(&mut self, seg: &Segment) {
        self.unique += u64::from(seg.len);
        self.signals.take_steady(1, true, seg);
        self.measured.answer(seg);
    }

    fn steady_after(&self, c: &Connection) -> Option<Time> {
        if self.signals.are_steady(c) { self.measured.steady_after() } else { None }
    }

    #[inline(always)]
    fn goes_on(&self, sender: usize, seg: &Segment) -> bool {
        self.signals.goes_on(sender, seg) && self.measured.goes_on(seg)
    }

    #[inline(always)]
    fn take_steady(&mut self, sender: usize, advances: bool, seg: &Segment) {
        self.unique += u64::from(seg.len);
        self.signals.take_steady(sender, advances, seg);
        self.measured.take_steady(sender, advances, seg);
    }

    #[inline]
    fn take_run(&mut self, sender: usize, run: &Run<'_>) {
        self.unique += u64::from(run.bytes);
        self.signals.take_run(sender, run);
        self.measured.take_run(sender, run);
    }
}

pack_fields!(Noted { signals, measured, unique });
pack_fields!(Glimpse { signals, unique });
