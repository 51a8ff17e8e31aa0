//! Detectors: from histories and signals to what an expert would object to.
//!
//! One file per anomaly. Each declares everything that is said of it anywhere ([`Declaration`]) and finds it, in one
//! connection ([`View`]) or in the capture as a whole ([`Scene`]). To add one: write its file, and name it in [`ALL`].
//! Detectors are pure: what they say follows from what they are shown.
//!
//! | file | holds |
//! |---|---|
//! | `declaration` | what an anomaly is; `page`: written out |
//! | `threshold` | where it draws its lines; `limits`: where the user wants them |
//! | `sign` | what shows at first glance, so that few detectors need be asked |
//! | `view` | what a detector looks at |
//! | `scene` | the capture around it; `quality`: what it misses, `kinds`: which segments at all; known from a `survey` of all connections, and from all segments (`watch`) |
//! | `textbook` | connections of which there is nothing to say |
//! | `sink` | where a detector puts what it finds, in short or in full |
//! | `digest`, `digests` | what capture-wide detectors need of each connection, side by side; `stay`: its times in a state; `unclosed`: whether it was closed late; `usual`: how most are kept in little room, `short`: numbers; `services`: grouped; `probe`: their kind; `alike`: what follows from it; `noted`: what they take over from briefs; `members`: those that a finding is about; `clients`: the hosts they come from |
//! | `select` | which of them the user wants, and which make the run fail |
//! | `group` | anomalies of many connections as one finding; `worst`: the worst of them |
//! | `attempt` | what is left of attempts that came to nothing |
//! | `cause` | why a RST was sent; `unheard`: data sent in vain to a peer that is heard again |
//! | `plain` | durations in sentences; `stands`: where an end is |
//! | `outage` | what clients saw of a service that was gone; `together`: connections that ended at the same moment |
//! | `prelude` | what every detector needs |

/// A ladder that begins with a handshake.
macro_rules! opened {
    ($rest:literal) => {
        concat!(
            "1. SYN_SENT    --> <SEQ=100><CTL=SYN>              --> SYN_RCVD\n",
            "2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD\n",
            "3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>     --> ESTABLISHED\n",
            $rest
        )
    };
}

#[macro_use]
mod plain;

mod alike;
mod attempt;
mod cause;
mod clients;
mod declaration;
mod digest;
mod digests;
mod group;
mod limits;
mod members;
mod noted;
mod outage;
mod page;
mod prelude;
mod probe;
mod quality;
mod scene;
mod select;
mod services;
mod short;
mod sign;
mod sink;
mod stands;
mod stay;
mod survey;
mod textbook;
mod threshold;
mod together;
mod unclosed;
mod unheard;
mod usual;
mod view;
mod watch;
mod worst;

mod accept_queue_drops;
mod capture_cuts_connections;
mod clock_stepped;
mod close_wait_growth;
mod close_wait_stuck;
mod data_after_fin;
mod established_growth;
mod fin_unacked;
mod fin_wait_2_stuck;
mod half_close;
mod half_closed_at_end;
mod half_open_accept_overflow;
mod half_open_dead_peer;
mod half_open_level;
mod half_open_syn;
mod handshake_aborted;
mod handshake_slow;
mod idle_death;
mod idle_without_keepalive;
mod keepalive_timeout;
mod kinds;
mod last_ack_stuck;
mod mass_break;
mod mtu_black_hole;
mod nagle_delayed_ack;
mod no_data;
mod odd_flags;
mod one_direction;
mod options_changed;
mod packets_duplicated;
mod packets_missing;
mod path_mtu_lowered;
mod port_scan;
mod reordering;
mod request_crossed_fin;
mod request_unanswered;
mod reset_rate;
mod retransmissions;
mod rst_abort;
mod rst_after_close;
mod rst_from_between;
mod rst_ignored;
mod rto_stall;
mod same_idle_deaths;
mod segments_above_mss;
mod simultaneous_close;
mod simultaneous_open;
mod slow_close;
mod syn_ack_changed;
mod syn_in_connection;
mod syn_refused;
mod syn_rejected;
mod syn_retried;
mod syn_success_low;
mod syn_unanswered;
mod time_wait_excess;
mod time_wait_killed;
mod time_wait_reuse;
mod unexpected_reply_source;
mod window_limited;
mod write_after_fin;
mod zero_window_stall;

pub use attempt::Attempt;
pub use cause::Cause;
pub use declaration::{Declaration, Detect, Example, Shown, Witness};
pub use digest::Digest;
pub use digests::Digests;
pub use established_growth::Bygone;
pub use group::{Common, Groups, grouped};
pub use limits::Limits;
pub use page::table;
pub use plain::{AtLeast, Plain};
pub use quality::{DOUBTFUL, Quality};
pub use scene::Scene;
pub use select::{FailOn, NoChoice, Selection, UnknownName, known};
pub use services::Services;
pub use sign::Signs;
pub use sink::{Brief, Raised, SHORT_CAPTURE, Sink};
pub use stay::Stay;
pub use survey::{Glance, Survey};
pub use syn_unanswered::Lines;
pub use textbook::Unremarkable;
pub use threshold::{Threshold, ThresholdError, Unit};
pub use view::{Facts, View};
pub use watch::Watch;
pub use worst::{Case, Place};

