//! A connection that closes by the book, but that one end goes on sending payload behind the other's FIN, which it has acknowledged
//! (RFC 9293 §3.6 case 2). What becomes of both ends is what becomes of those of a textbook connection.

use super::abridged::{Page, Stage};
use super::numbers::Continued;
use super::profile::Profile;
use super::rules::Event;
use super::textbook::{Packet, Textbook};
use super::verdict::Verdict;
use super::written::Plain;
use crate::time::{Span, Time};

/// What one end sent behind the other's FIN.
#[derive(Clone, Copy, Debug)]
pub struct Halved {
    /// The first segment of it.
    pub first: Packet,
    /// All of it.
    pub bytes: u64,
    /// When the last of it was sent.
    pub last: Time,
    /// What proves that the FIN was acknowledged.
    pub(super) proof: Packet,
}

/// What is known of that as it is read.
#[derive(Default)]
pub(super) struct Half {
    sent: Option<(Packet, u64, Time)>,
    /// Once the FIN is acknowledged, how much later than that the clock of the timestamps is, if there are any.
    clock: Option<Option<u32>>,
    proof: Option<Packet>,
}

impl Half {
    /// Takes `seg`, which is this packet, and what `bytes` begin with, behind the FIN of end `closer` or its acknowledgment: then it
    /// stands there. Whether nothing about it is rare.
    #[inline(never)]
    pub fn takes(&mut self, seg: &Continued, stage: (Stage, usize), packet: Packet, bytes: &[u8]) -> bool {
        let ((stage, closer), stamps) = (stage, Plain::read(bytes).map(|(plain, _)| plain.near));
        if seg.sender & 1 == closer {
            match (self.clock, stamps) {
                (Some(Some(later)), Some(Some(near))) => {
                    // An echo from before would show that it had not arrived.
                    if i64::from(later) + near.echo_from_latest() < 0 {
                        return false;
                    }
                    self.proof.get_or_insert(packet);
                }
                (Some(Some(_)), _) => return stage != Stage::Half,
                _ => {}
            }
            return true;
        }
        self.clock = match (self.clock, stamps) {
            (None | Some(None), Some(None)) => Some(None),
            // Else the echo of it may be one of what came before.
            (None, Some(Some(near))) if near.later() > 0 => Some(Some(0)),
            (Some(Some(later)), Some(Some(near))) => Some(Some(later.saturating_add(near.later()))),
            _ => return false,
        };
        if seg.len > 0 {
            let (first, bytes, _) = self.sent.unwrap_or((packet, 0, packet.0));
            self.sent = Some((first, bytes + u64::from(seg.len), packet.0));
        }
        true
    }

    /// What it comes to; this is the last packet.
    pub fn over(&self, last: Packet) -> Option<Halved> {
        let (first, bytes, until) = self.sent?;
        Some(Halved { first, bytes, last: until, proof: self.proof.unwrap_or(last) })
    }
}

impl Page {
    /// Where a connection stands after payload behind the other's FIN, which it acknowledges; `None` where it is rare.
    #[inline(never)]
    pub(super) fn goes_on_behind(&self, seg: &Continued, packet: Packet, book: &mut Textbook) -> Option<Stage> {
        let before = book.ack.map_or(book.lacking.unwrap_or(book.fin.0), |ack| ack.0);
        let knows = seg.sender & 1 != book.closer && seg.behind == 0 && packet.0 > before;
        let goes_on = knows && !seg.fin && matches!(self.stage, Stage::Fin | Stage::Acked | Stage::Half);
        goes_on.then(|| {
            book.ack.get_or_insert(packet);
            Stage::Half
        })
    }
}

impl Textbook {
    /// What became of both ends at `end`, in the order of their sockets, if it was `halved`.
    pub(super) fn weigh_halved(&self, halved: &Halved, end: Time, profile: &Profile, verdicts: &mut [Verdict; 2]) {
        self.weigh(end, profile, verdicts);
        let steps = &mut verdicts[self.closer & 1].steps;
        let acked = steps.iter_mut().find(|step| step.mark.event == Event::RcvAckOfFin);
        acked.into_iter().for_each(|step| step.mark.proof = halved.proof.1);
    }

    /// When the end that closed last had received the other's FIN.
    pub fn received_fin(&self) -> Time {
        self.lacking.unwrap_or(self.fin.0)
    }

    /// The least time from the tap to the end that closed last and back.
    pub fn turnaround_of_last(&self) -> Span {
        self.turnaround[1 - (self.closer & 1)].map_or(Span(0), |micros| Span(i64::from(micros) * 1_000))
    }
}
