//! The pipeline: packets in, a report out.
//!
//! While packets come there is an [`Analysis`]; when they have all been taken it is a [`Finish`], which looks at the
//! connections one stretch after the other and adds them up. Of very many connections those that are settled are looked at
//! and let go before the end: then there is a [`Past`].
//!
//! | file | holds |
//! |---|---|
//! | `bundles` | taking what was found in packets, many at a time |
//! | `notes` | what is noted of a connection beside the tracker |
//! | `finish` | connections looked at, and the report of all; `full`: one by one, in full; `part`: by two threads in turn |
//! | `stretch` | some connections that were looked at, and what of them is wanted |
//! | `look` | looking at them; `desk`: where that is done; `abridged`: at textbook connections; `ended`: at those that went by the book and ended otherwise; `lone`: at lone SYNs, of which most are alike; `flood`: at those that only tables are wanted of; `rows`: as one of many |
//! | [`build`] | from a tracked connection to that of the report |
//! | `tally` | what connections add up to; `chosen`: those that the report is about |
//! | `past` | what those came to that were let go before the end |
//! | `numbers` | the numbers of those that are left |
//! | `held` | an analysis that is looked at: lent, or owned |

mod abridged;
pub mod build;
mod bundles;
mod chosen;
mod desk;
mod ended;
mod finish;
mod flood;
mod full;
mod held;
mod lone;
mod look;
mod notes;
mod numbers;
mod part;
mod past;
mod rows;
mod stretch;
mod tally;

use std::borrow::Cow;

pub use finish::Finish;
use held::Held;
pub use notes::{Glimpse, Noted};
pub use part::Part;
pub use past::{MANY, Past, ROUND};
pub use stretch::{Keep, Stretch, Wanted};

use crate::decode::{Decoded, Decoder, ScopeNames};
use crate::detect::{Limits, Scene, Selection, Survey, Watch};
use crate::report::directory::Parties;
use crate::report::{Capture, Report, Settings};
use crate::segment::{IcmpError, Segment};
use crate::source::{FileInfo, Packet};
use crate::time::{Span, Time};
use crate::timing::{Extent, Vantage};
use crate::tracker::{self, Ahead, Profile, Stack, TOGETHER, Taken, Tracker};

/// What can be chosen.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whose timers to assume.
    pub stack: Stack,
    /// MSL to assume instead of the stack's.
    pub msl: Option<Span>,
    /// List what was believed and disproved.
    pub retracted: bool,
    /// Thresholds of the detectors.
    pub limits: Limits,
    /// Which anomalies to look for.
    pub selection: Selection,
    /// Where the tap was, instead of an estimate for each connection.
    pub vantage: Option<Vantage>,
    /// How much the report is to tell of how long things took, of connections together.
    pub timing: Extent,
}

impl Options {
    /// What of them a report says that it was made with.
    pub fn settings(&self) -> Option<Settings> {
        let stack = (self.stack != Stack::default()).then(|| self.stack.name());
        Settings { thresholds: self.limits.given(), stack, msl: self.msl, vantage: self.vantage }.given()
    }

    /// The timers that follow from them.
    pub fn profile(&self) -> Profile {
        let mut profile = self.stack.profile();
        if let Some(msl) = self.msl {
            profile.two_msl = Span(msl.0.saturating_mul(2));
        }
        profile
    }
}

/// One analysis in progress.
#[derive(Debug, Default)]
pub struct Analysis {
    options: Options,
    profile: Profile,
    decoder: Decoder,
    tracker: Tracker<Noted>,
    watch: Watch,
    capture: Capture,
    /// With so many connections some should be let go, at least and for now.
    most: usize,
    due: usize,
    /// Capture time of the latest segment.
    now: Time,
    /// What the capture lacks is known to have been lost before it.
    whole: bool,
}

impl Analysis {
    /// An analysis that has seen nothing.
    pub fn new(options: Options) -> Analysis {
        Analysis { profile: options.profile(), options, ..Analysis::default() }.bounded(usize::MAX)
    }

    /// The same with so few records for connections that most are packed between their segments: slower, and with the
    /// same report.
    pub fn with_records(options: Options, records: usize) -> Analysis {
        Analysis { tracker: Tracker::with_records(records), ..Analysis::new(options) }
    }

