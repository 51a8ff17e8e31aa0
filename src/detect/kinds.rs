//! Which kinds of segments a capture has: what a capture filter on flags leaves out is in none of its connections.

use super::quality::Quality;
use crate::segment::{Flags, Segment};

/// Of fewer connections nothing is concluded.
const LEAST: u64 = 5;
/// So many SYNs, nearly each from a host of its own, come from forged addresses: no service has so many hosts that come once.
const FLOOD: u64 = 100;

const SYN: u8 = Flags::SYN.0 as u8;
const FIN: u8 = Flags::FIN.0 as u8;
const RST: u8 = Flags::RST.0 as u8;
const SPECIAL: u8 = SYN | FIN | RST;
const SYN_ACK: u8 = 0x08;
/// Without SYN, FIN and RST: an acknowledgment without data, and data.
const BARE: u8 = 0x10;
const DATA: u8 = 0x20;

/// The kinds of segments that passed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kinds {
    /// A bit for each.
    seen: u8,
    /// How many had SYN, or RST.
    opening: u64,
    resets: u64,
}

impl Kinds {
    /// Takes note of a segment: of none any more where the capture has some of those that filters leave out.
    #[inline(always)]
    pub(super) fn note(&mut self, seg: &Segment) {
        if !self.has(BARE) {
            self.note_early(seg);
        }
    }

    #[cold]
    fn note_early(&mut self, seg: &Segment) {
        let special = seg.flags.0 as u8 & SPECIAL;
        // A FIN without ACK is of a scan.
        if special == 0 {
            self.seen |= BARE << u8::from(seg.len > 0);
        } else if special != FIN || seg.has(Flags::ACK) {
            self.note_special(seg, special);
        }
    }

    fn note_special(&mut self, seg: &Segment, special: u8) {
        let answers = special & SYN != 0 && seg.has(Flags::ACK);
        self.seen |= if answers { special ^ SYN | SYN_ACK } else { special };
        self.opening += u64::from(special & SYN != 0);
        self.resets += u64::from(special & RST != 0);
    }

    #[inline]
    fn has(self, kinds: u8) -> bool {
        self.seen & kinds != 0
    }

    /// Why that the capture, of this quality otherwise, lacks a kind of segments tells of the capture and not of the traffic.
    pub(super) fn lack(self, quality: &Quality) -> Option<Lack> {
        if quality.connections < LEAST || self.has(BARE) {
            return None;
        }
        if self.has(DATA) {
            return Some(Lack::Acknowledgments(self));
        }
        // A FIN is acknowledged, a RST answers, mostly to what has none of these flags.
        if self.has(FIN) || self.seen == RST {
            return Some(Lack::AllBut(self));
        }
        // What nobody answers is repeated, unless it is a scan, a flood, or met with SYN cookies.
        let once = self.opening.saturating_sub(quality.copies);
        let expected = quality.connections * if self.has(SYN_ACK) { 2 } else { 1 };
        let unrepeated = self.has(SYN | SYN_ACK) && once * 2 <= expected * 3;
        let refused = self.resets * 2 > quality.connections || self.seen == SYN | RST;
        let forged = quality.connections >= FLOOD && quality.hosts * 10 >= quality.connections * 9;
        (unrepeated && !refused && !forged).then_some(Lack::Perhaps(self))
    }

    fn names(self) -> String {
        let all = [(SYN, "SYN"), (SYN_ACK, "SYN,ACK"), (FIN, "FIN"), (RST, "RST")];
        let names: Vec<&str> = all.iter().filter(|(kind, _)| self.has(*kind)).map(|(_, name)| *name).collect();
        match &names[..] {
            [] => String::new(),
            [one] => (*one).to_owned(),
            [some @ .., last] => format!("{} and {last}", some.join(", ")),
        }
    }
}

/// Segments that a capture does not have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lack {
    /// Those without data, SYN, FIN and RST.
    Acknowledgments(Kinds),
    /// All but those of these kinds.
    AllBut(Kinds),
    /// The same, but it may be that there were no others.
    Perhaps(Kinds),
}

impl Lack {
    /// Whether there were others.
    pub(super) fn is_certain(self) -> bool {
        !matches!(self, Lack::Perhaps(_))
    }

    /// Whether it has what answers SYNs: both kinds of it.
    pub(super) fn has_answers(self) -> bool {
        match self {
            Lack::Acknowledgments(kinds) | Lack::AllBut(kinds) => kinds.has(SYN_ACK) && kinds.has(RST),
            Lack::Perhaps(_) => false,
        }
    }

    /// What is missing.
    pub(super) fn what(self) -> String {
        match self {
            Lack::Acknowledgments(_) => "acknowledgments without data".to_owned(),
            Lack::AllBut(kinds) => format!("all segments but {}", kinds.names()),
            Lack::Perhaps(kinds) => format!("perhaps all segments but {}", kinds.names()),
        }
    }

    /// Why what is absent may have been there.
    pub(super) fn why(self) -> String {
        match self {
            Lack::Acknowledgments(_) => "the capture has no acknowledgments without data".to_owned(),
            Lack::AllBut(kinds) => format!("the capture has no segments but {}", kinds.names()),
            Lack::Perhaps(kinds) => {
                format!("the capture has no segments but {}, hardly any of them repeated", kinds.names())
            }
        }
    }
}
