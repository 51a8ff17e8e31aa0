//! Spans with their names: what the timing of one connection and that of many have in common.

use super::number::{SpanText, WIDTH, all_short};
use super::sheet::Sheet;
use crate::report::PerSide;
use crate::report::timing::{Blame, Distribution, Stops};
use crate::time::Span;

/// So many bytes are moved without calling a function.
const PIECE: usize = 128;

/// Members of an object with a short span each, and where each span lies. Empty spans stand already.
struct Shape<const LEN: usize, const N: usize> {
    text: [u8; LEN],
    at: [usize; N],
}

impl<const LEN: usize, const N: usize> Shape<LEN, N> {
    /// Puts the text without spans, in two pieces: for one that is long a function would be called.
    #[inline(always)]
    fn begin(&self, to: &mut [u8; LEN]) {
        let ((begin, end), (to_begin, to_end)) = (self.text.split_at(PIECE), to.split_at_mut(PIECE));
        to_begin.copy_from_slice(begin);
        to_end.copy_from_slice(end);
    }

    /// Puts the text of a span where it belongs.
    #[inline(always)]
    fn put(&self, i: usize, text: SpanText, to: &mut [u8; LEN]) {
        if let Some(to) = to.get_mut(self.at[i]..).and_then(<[u8]>::first_chunk_mut) {
            text.put(to);
        }
    }
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

impl Sheet<'_> {
    /// Writes spans, all of them short, into `shape`.
    #[inline(always)]
    fn shaped<const LEN: usize, const N: usize>(self, shape: &Shape<LEN, N>, spans: &[Span; N]) -> Self {
        self.fill(LEN, |to: &mut [u8; LEN]| {
            shape.begin(to);
            // Many parts are none, and quantiles of a few samples are often the same one.
            let mut last = (Span(0), SpanText::ZERO);
            for (i, span) in spans.iter().enumerate() {
                if *span != last.0 {
                    last = (*span, text(span.0 as u64));
                }
                shape.put(i, last.1, to);
            }
        })
    }

    /// Writes spans by name of which some are not short.
    #[inline(never)]
    fn wide(mut self, keys: &[&str], spans: &[Span]) -> Self {
        for (i, (key, span)) in keys.iter().zip(spans).enumerate() {
            self = if i > 0 { self.put(b",\"") } else { self.put(b"\"") };
            self = self.word(key).put(b"\":").span(*span);
        }
        self
    }
}

/// Apart, so that what calls it is short enough to be laid out span by span.
#[inline(never)]
fn text(nanos: u64) -> SpanText {
    SpanText::short(nanos)
}

/// The least and the most.
pub fn between(sheet: Sheet<'_>, [low, high]: [Span; 2]) -> Sheet<'_> {
    sheet.put(b"[").span(low).put(b",").span(high).put(b"]")
}

/// The members of a distribution, without braces.
#[inline(never)]
pub fn distribution<'a>(sheet: Sheet<'a>, d: &Distribution) -> Sheet<'a> {
    let Distribution { n, min, p50, p90, p95, p99, max, mean, stddev, error, shape: _ } = d;
    let spans = [*min, *p50, *p90, *p95, *p99, *max, *mean, *stddev];
    // As one sample is.
    if stddev.0 == 0 && spans[1..7].iter().all(|span| span == min) && all_short(&[*min]) && error.is_none() {
        return same(sheet.counted(b"\"n\":", *n), *min);
    }
    let sheet = sheet.counted(b"\"n\":", *n).put(b",");
    let sheet = match all_short(&spans) {
        true => sheet.shaped(&DISTRIBUTION, &spans),
        false => sheet.wide(&QUANTILES, &spans),
    };
    match error {
        Some(error) => sheet.put(b",\"error\":").float(*error),
        None => sheet,
    }
}

/// A distribution of samples that are all the same, a short span.
#[inline(always)]
fn same(sheet: Sheet<'_>, span: Span) -> Sheet<'_> {
    let text = SpanText::short(span.0 as u64);
    sheet.put(b",").fill(DISTRIBUTION.text.len(), |to| {
        DISTRIBUTION.begin(to);
        // The deviation stands.
        (0..7).for_each(|i| DISTRIBUTION.put(i, text, to));
    })
}

/// Stops of both ends.
#[inline(always)]
pub fn stops<'a>(sheet: Sheet<'a>, both: &PerSide<Stops>) -> Sheet<'a> {
    let PerSide { client, server } = both;
    let sheet = stop(sheet.put(b"{\"client\":"), client);
    stop(sheet.put(b",\"server\":"), server).put(b"}")
}

/// The object.
#[inline(always)]
pub fn stop<'a>(sheet: Sheet<'a>, stops: &Stops) -> Sheet<'a> {
    let Stops { count, total, longest, open } = stops;
    // Nearly all have none.
    if *count == 0 && total.0 == 0 && longest.0 == 0 && !open {
        return sheet.put(b"{\"count\":0,\"total\":0.000000000,\"longest\":0.000000000,\"open\":false}");
    }
    some_stops(sheet, stops)
}

#[inline(never)]
fn some_stops<'a>(sheet: Sheet<'a>, stops: &Stops) -> Sheet<'a> {
    let Stops { count, total, longest, open } = stops;
    let sheet = sheet.counted(b"{\"count\":", *count).put(b",\"total\":").span(*total);
    let sheet = sheet.put(b",\"longest\":").span(*longest);
    if *open { sheet.put(b",\"open\":true}") } else { sheet.put(b",\"open\":false}") }
}

/// Where time went.
#[inline(always)]
pub fn account<'a>(sheet: Sheet<'a>, blame: &Blame) -> Sheet<'a> {
    let Blame { handshake, network, recovery, server, client, zero_window_server, zero_window_client, idle, close } =
        blame;
    let parts =
        [*handshake, *network, *recovery, *server, *client, *zero_window_server, *zero_window_client, *idle, *close];
    let sheet = sheet.put(b"{");
    let sheet = match all_short(&parts) {
        true => sheet.shaped(&BLAME, &parts),
        false => sheet.wide(&PARTS, &parts),
    };
    sheet.put(b"}")
}