    /// Takes one packet, in capture order.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.capture.packets += 1;
        self.until(packet.time);
        match self.decoder.decode(packet) {
            Decoded::Segment(segment) => {
                self.pass(&segment, self.tracker.ahead(&segment));
                while let Some(segment) = self.decoder.more() {
                    self.pass(&segment, self.tracker.ahead(&segment));
                }
            }
            Decoded::Icmp(error) => self.icmp(&error),
            Decoded::Other => {}
            Decoded::Undecoded => self.capture.undecoded += 1,
        }
    }

    /// The same; says what became of the (last) segment in it.
    pub fn take(&mut self, packet: &Packet<'_>) -> Option<(Taken, Segment)> {
        self.capture.packets += 1;
        self.until(packet.time);
        match self.decoder.decode(packet) {
            Decoded::Segment(segment) => {
                let mut passed = (self.segment(&segment), segment);
                // An aggregated frame holds more than one.
                while let Some(segment) = self.decoder.more() {
                    passed = (self.segment(&segment), segment);
                }
                return Some(passed);
            }
            Decoded::Icmp(error) => self.icmp(&error),
            Decoded::Other => {}
            Decoded::Undecoded => self.capture.undecoded += 1,
        }
        None
    }

    /// Takes over scopes as the decoder of the bundles has named them, in their order, while bundles still come.
    pub fn learn(&mut self, scopes: impl IntoIterator<Item = ScopeNames>) {
        self.decoder.learn(scopes);
    }

    /// Takes over the decoder of all bundles: it knows the names of their scopes.
    pub fn decoded_by(&mut self, decoder: Decoder) {
        self.decoder = decoder;
    }

    /// The last packet was taken: lets go of what only further ones would need.
    pub fn complete(&mut self) {
        self.tracker.complete();
    }

    /// The capture goes on at least until `time` (and begins no later).
    pub fn until(&mut self, time: Time) {
        self.capture.first = Some(self.capture.first.map_or(time, |t| t.min(time)));
        self.capture.last = Some(self.capture.last.map_or(time, |t| t.max(time)));
    }

    /// Takes one segment without its packet, in capture order.
    pub fn segment(&mut self, segment: &Segment) -> Taken {
        self.count(segment);
        self.tracker.segment(segment)
    }

    /// The same, for when it need not be known yet what it was.
    #[inline]
    fn pass(&mut self, segment: &Segment, ahead: Ahead) -> usize {
        self.count(segment);
        self.tracker.pass(segment, ahead)
    }

    /// Counts a segment among those of the capture.
    #[inline(always)]
    fn count(&mut self, segment: &Segment) {
        self.capture.tcp_segments += 1;
        self.watch.segment(segment);
    }

    /// Takes an ICMP error that quotes a segment.
    pub fn icmp(&mut self, error: &IcmpError) {
        self.tracker.icmp(error);
        if let Some(i) = self.tracker.latest(error.src, error.dst, error.scope) {
            self.tracker.notes_mut(i).signals.icmp(error);
        }
    }

    /// The connections so far.
    pub fn tracker(&self) -> &Tracker<Noted> {
        &self.tracker
    }

    /// What was captured so far.
    pub fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Which anomalies are looked for.
    pub fn selection(&self) -> &Selection {
        &self.options.selection
    }

    /// The timers assumed.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What is known of the capture at `end`.
    pub fn scene(&self, end: Time) -> Scene {
        self.scene_of(self.survey(), end)
    }

    /// What all connections say about the capture, and the payload bytes that passed in them.
    pub fn survey(&self) -> (Survey, u64) {
        Held::Lent(self).survey_after(<(Survey, u64)>::default(), 0..self.tracker.len(), |_, _| {})
    }
}

