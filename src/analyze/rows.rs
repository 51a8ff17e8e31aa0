//! Connections that were looked at, each as one of many.

use super::abridged::{Pages, in_order};
use super::desk::{Form, Look};
use super::finish::Finish;
use crate::detect::{ALL, Brief};
use crate::report::{Ending, Row};
use crate::time::Span;
use crate::tracker::log::Step;
use crate::tracker::textbook::Entered;
use crate::tracker::{Evidence, State, Textbook, Verdict};

impl Finish<'_> {
    /// Adds those that do not stay, of which detectors say `briefs`, to the `rows`, if the report is about them; where `alike`, one
    /// row stands for others.
    #[inline(always)]
    pub(super) fn add_rows(
        &self,
        (looks, pages): (&[Look<'_>], &Pages<'_>),
        briefs: &[Vec<Brief>],
        (alike, stands): (bool, &mut Stands),
        rows: &mut Vec<Row>,
    ) {
        for (i, which) in in_order(pages.entered, looks.iter().zip(briefs)) {
            match which {
                Ok(entered) if pages.chosen[i] => {
                    let (index, book) = (pages.indices[i], &pages.books[i]);
                    if !alike || !stands.stands_for(self.parties[index].service, (book, entered), rows) {
                        rows.push(self.row_abridged(self.who(pages, i), book, entered));
                    }
                }
                Err((look, briefs)) if !look.stays && look.chosen => rows.push(self.row(look, briefs)),
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// One of which detectors say `briefs`.
    fn row(&self, look: &Look<'_>, briefs: &[Brief]) -> Row {
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
                Form::Ended(book, ended, _) if ended.how.was_open() => Some(opened_in(book)),
                _ => look.measured.handshake.round_trip(),
            },
            one_way: look.ending.outcome.is_one_way(sides.map(|e| c.packets[e])),
            midstream: !c.opening_seen || c.packets[client] > 0 && lacks_syn(&look.verdicts[client]),
            alike: 0,
        }
    }

    /// One that was abridged.
    #[inline]
    fn row_abridged(&self, (index, id): (usize, u64), book: &Textbook, entered: &Entered) -> Row {
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

/// Places at which rows that stand for others are found, as a power of two.
const PLACES: usize = 1 << 10;

/// The row of a textbook connection that stands for those alike that come behind it.
#[derive(Clone, Copy, Debug, Default)]
struct Stand {
    service: u32,
    /// Who closed first, and whether its wait is over.
    kind: u8,
    /// The stretch whose row it is, and where.
    stretch: u32,
    row: u32,
    /// The most payload, and the longest time with that, of all of them so far.
    most: (u64, Span),
}

/// Rows that stand for textbook connections which are alike, where that is enough: as a rule there is one of each kind in a
/// stretch, once there was a large one.
#[derive(Debug, Default)]
pub(super) struct Stands {
    stretch: u32,
    stands: Vec<Stand>,
}

impl Stands {
    /// The first connection of a stretch comes next.
    pub fn begin(&mut self) {
        self.stretch += 1;
        self.stands.resize(PLACES, Stand::default());
    }

    /// Whether one of the `rows` of this stretch stands for the connection with `book`, to this service: then it counts there. Else
    /// the next row is its own.
    #[inline(always)]
    pub fn stands_for(&mut self, service: u32, (book, entered): (&Textbook, &Entered), rows: &mut [Row]) -> bool {
        let most = (book.bytes()[0].saturating_add(book.bytes()[1]), book.last() - book.first());
        let kind = (entered.closer() << 1 | usize::from(entered.over.is_some())) as u8;
        let stand = &mut self.stands[(service as usize * 2 + entered.closer()) % PLACES];
        let known = (stand.service, stand.kind) == (service, kind);
        if known && stand.stretch == self.stretch && most <= stand.most {
            rows[stand.row as usize].alike += 1;
            return true;
        }
        let most = if known { most.max(stand.most) } else { most };
        *stand = Stand { service, kind, stretch: self.stretch, row: rows.len() as u32, most };
        false
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