use crate::report::carried::Carried;
use crate::report::directory::Directory;
use crate::report::{Anomaly, Finding, rollup};

/// How many connections or packets a finding lists.
pub const LISTED: usize = 10;

/// Every anomaly, by code.
pub static ALL: &[&Declaration] = &[
    &syn_success_low::DECLARATION,
    &close_wait_growth::DECLARATION,
    &same_idle_deaths::DECLARATION,
    &mass_break::DECLARATION,
    &half_open_level::DECLARATION,
    &reset_rate::DECLARATION,
    &established_growth::DECLARATION,
    &port_scan::DECLARATION,
    &close_wait_stuck::DECLARATION,
    &fin_wait_2_stuck::DECLARATION,
    &fin_unacked::DECLARATION,
    &last_ack_stuck::DECLARATION,
    &half_close::DECLARATION,
    &simultaneous_close::DECLARATION,
    &data_after_fin::DECLARATION,
    &half_closed_at_end::DECLARATION,
    &request_crossed_fin::DECLARATION,
    &write_after_fin::DECLARATION,
    &slow_close::DECLARATION,
    &half_open_dead_peer::DECLARATION,
    &keepalive_timeout::DECLARATION,
    &idle_death::DECLARATION,
    &mtu_black_hole::DECLARATION,
    &idle_without_keepalive::DECLARATION,
    &path_mtu_lowered::DECLARATION,
    &request_unanswered::DECLARATION,
    &zero_window_stall::DECLARATION,
    &window_limited::DECLARATION,
    &nagle_delayed_ack::DECLARATION,
    &retransmissions::DECLARATION,
    &reordering::DECLARATION,
    &rto_stall::DECLARATION,
    &syn_unanswered::DECLARATION,
    &syn_refused::DECLARATION,
    &syn_rejected::DECLARATION,
    &half_open_syn::DECLARATION,
    &half_open_accept_overflow::DECLARATION,
    &handshake_slow::DECLARATION,
    &syn_retried::DECLARATION,
    &no_data::DECLARATION,
    &simultaneous_open::DECLARATION,
    &syn_in_connection::DECLARATION,
    &syn_ack_changed::DECLARATION,
    &handshake_aborted::DECLARATION,
    &accept_queue_drops::DECLARATION,
    &options_changed::DECLARATION,
    &unexpected_reply_source::DECLARATION,
    &odd_flags::DECLARATION,
    &packets_missing::DECLARATION,
    &packets_duplicated::DECLARATION,
    &one_direction::DECLARATION,
    &clock_stepped::DECLARATION,
    &capture_cuts_connections::DECLARATION,
    &segments_above_mss::DECLARATION,
    &rst_abort::DECLARATION,
    &rst_after_close::DECLARATION,
    &rst_ignored::DECLARATION,
    &rst_from_between::DECLARATION,
    &time_wait_excess::DECLARATION,
    &time_wait_reuse::DECLARATION,
    &time_wait_killed::DECLARATION,
];

/// The anomaly called `text`, by code or name.
pub fn find(text: &str) -> Option<&'static Declaration> {
    ALL.iter().find(|d| d.is_called(text)).copied()
}

/// Whether no single connection shows the anomaly called `text`, but only many together, or the capture as a whole.
pub fn is_wide(text: &str) -> bool {
    find(text).is_some_and(|d| !matches!(d.detect, Detect::Connection(..)))
}

/// Every threshold, with the anomaly it belongs to.
pub fn thresholds() -> impl Iterator<Item = (&'static Declaration, &'static Threshold)> {
    ALL.iter().flat_map(|d| d.thresholds.iter().map(|t| (*d, *t)))
}

/// For each sign the anomalies that need it, one bit each: index into [`ALL`].
static WANTED_BY: [u64; 64] = {
    assert!(ALL.len() <= 64, "one bit for each anomaly");
    let mut wanted = [0; 64];
    let mut i = 0;
    while i < ALL.len() {
        if let Detect::Connection(needs, _) = ALL[i].detect {
            let mut sign = 0;
            while sign < 64 {
                wanted[sign] |= (needs.bits() >> sign & 1) << i;
                sign += 1;
            }
        }
        i += 1;
    }
    wanted
};

/// The signs that any anomaly needs.
static NEEDED: u64 = {
    let mut needed = 0;
    let mut sign = 0;
    while sign < 64 {
        needed |= ((WANTED_BY[sign] != 0) as u64) << sign;
        sign += 1;
    }
    needed
};

