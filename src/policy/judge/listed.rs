//! Things that are wrong, or in doubt: however many there are, the first are told.

use super::{LISTED, Offence};

/// How many there are, and the first [`LISTED`] of them.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// How many.
    pub count: u64,
    /// The first of them, in order.
    pub first: Vec<Offence>,
}

impl Listed {
    /// Adds one, which is made if it is one of the first.
    pub fn add(&mut self, make: impl FnOnce() -> Offence) {
        self.add_cases(1, make);
    }

    /// Adds one that stands for so many.
    pub fn add_cases(&mut self, cases: u64, make: impl FnOnce() -> Offence) {
        self.count += cases;
        if self.first.len() < LISTED {
            self.first.push(make());
        }
    }

    /// Adds those that come after.
    pub fn append(&mut self, other: Listed) {
        self.count += other.count;
        let room = LISTED.saturating_sub(self.first.len());
        self.first.extend(other.first.into_iter().take(room));
    }
}
