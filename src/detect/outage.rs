//! What clients saw of a service that had just ended its connections: attempts that fail, until one is taken up again.

use super::alike::SETTLED;
use super::prelude::*;
use crate::report::Outcome;

/// An attempt must fail so soon.
const SOON: Span = Span::secs(10);

/// Whether a connection was refused or not answered, or only when its SYN had been repeated.
pub fn failed(scene: &Scene, c: Digest<'_>) -> bool {
    let unanswered = c.outcome == Outcome::Unanswered || c.outcome == Outcome::HalfOpen && !c.heard();
    let settled = || unanswered && c.began(SETTLED, scene.end);
    c.opened() && (c.outcome == Outcome::Refused || c.waited() || settled())
}

/// New connections to a service after a moment.
#[derive(Default)]
pub struct After<'a> {
    /// When they were first asked for, in order.
    failed: Vec<(Time, Digest<'a>)>,
    /// When others were asked for, in order; and when one was taken up: once they are sorted, the first of these and all
    /// that follow.
    taken_up: Vec<(Time, Time)>,
}

impl<'a> After<'a> {
    /// Adds a connection of the service, in no order.
    pub fn add(&mut self, scene: &Scene, c: Digest<'a>) {
        if failed(scene, c) {
            self.failed.push((c.first(), c));
        }
        // What was reset may have been taken up by a listener that was about to go.
        if let Some(time) = c.established().filter(|_| c.opened() && c.broke().is_none() && !c.ignored()) {
            self.taken_up.push((c.first(), time));
        }
    }

    /// No more are added.
    pub fn sort(&mut self) {
        self.failed.sort_unstable_by_key(|(first, c)| (*first, c.id()));
        self.taken_up.sort_unstable();
        let mut first = Time(i64::MAX);
        for (_, time) in self.taken_up.iter_mut().rev() {
            first = first.min(*time);
            *time = first;
        }
    }

    /// The outage that began with a moment from `start` to `end`, if new connections failed then of whom is `known`: others
    /// may never have been let in.
    pub fn outage(&self, (start, end): (Time, Time), known: impl Fn(u32) -> bool) -> Option<Outage<'a>> {
        let later = self.taken_up.partition_point(|(first, _)| *first < start);
        let back = self.taken_up.get(later).map(|(_, time)| *time);
        let from = self.failed.partition_point(|(first, _)| *first < start);
        let until = back.map_or(self.failed.len(), |back| self.failed.partition_point(|(first, _)| *first < back));
        let failed = self.failed.get(from..until)?;
        // One that was taken up at last may have lost its SYN.
        let counts = |c: &Digest<'_>| !c.was_established() && known(c.parties.client);
        let soon = failed.iter().take_while(|(first, _)| *first - end <= SOON).any(|(_, c)| counts(c));
        soon.then(|| Outage { start, failed: failed.iter().map(|(_, c)| *c).collect(), back })
    }
}

/// Attempts that failed after a moment.
pub struct Outage<'a> {
    /// When it began.
    start: Time,
    /// In order of time; at least one.
    pub failed: Vec<Digest<'a>>,
    /// When a connection was taken up again.
    pub back: Option<Time>,
}

impl Outage<'_> {
    /// How many were refused.
    fn refused(&self) -> u64 {
        self.failed.iter().filter(|c| c.outcome == Outcome::Refused && !c.was_established()).count() as u64
    }

    /// How many were taken up at last, their SYN repeated.
    fn late(&self) -> u64 {
        self.failed.iter().filter(|c| c.was_established()).count() as u64
    }

    /// Whether none was refused: that the others were not answered is a matter of what is absent.
    pub fn is_silence(&self) -> bool {
        self.refused() == 0
    }

    /// From the beginning of the moment on.
    fn after(&self, time: Time) -> Span {
        (time - self.start).max(Span(0))
    }

    /// In words, to be put behind what happened.
    pub fn words(&self, scene: &Scene) -> String {
        let [refused, late, all] = [self.refused(), self.late(), self.failed.len() as u64];
        let hows = [
            ("refused", refused),
            ("unanswered", all - refused - late),
            ("answered only when they had asked again", late),
        ];
        let hows: Vec<(&str, u64)> = hows.into_iter().filter(|(_, n)| *n > 0).collect();
        let how = match &hows[..] {
            [(how, _)] => (*how).to_owned(),
            hows => hows.iter().map(|(how, n)| format!("{how} ({})", count(*n))).collect::<Vec<_>>().join(" or "),
        };
        let [first, last] = [self.failed.first(), self.failed.last()].map(|c| c.map_or(self.start, |c| c.first()));
        let (from, to) = (Plain(self.after(first)), Plain(self.after(last)));
        let when = if first == last { format!("{from} after that") } else { format!("from {from} to {to} after that") };
        let back = match self.back {
            Some(back) => format!("one was taken up again after {}", Plain(self.after(back))),
            None => format!("none was taken up again {} ({})", scene.up_to(), AtLeast(self.after(scene.end))),
        };
        let them = if all == 1 { "was" } else { "were" };
        format!("{} {them} {how} {when}, and {back}", plural(all, "new connection"))
    }

    /// In numbers.
    pub fn facts(&self, scene: &Scene) -> Facts {
        let [refused, late, all] = [self.refused(), self.late(), self.failed.len() as u64];
        let until = self.back.unwrap_or(scene.end);
        let gone = if self.back.is_some() { "back_after" } else { "gone_for_at_least" };
        facts([
            ("refused", Value::from(refused)),
            ("unanswered", Value::from(all - refused - late)),
            ("answered_late", Value::from(late)),
            (gone, seconds(self.after(until))),
        ])
    }
}
