//! What two captures, one at each end, tell about clocks, losses and beliefs: in words, for the formats for people.

use super::units::{count, plural, share, span};
use crate::report::{BothEnds, Direction, Entry, Side};

/// Clauses about the captures as a whole.
pub fn clauses(both: &BothEnds) -> Vec<String> {
    let mut clauses: Vec<String> = doubts(both).collect();
    if !both.one_place {
        clauses.extend([
            clocks(both),
            losses(&both.path.client, Side::Server),
            losses(&both.path.server, Side::Client),
        ]);
    }
    if both.confirmed + both.retracted > 0 {
        clauses.push(format!(
            "{} of the single captures confirmed, {} retracted",
            plural(both.confirmed, "belief"),
            count(both.retracted)
        ));
    }
    if both.translated > 0 {
        clauses.push(format!("{} with other names at the server's side (NAT)", plural(both.translated, "connection")));
    }
    if both.renumbered > 0 {
        let which = plural(both.renumbered, "connection");
        clauses.push(format!(
            "a device between changes the sequence numbers of {which}: what of them was lost is not known"
        ));
    }
    for (n, side) in [(both.only.client, Side::Client), (both.only.server, Side::Server)] {
        if n > 0 {
            clauses.push(format!("{} captured at the {}'s side only", plural(n, "connection"), side.name()));
        }
    }
    clauses
}

/// That the two captures may not be of the same traffic, or not of two ends, if it looks like that.
pub fn doubts(both: &BothEnds) -> impl Iterator<Item = String> {
    let alike =
        "no time passes between the two captures, either way: they show one place, or one is a copy of the other";
    let one_place = both.one_place.then(|| format!("{alike}, and neither confirms what the other believes"));
    other_traffic(both).into_iter().chain(one_place)
}

fn other_traffic(both: &BothEnds) -> Option<String> {
    let (shared, of) = both.few_shared()?;
    Some(match shared {
        0 => {
            "no connection is in both captures: either nothing arrived, or they are not of the same traffic".to_owned()
        }
        _ => format!(
            "only {} of {} in both captures ({}): are they of the same traffic?",
            count(shared),
            plural(of, "connection"),
            share(shared, of)
        ),
    })
}

fn clocks(both: &BothEnds) -> String {
    if !both.clock_known {
        return "clocks not comparable: nothing was seen at both sides in both directions".to_owned();
    }
    let ahead = if both.offset.0 < 0 { "behind" } else { "ahead" };
    let size = crate::time::Span(both.offset.0.saturating_abs());
    let drift = both.drift_ppm.map(|ppm| format!("drifting {ppm:+.1} ppm"));
    let within = (both.delay.0 > 0).then(|| format!("to ± {}", span(both.delay)));
    let bounds: Vec<String> = within.into_iter().chain(drift).collect();
    let bounds = if bounds.is_empty() { String::new() } else { format!(" ({})", bounds.join(", ")) };
    if size.0 == 0 {
        format!("the clocks agree{bounds}")
    } else {
        format!("the server's clock is {} {ahead}{bounds}", span(size))
    }
}

/// What was lost on the way to one side.
pub fn losses(way: &Direction, to: Side) -> String {
    let known = way.arrived + way.lost;
    let mut text = match way.lost {
        0 if known == 0 => format!("losses towards the {} are not known", to.name()),
        0 => format!("none of {} lost towards the {}", plural(known, "segment"), to.name()),
        lost => {
            let (known, share) = (plural(known, "segment"), share(lost, known));
            format!("{} of {known} lost towards the {} ({share})", count(lost), to.name())
        }
    };
    for (n, what) in [
        (way.repeated, "repeated on the way"),
        (way.unseen, "not captured where it was sent"),
        (way.undecided, "sent before or after all packets of the other capture"),
    ] {
        if n > 0 {
            text.push_str(&format!(", {} {what}", count(n)));
        }
    }
    text
}

/// Where an entry's packet was seen, and when the same segment was at the other side.
pub fn seen(entry: &Entry) -> Option<String> {
    let at = entry.seen_at?;
    if entry.deduced {
        return Some(format!("at the {}'s side", at.name()));
    }
    let Some(other) = entry.other_tap.filter(|_| entry.packet.is_some()) else {
        return entry.packet.map(|_| format!("at the {}'s side only", at.name()));
    };
    let (sent, other_side) = (entry.cause.starts_with("sent"), at.other());
    let what = if sent { "arrived there as" } else { "sent there as" };
    Some(format!("at the {}'s side, {what} packet {} of the {}'s", at.name(), other.packet, other_side.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::PerSide;
    use crate::time::Span;

    #[test]
    fn what_is_nothing_is_not_told_as_a_number() {
        let path = Direction { arrived: 140, lost: 20, ..Direction::default() };
        let both = BothEnds {
            clock_known: true,
            delay: Span::micros(3),
            path: PerSide { client: path, server: Direction::default() },
            ..BothEnds::default()
        };
        let told = clauses(&both).join(" · ");
        assert!(told.contains("the clocks agree (to ± 3.0 µs) · 20 of 160 segments lost towards the server"), "{told}");
        assert!(told.contains("losses towards the client are not known"), "{told}");
        assert!(!told.contains("belief"), "{told}");
        let both = BothEnds { offset: Span::micros(-2), confirmed: 1, ..both };
        let told = clauses(&both).join(" · ");
        assert!(told.contains("the server's clock is 2.0 µs behind (to ± 3.0 µs)"), "{told}");
        assert!(told.contains("1 belief of the single captures confirmed, 0 retracted"), "{told}");
    }
}