impl Held<'_> {
    /// The same of those surveyed before and the connections at `indices`; `each` is told who they are.
    fn survey_after(
        &mut self,
        (mut survey, mut unique): (Survey, u64),
        mut indices: impl Iterator<Item = usize>,
        mut each: impl FnMut(usize, Parties),
    ) -> (Survey, u64) {
        let mut scratch = Box::default();
        let mut some = |tracker: &Tracker<Noted>, room: &mut [usize]| {
            let mut count = 0;
            for (place, index) in room.iter_mut().zip(indices.by_ref()) {
                tracker.prefetch_head(index);
                *place = index;
                count += 1;
            }
            (count, indices.size_hint().1)
        };
        let ask = |tracker: &Tracker<Noted>, survey: &Survey, some: &[usize], hashes: &mut [u32]| {
            hashes.iter_mut().zip(some).for_each(|(hash, i)| *hash = survey.ask(tracker.sender_addr(*i)));
        };
        // What is known of the next ones is asked for two rounds before, who they are one round before.
        let (mut rooms, mut hashes) = ([[0; TOGETHER]; 3], [[0; TOGETHER]; 2]);
        let [mut now, mut next] = [0, 1].map(|i| some(&self.tracker, &mut rooms[i]).0);
        ask(&self.tracker, &survey, &rooms[0][..now], &mut hashes[0]);
        while now > 0 {
            let (later, to_come) = some(&self.tracker, &mut rooms[2]);
            ask(&self.tracker, &survey, &rooms[1][..next], &mut hashes[1]);
            hashes[0][..now].iter().for_each(|hash| survey.soon(*hash));
            for (i, hash) in rooms[0][..now].iter().zip(hashes[0]) {
                let (sockets, orderly) = &self.tracker.orderly_between(*i);
                if let Some((bytes, answered)) = *orderly {
                    each(*i, survey.take_orderly(sockets, hash, answered));
                    unique += u64::from(bytes);
                    continue;
                }
                // Read where it stands: what was just put together is slow to copy.
                let (seen, sockets) = (self.glance(*i, &mut scratch), self.tracker.sockets(*i));
                each(*i, survey.take_at(&sockets, hash, &seen.0));
                unique += seen.1;
            }
            survey.expect(to_come);
            (now, next) = (next, later);
            rooms.rotate_left(1);
            hashes.swap(0, 1);
        }
        (survey, unique)
    }
}

impl Analysis {
    /// What is known of the capture at `end` by a survey of a while ago.
    pub fn scene_of(&self, (survey, unique): (Survey, u64), end: Time) -> Scene {
        let passed = (unique, self.capture.tcp_segments, self.capture.undecoded);
        self.watch.scene(survey, passed, end, self.profile, self.options.limits.clone())
    }

    /// The connection before this one on the same four-tuple.
    fn previous(&self, index: usize) -> Option<Cow<'_, tracker::Connection>> {
        self.tracker.previous(index).map(|i| self.tracker.connection(i))
    }

    /// Forgets the connections that `keep` does not want, by index; the others move up, in their order.
    pub fn evict(&mut self, keep: &[bool]) {
        self.tracker.evict(keep);
    }

    /// The capture misses nothing: what its numbers skip did not get there.
    pub fn misses_nothing(&mut self) {
        self.whole = true;
    }

    /// Nobody asks how long things took in connections together.
    pub fn leave_times(&mut self) {
        self.options.timing = Extent::Nothing;
    }

    /// The report on all that was taken.
    pub fn finish(self, files: Vec<FileInfo>) -> Report {
        self.finish_with(files, Wanted::default())
    }

    /// The same with what is `wanted`, connections in any case.
    pub fn finish_with(self, files: Vec<FileInfo>, wanted: Wanted<'_>) -> Report {
        let mut connections = Vec::new();
        let mut finish = self.ended(files);
        let wanted = Wanted { connections: true, written: false, lone_in_short: false, ..wanted };
        while let Some(stretch) = finish.next(wanted) {
            connections.extend(stretch.connections);
        }
        finish.report(connections)
    }

    /// The last packet was taken: connections can be looked at one by one.
    pub fn ended(&self, files: Vec<FileInfo>) -> Finish<'_> {
        Finish::new(Held::Lent(self), Past::default(), files)
    }

    /// The same, after connections were let go that came to `past`. As they are looked at they are let go, too, if there
    /// are many.
    pub fn ended_after(self, past: Past, files: Vec<FileInfo>) -> Finish<'static> {
        Finish::new(Held::Own(Box::new(self)), past, files)
    }

    /// The connections that are settled, if any, to be looked at before they are [let go](Analysis::let_go): those before
    /// came to `past`, which is taken then.
    pub fn settled(&self, past: &mut Past) -> Option<Finish<'_>> {
        Finish::settled(self, past)
    }
}
