//! Ladders: a connection drawn as text, after the figures of RFC 9293 §3.5 and §3.6.
//!
//! ```text
//! # The handshake (RFC 9293 Figure 6).
//! 1. CLOSED                                               LISTEN
//! 2. SYN_SENT    --> <SEQ=100><CTL=SYN>               --> SYN_RCVD
//! 3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK>  <-- SYN_RCVD
//! 4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>      --> ESTABLISHED
//! ```
//!
//! Left and right stand the states after the segment; the tap is in the middle, where the segment is written.
//!
//! * **Lines** take an optional number (for the reader), a cell, a segment between two arrows, a cell, and an optional
//!   time: `@ 1.5s` since the beginning or `@ +200ms` since the line before; without one, 10 ms pass. A line without
//!   segment lets time pass. `#` begins a comment.
//! * **Arrows**: `--> <…> -->` arrives, `--> <…> -->x` is lost after the tap, `-->x <…>` before it (and so is not
//!   captured). `--> <…> ...` is captured and arrives later, in the line `... <…> -->` (the same segment, not captured
//!   again; without an earlier line it is captured there). The same to the left: `<-- <…> <--`, `x<-- <…> <--`,
//!   `<…> x<--`, `... <…> <--`, `<-- <…> ...`.
//! * **Fields**: `SEQ`, `CTL` (flags with commas) and, with the flag, `ACK` are needed. `LEN` (payload), `WIN`
//!   (default 65535), `TS=value/echo`, `SACK=left-right,…`, `MSS`, `WS` (window scale), `SACKOK`, `TFO`, `TTL` (64), `ID`
//!   (IPv4 identification, by default that of no other) may be added.
//! * **Cells**: `STATE` is what the finished history says of that moment; `SYN_RCVD/ESTABLISHED` are two states entered
//!   in one line; `(STATE)` was believed at the time; `{STATE, …}` is everything possible at the time. Nothing, or `-`
//!   where a line has no segment, means the state of the line above. Any spelling of a state will do.
//! * **Settings**, before the lines: `stack freebsd`, `left 192.0.2.1:50000`, `right [2001:db8::1]:80`.

mod fields;
mod parse;
mod print;

use std::net::{IpAddr, Ipv4Addr};

pub use parse::parse;
pub use print::exact;

use crate::segment::{Flags, Options, ScopeId, Segment, Socket};
use crate::time::{Span, Time};
use crate::tracker::{Stack, State, States};

/// One of the two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The left one, usually the client.
    Left,
    /// The right one.
    Right,
}

/// What is said of one end in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The states entered in this line, or the one that lasts; empty: as above.
    pub states: Vec<State>,
    /// The state believed when the segment of this line had been captured, before any later one.
    pub believed: Option<State>,
    /// All states possible at that moment.
    pub possible: Option<States>,
}

/// What becomes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It passes the tap and arrives.
    Arrives,
    /// It passes the tap and arrives in a later line.
    Underway,
    /// It arrives, sent long before.
    Late,
    /// It passes the tap and is lost.
    LostAfterTap,
    /// It never reaches the tap.
    LostBeforeTap,
}

/// One segment in a ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// Its sender.
    pub from: End,
    /// What becomes of it.
    pub fate: Fate,
    /// Whether the tap records it in this line.
    pub captured: bool,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number; 0 without [`Flags::ACK`].
    pub ack: u32,
    /// Flags.
    pub flags: Flags,
    /// Payload length in bytes.
    pub len: u32,
    /// Window field, not scaled.
    pub window: u16,
    /// TTL.
    pub ttl: u8,
    /// IPv4 identification; `None` for one that no other segment has.
    pub ip_id: Option<u16>,
    /// TCP options.
    pub options: Options,
}

/// One line of a ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it stands in its text, counted from 1; 0 if it comes from no text.
    pub row: usize,
    /// Since the beginning.
    pub time: Span,
    /// The left end after it.
    pub left: Cell,
    /// The segment, if it has one.
    pub arrow: Option<Arrow>,
    /// The right end after it.
    pub right: Cell,
}

/// A connection (one four-tuple, any number of incarnations) as a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// Whose timers to assume.
    pub stack: Stack,
    /// The left end's socket.
    pub left: Socket,
    /// The right end's socket.
    pub right: Socket,
    /// Its lines; times never decrease.
    pub lines: Vec<Line>,
}

/// Why a text is no ladder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {cause}")]
pub struct LadderError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub cause: String,
}

impl Default for Ladder {
    fn default() -> Ladder {
        let socket = |addr: [u8; 4], port| Socket { addr: IpAddr::V4(Ipv4Addr::from(addr)), port };
        Ladder {
            stack: Stack::default(),
            left: socket([192, 0, 2, 1], 50_000),
            right: socket([198, 51, 100, 2], 80),
            lines: Vec::new(),
        }
    }
}

impl Ladder {
    /// The captured segments, in order, with packet numbers from 1 and times from `Time(0)`.
    pub fn segments(&self) -> Vec<Segment> {
        let captured = self.lines.iter().filter_map(|l| l.arrow.as_ref().filter(|a| a.captured).map(|a| (l, a)));
        captured.zip(1..).map(|((line, arrow), packet)| self.segment(line, arrow, packet)).collect()
    }

    fn segment(&self, line: &Line, arrow: &Arrow, packet: u64) -> Segment {
        let (src, dst) = match arrow.from {
            End::Left => (self.left, self.right),
            End::Right => (self.right, self.left),
        };
        Segment {
            time: Time(0) + line.time,
            packet,
            src,
            dst,
            scope: ScopeId(0),
            seq: arrow.seq,
            ack: arrow.ack,
            len: arrow.len,
            captured: arrow.len,
            flags: arrow.flags,
            window: arrow.window,
            checksum: 0,
            ip_id: arrow.ip_id.unwrap_or(packet as u16 | 0x8000),
            ttl: arrow.ttl,
            options: arrow.options,
        }
    }

    /// The time of the last line: the end of the capture.
    pub fn end(&self) -> Time {
        Time(0) + self.lines.last().map_or(Span(0), |l| l.time)
    }

    /// A ladder of captured `segments` of one four-tuple, to be printed; nothing is said of states or of losses.
    pub fn of(segments: &[Segment]) -> Ladder {
        let mut ladder = Ladder::default();
        let Some(first) = segments.first() else { return ladder };
        (ladder.left, ladder.right) = (first.src, first.dst);
        ladder.lines = segments
            .iter()
            .map(|seg| Line {
                row: 0,
                time: seg.time - first.time,
                left: Cell::default(),
                arrow: Some(Arrow::of(seg, if seg.src == first.src { End::Left } else { End::Right })),
                right: Cell::default(),
            })
            .collect();
        ladder
    }
}

impl Arrow {
    /// The arrow that shows `seg`, sent by `from`.
    pub fn of(seg: &Segment, from: End) -> Arrow {
        Arrow {
            from,
            fate: Fate::Arrives,
            captured: true,
            seq: seg.seq,
            ack: if seg.has(Flags::ACK) { seg.ack } else { 0 },
            flags: seg.flags,
            len: seg.len,
            window: seg.window,
            ttl: seg.ttl,
            ip_id: Some(seg.ip_id),
            options: seg.options,
        }
    }
}
