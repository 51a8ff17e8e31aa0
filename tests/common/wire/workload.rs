//! What the two applications do.

use super::end::{Action, End};
use super::{Happening, Link, World};

impl World {
    /// What the applications do, and whether the right end listens.
    pub(super) fn workload(&mut self, ends: &mut [End; 2]) -> bool {
        const MS: i64 = 1_000_000;
        let start = MS * self.dice.range(1, 5);
        self.plan(start, Happening::Act(0, Action::Connect));
        let kind = self.dice.range(0, 19);
        let both = kind == 0 || kind == 1;
        if both {
            // The first SYN may find the right end closed; where packets are lost or overtake each other, what is left of
            // that refusal could not be told from one of the second SYN.
            let way = self.delays[0] + self.delays[1];
            let faithful = matches!(self.link, Link::Clean | Link::Jitter);
            let gap = self.dice.range(0, if faithful { 2 * way } else { way - 1_000 });
            self.plan(start + gap, Happening::Act(1, Action::Connect));
        }
        if kind == 2 {
            return false; // refused
        }
        let mut time = start;
        for _ in 0..self.dice.range(0, 6) {
            time += MS * self.dice.range(0, 300);
            let (end, size) = (self.dice.range(0, 1) as usize, self.dice.range(1, 4000) as usize);
            self.plan(time, Happening::Act(end, Action::Send(size)));
        }
        time += MS * self.dice.range(10, 2_000);
        let first = self.dice.range(0, 1) as usize;
        match self.dice.range(0, 9) {
            0 => {} // idle
            1 => self.plan(time, Happening::Act(first, Action::Abort)),
            2 | 3 => {
                let gap = self.dice.range(0, 2 * (self.delays[0] + self.delays[1]));
                self.plan(time, Happening::Act(first, Action::Close));
                self.plan(time + gap, Happening::Act(1 - first, Action::Close));
            }
            4 => {
                // Half-close: the other end goes on sending, and closes or aborts later or never.
                self.plan(time, Happening::Act(first, Action::Close));
                for _ in 0..self.dice.range(1, 3) {
                    time += MS * self.dice.range(1, 800);
                    let size = self.dice.range(1, 4000) as usize;
                    self.plan(time, Happening::Act(1 - first, Action::Send(size)));
                }
                time += MS * self.dice.range(1, 3_000);
                match self.dice.range(0, 3) {
                    0 => {}
                    1 => self.plan(time, Happening::Act(1 - first, Action::Abort)),
                    _ => self.plan(time, Happening::Act(1 - first, Action::Close)),
                }
            }
            _ => {
                self.plan(time, Happening::Act(first, Action::Close));
                ends[1 - first].reaction = Some(MS * self.dice.range(0, 1) * self.dice.range(0, 500));
            }
        }
        !both
    }
}
