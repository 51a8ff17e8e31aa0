//! Spans with their names: what the timing of one connection and that of many have in common.

use super::Pen;
use super::number::{SpanText, WIDTH, all_short};
use crate::report::PerSide;
use crate::report::timing::{Blame, Distribution, Stops};
use crate::time::Span;

/// Members of an object with a short span each, and where each span lies. Empty spans stand already.
struct Shape<const LEN: usize, const N: usize> {
    text: [u8; LEN],
    at: [usize; N],
}

/// Length of [`shape`]'s text.
const fn length(keys: &[&str]) -> usize {
    let (mut len, mut i) = (0, 0);
    while i < keys.len() {
        len += keys[i].len() + 3 + WIDTH + 1;
        i += 1;
    }
    len - 1
}

/// `"min":0.000000000,"p50":0.000000000` and so on.
const fn shape<const LEN: usize, const N: usize>(keys: [&str; N]) -> Shape<LEN, N> {
    let mut shape = Shape { text: [b','; LEN], at: [0; N] };
    let (mut to, mut i) = (0, 0);
    while i < N {
        let (key, mut k) = (keys[i].as_bytes(), 0);
        shape.text[to] = b'"';
        while k < key.len() {
            shape.text[to + 1 + k] = key[k];
            k += 1;
        }
        to += 1 + key.len();
        shape.text[to] = b'"';
        shape.text[to + 1] = b':';
        to += 2;
        shape.at[i] = to;
        let zero: &[u8; WIDTH] = b"0.000000000";
        k = 0;
        while k < WIDTH {
            shape.text[to + k] = zero[k];
            k += 1;
        }
        // The comma after it stands.
        to += WIDTH + 1;
        i += 1;
    }
    shape
}

const QUANTILES: [&str; 8] = ["min", "p50", "p90", "p95", "p99", "max", "mean", "stddev"];
const DISTRIBUTION: Shape<{ length(&QUANTILES) }, 8> = shape(QUANTILES);

const PARTS: [&str; 9] = [
    "handshake",
    "network",
    "recovery",
    "server",
    "client",
    "zero_window_server",
    "zero_window_client",
    "idle",
    "close",
];
const BLAME: Shape<{ length(&PARTS) }, 9> = shape(PARTS);

impl<'a> Pen<'a> {
    /// Writes spans, all of them short, into `shape`.
    #[inline(always)]
    fn shaped<const LEN: usize, const N: usize>(self, shape: &Shape<LEN, N>, spans: &[Span; N]) -> Option<Self> {
        let (to, pen) = self.take::<LEN>()?;
        *to = shape.text;
        // Quantiles of a few samples are often the same one, and many parts are none.
        let mut last = (Span(0), SpanText::ZERO);
        for (i, span) in spans.iter().enumerate() {
            if *span != last.0 {
                last = (*span, text(span.0 as u64));
            }
            last.1.put(to.get_mut(shape.at[i]..)?.first_chunk_mut::<WIDTH>()?)?;
        }
        Some(pen)
    }

    /// Writes spans by name of which some are not short.
    #[inline(never)]
    fn wide(mut self, keys: &[&str], spans: &[Span]) -> Option<Self> {
        for (i, (key, span)) in keys.iter().zip(spans).enumerate() {
            self = self.bytes(if i > 0 { b",\"" } else { b"\"" })?;
            self = self.bytes(key.as_bytes())?;
            self = self.put(b"\":")?;
            self = self.span(*span)?;
        }
        Some(self)
    }

    /// Writes a span behind its key if it is known.
    #[inline(always)]
    pub fn known_span<const N: usize>(self, key: &[u8; N], span: Option<Span>) -> Option<Self> {
        match span {
            Some(span) => self.put(key)?.span(span),
            None => Some(self),
        }
    }

    /// Writes a number behind its key.
    #[inline(always)]
    pub fn counted<const N: usize>(mut self, key: &[u8; N], n: u64) -> Option<Self> {
        self = self.put(key)?;
        self.integer(n)
    }
}

/// Apart, so that what calls it is short enough to be laid out span by span.
#[inline(never)]
fn text(nanos: u64) -> SpanText {
    SpanText::short(nanos)
}

/// The least and the most.
pub fn between<'a>(mut pen: Pen<'a>, [low, high]: [Span; 2]) -> Option<Pen<'a>> {
    pen = pen.put(b"[")?;
    pen = pen.span(low)?;
    pen = pen.put(b",")?;
    pen = pen.span(high)?;
    pen.put(b"]")
}

/// The members of a distribution, without braces.
#[inline(never)]
pub fn distribution<'a>(mut pen: Pen<'a>, d: &Distribution) -> Option<Pen<'a>> {
    let Distribution { n, min, p50, p90, p95, p99, max, mean, stddev, error, shape: _ } = d;
    pen = pen.counted(b"\"n\":", *n)?;
    pen = pen.put(b",")?;
    let spans = [*min, *p50, *p90, *p95, *p99, *max, *mean, *stddev];
    match all_short(&spans) {
        true => pen = pen.shaped(&DISTRIBUTION, &spans)?,
        false => pen = pen.wide(&QUANTILES, &spans)?,
    }
    if let Some(error) = error {
        pen = pen.put(b",\"error\":")?;
        pen = pen.json(error)?;
    }
    Some(pen)
}

/// Stops of both ends.
#[inline(always)]
pub fn stops<'a>(mut pen: Pen<'a>, both: &PerSide<Stops>) -> Option<Pen<'a>> {
    let PerSide { client, server } = both;
    pen = pen.put(b"{\"client\":")?;
    pen = stop(pen, client)?;
    pen = pen.put(b",\"server\":")?;
    pen = stop(pen, server)?;
    pen = pen.put(b"}")?;
    Some(pen)
}

/// The object.
#[inline(always)]
pub fn stop<'a>(mut pen: Pen<'a>, stops: &Stops) -> Option<Pen<'a>> {
    let Stops { count, total, longest, open } = stops;
    // Nearly all have none.
    if *count == 0 && total.0 == 0 && longest.0 == 0 && !open {
        return pen.put(b"{\"count\":0,\"total\":0.000000000,\"longest\":0.000000000,\"open\":false}");
    }
    pen = pen.counted(b"{\"count\":", *count)?;
    pen = pen.put(b",\"total\":")?;
    pen = pen.span(*total)?;
    pen = pen.put(b",\"longest\":")?;
    pen = pen.span(*longest)?;
    pen.bytes(if *open { b",\"open\":true}" } else { b",\"open\":false}" })
}

/// Where time went.
#[inline(always)]
pub fn account<'a>(mut pen: Pen<'a>, blame: &Blame) -> Option<Pen<'a>> {
    let Blame { handshake, network, recovery, server, client, zero_window_server, zero_window_client, idle, close } =
        blame;
    let parts =
        [*handshake, *network, *recovery, *server, *client, *zero_window_server, *zero_window_client, *idle, *close];
    pen = pen.put(b"{")?;
    match all_short(&parts) {
        true => pen = pen.shaped(&BLAME, &parts)?,
        false => pen = pen.wide(&PARTS, &parts)?,
    }
    pen.put(b"}")
}
