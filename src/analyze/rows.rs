//! Connections that were looked at, each as one of many.

use super::desk::{Form, Look};
use super::finish::Finish;
use crate::detect::{ALL, Brief};
use crate::report::{Ending, Row};
use crate::time::Span;
use crate::tracker::log::Step;
use crate::tracker::textbook::Entered;
use crate::tracker::{Evidence, State, Textbook, Verdict};

impl Finish<'_> {
    /// One of which detectors say `briefs`.
    pub(super) fn row(&self, look: &Look<'_>, briefs: &[Brief]) -> Row {
        let selection = &self.analysis.options.selection;
        let worst = briefs.iter().map(|b| (ALL[usize::from(b.declaration)], b.severity));
        let (c, client) = (&look.outline, look.outline.client & 1);
        let sides = [client, 1 - client];
        Row {
            id: look.id,
            worst: worst.filter(|(d, _)| selection.wants(d)).map(|(d, severity)| (d.name, severity)).next(),
            client: look.sockets[client],
            server: look.sockets[1 - client],
            outcome: look.ending.outcome,
            closed_first: look.ending.closed_first,
            reset_by: look.ending.reset_by,
            states: sides.map(|e| look.verdicts[e].state()),
            bytes: c.bytes[0].saturating_add(c.bytes[1]),
            packets: c.packets[0].saturating_add(c.packets[1]),
            first: c.first,
            last: c.last,
            handshake: match look.form {
                Form::Broken(book, broken, _) if broken.ended.was_open() => Some(opened_in(book)),
                _ => look.measured.handshake.round_trip(),
            },
            one_way: look.ending.outcome.is_one_way(sides.map(|e| c.packets[e])),
            midstream: !c.opening_seen || c.packets[client] > 0 && lacks_syn(&look.verdicts[client]),
            alike: 0,
        }
    }

    /// One that was abridged.
    #[inline]
    pub(super) fn row_abridged(&self, (index, id): (usize, u64), book: &Textbook, entered: &Entered) -> Row {
        let (outline, ending) = (book.outline(), Ending::of_textbook(book.closer()));
        let [client, server] = *self.analysis.tracker.sockets(index);
        Row {
            id,
            worst: None,
            client,
            server,
            outcome: ending.outcome,
            closed_first: ending.closed_first,
            reset_by: ending.reset_by,
            states: [0, 1].map(|e| entered.state(e)),
            bytes: outline.bytes[0].saturating_add(outline.bytes[1]),
            packets: outline.packets[0].saturating_add(outline.packets[1]),
            first: outline.first,
            last: outline.last,
            handshake: Some(opened_in(book)),
            one_way: false,
            midstream: false,
            alike: 0,
        }
    }
}

/// How long its handshake took.
fn opened_in(book: &Textbook) -> Span {
    let [first, second] = book.handshake();
    Span(first.0.saturating_add(second.0))
}

/// Whether the client's SYN is only known to have been sent, by what answers it.
fn lacks_syn(client: &Verdict) -> bool {
    let assumed = |s: &Step| s.rule.to == State::SynSent && s.mark.evidence == Evidence::Assumed && s.mark.packet == 0;
    client.steps.first().is_some_and(assumed)
}