/// Asks those detectors that may find something; most severe first.
fn look(view: &View<'_>, briefs: &mut Vec<Brief>, mut full: Option<&mut Vec<Anomaly>>) {
    briefs.clear();
    let (mut signs, mut due) = (view.signs.bits() & NEEDED, 0);
    while signs != 0 {
        due |= WANTED_BY[signs.trailing_zeros() as usize];
        signs &= signs - 1;
    }
    while due != 0 {
        let i = due.trailing_zeros() as usize;
        due &= due - 1;
        if let Detect::Connection(_, detect) = ALL[i].detect {
            detect(view, &mut Sink::new(i as u8, view, briefs, full.as_deref_mut()));
        }
    }
    if briefs.len() > 1 {
        briefs.sort_by_key(|b| (std::cmp::Reverse(b.severity), b.time, b.declaration));
        if let Some(full) = full {
            full.sort_by_key(|a| (std::cmp::Reverse(a.severity), a.time, a.code));
        }
    }
}

/// What is odd about one connection, most severe first: in short, without a word written. `out` is overwritten.
pub fn briefs(view: &View<'_>, out: &mut Vec<Brief>) {
    look(view, out, None);
}

/// Whether one of them rests on what the capture lacks: how far it is to be trusted is known at its end.
pub fn rest_on_absence(briefs: &[Brief]) -> bool {
    briefs.iter().any(|brief| ALL[usize::from(brief.declaration)].absence)
}

/// The same in full.
pub fn anomalies(view: &View<'_>) -> Vec<Anomaly> {
    both(view, &mut Vec::new())
}

/// The same in full, and in short as well, in the same order. `briefs` is overwritten.
pub fn both(view: &View<'_>, briefs: &mut Vec<Brief>) -> Vec<Anomaly> {
    let mut full = Vec::new();
    look(view, briefs, Some(&mut full));
    full
}

/// One of the anomalies of a connection in full: that of `brief`.
pub fn anomaly(view: &View<'_>, brief: &Brief) -> Option<Anomaly> {
    let Detect::Connection(_, detect) = ALL.get(usize::from(brief.declaration))?.detect else { return None };
    let (mut briefs, mut full) = (Vec::new(), Vec::new());
    detect(view, &mut Sink::new(brief.declaration, view, &mut briefs, Some(&mut full)));
    let at =
        briefs.iter().position(|b| b == brief).or_else(|| briefs.iter().position(|b| b.endpoint == brief.endpoint));
    at.map(|at| full.swap_remove(at))
}

/// What only the capture as a whole shows; unordered. And which connections show it. The `digests`, which are in the order of
/// the report, have numbers from `directory`.
pub fn wide(
    scene: &Scene,
    digests: &[Digests],
    directory: &Directory,
    selection: &Selection,
) -> (Vec<Finding>, Carried) {
    let services = Services::of(scene, digests, directory);
    let (mut findings, mut carried) = (Vec::new(), Carried::default());
    for declaration in ALL.iter().filter(|d| selection.wants(d)) {
        let shown: Vec<(Option<u32>, Shown)> = match declaration.detect {
            Detect::Connection(..) => continue,
            Detect::Capture(detect) => detect(scene, &services).into_iter().map(|shown| (None, shown)).collect(),
            Detect::Service(detect) => {
                detect(scene, &services).into_iter().map(|(n, shown)| (Some(n), shown)).collect()
            }
        };
        let Declaration { code, name, advice, .. } = **declaration;
        for (service, Shown { severity, count, message, at, connections: all, packets, facts }) in shown {
            debug_assert!(service.is_none() || at == Some(crate::report::Side::Server), "{name}");
            let connections = all.iter().take(LISTED).copied().collect();
            carried.add(rollup::Shown { code, name, severity, endpoint: at }, service, all);
            findings.push(Finding { code, name, severity, count, message, advice, connections, packets, facts });
        }
    }
    (findings, carried)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_well_formed() {
        for (i, a) in ALL.iter().enumerate() {
            let letters = a.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            assert!(letters, "{}", a.name);
            assert!(a.code.len() == 3 && a.code.as_bytes()[0].is_ascii_uppercase(), "{}", a.code);
            for b in &ALL[i + 1..] {
                assert!(a.code != b.code && a.name != b.name, "{} and {}", a.name, b.name);
            }
        }
    }

    #[test]
    fn codes_are_in_order() {
        assert!(ALL.windows(2).all(|w| w[0].code < w[1].code), "{:?}", ALL.iter().map(|d| d.code).collect::<Vec<_>>());
    }

    #[test]
    fn every_declaration_says_everything() {
        for d in ALL {
            for text in [d.summary, d.what, d.why, d.decided, d.confused, d.advice] {
                assert!(!text.is_empty(), "{}", d.name);
            }
            assert!(!d.summary.ends_with('.'), "{}", d.name);
            assert!([d.what, d.why, d.decided, d.advice].iter().all(|t| t.ends_with(['.', '?'])), "{}", d.name);
            for t in d.thresholds {
                assert!(t.name.starts_with(d.name) && !t.source.is_empty(), "{}", t.name);
            }
        }
    }
}
