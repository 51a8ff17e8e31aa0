//! The part of the report that tells where the time went. Spans are seconds; what is not known is left out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::model::{PerSide, Side};
use super::vantage::{Basis, Vantage};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::tracker::State;

/// What is known of one end and may be unknown of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Known_of_{T}"))]
pub struct Known<T> {
    /// Of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<T>,
    /// Of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<T>,
}

impl<T> Known<T> {
    /// Whether nothing is known of either.
    pub fn is_empty(&self) -> bool {
        self.client.is_none() && self.server.is_none()
    }
}

/// A distribution of spans; quantiles by nearest rank.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Distribution {
    /// Samples.
    pub n: u64,
    /// The least.
    pub min: Span,
    /// Half are not longer.
    pub p50: Span,
    /// Nine of ten are not longer.
    pub p90: Span,
    /// 95 of 100 are not longer.
    pub p95: Span,
    /// 99 of 100 are not longer.
    pub p99: Span,
    /// The greatest.
    pub max: Span,
    /// Arithmetic mean.
    pub mean: Span,
    /// Standard deviation.
    pub stddev: Span,
    /// Quantiles are off by at most this share of their value; absent if they are exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// How the samples spread between the least and the greatest, in equal steps of the logarithm; to be drawn.
    #[serde(skip)]
    pub shape: Vec<u64>,
}

/// Round trips between the tap and one end.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RoundTrips {
    /// Samples; absent if there is none.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub samples: Option<Distribution>,
    /// Acknowledgments that gave no sample: what they acknowledge had been sent again, or had to wait for something that
    /// was, or must have been acknowledged before by a segment that was not captured.
    pub excluded: u64,
    /// Samples that Karn's rule would have excluded, had the timestamp echoed not told the copy.
    pub rescued: u64,
}

/// Times in which something stood still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stops {
    /// How often.
    pub count: u64,
    /// How long in all, one that lasts included.
    pub total: Span,
    /// The longest.
    pub longest: Span,
    /// Whether the last one lasted up to the last packet.
    pub open: bool,
}

/// What ended a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GapEnd {
    /// Payload.
    Data,
    /// A FIN.
    Fin,
    /// A RST.
    Rst,
    /// Nothing: the capture ended.
    Nothing,
}

/// A time without payload of a second or more.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IdleGap {
    /// Its begin.
    pub start: Time,
    /// How long it lasted (so far).
    pub length: Span,
    /// What both ends were in when it began.
    pub states: PerSide<State>,
    /// Keepalive or window probes in it.
    pub probes: u64,
    /// What ended it.
    pub ended_by: GapEnd,
    /// Whose segment that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Side>,
}

/// The gaps of a connection.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Idle {
    /// How many.
    pub count: u64,
    /// How long in all.
    pub total: Span,
    /// The longest.
    pub longest: Span,
    /// The eight longest, in order of time.
    pub gaps: Vec<IdleGap>,
}

/// Where wall time went; the sum is exactly the time from the first to the last packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Blame {
    /// From the first SYN to the client's ACK, retries included.
    pub handshake: Span,
    /// Segments and acknowledgments on their way, and acknowledgments that their sender delayed.
    pub network: Span,
    /// From a loss to the acknowledgment of what was sent again.
    pub recovery: Span,
    /// The server had to answer, or to go on; also when the client closed after a second or more without an answer.
    pub server: Span,
    /// The client had to ask, or to go on.
    pub client: Span,
    /// The server's window was closed.
    pub zero_window_server: Span,
    /// The client's window was closed.
    pub zero_window_client: Span,
    /// A second or more in which nobody is known to have owed anything; where one end was not captured, also the time of which the other
    /// does not show who was waited for.
    pub idle: Span,
    /// From the first FIN or RST on, without payload.
    pub close: Span,
}

impl Blame {
    /// Name and span of each part.
    pub fn parts(&self) -> [(&'static str, Span); 9] {
        [
            ("handshake", self.handshake),
            ("network", self.network),
            ("recovery", self.recovery),
            ("server", self.server),
            ("client", self.client),
            ("zero-window-server", self.zero_window_server),
            ("zero-window-client", self.zero_window_client),
            ("idle", self.idle),
            ("close", self.close),
        ]
    }

    /// All together.
    pub fn total(&self) -> Span {
        Span(self.parts().iter().fold(0, |sum: i64, (_, s)| sum.saturating_add(s.0)))
    }

    /// The shares in thousandths; they add up to 1,000 exactly (largest remainders), unless there is no time at all.
    pub fn shares(&self) -> [u64; 9] {
        let parts = self.parts().map(|(_, s)| u128::from(s.0.max(0).unsigned_abs()));
        let total: u128 = parts.iter().sum();
        if total == 0 {
            return [0; 9];
        }
        let mut shares = parts.map(|p| (p * 1_000 / total) as u64);
        let mut rest: Vec<usize> = (0..parts.len()).collect();
        rest.sort_by_key(|i| std::cmp::Reverse(parts[*i] * 1_000 % total));
        let missing = 1_000 - shares.iter().sum::<u64>();
        rest.iter().take(missing as usize).for_each(|i| shares[*i] += 1);
        shares
    }

    /// The part with the most time of those that somebody can do something about: all but idle and close.
    pub fn slowest(&self) -> Option<&'static str> {
        let Blame { handshake, network, recovery, server, client, zero_window_server, zero_window_client, .. } = *self;
        let spans = [handshake, network, recovery, server, client, zero_window_server, zero_window_client];
        let mut most = (Span(0), None);
        for (i, span) in spans.iter().enumerate() {
            if *span > most.0 {
                most = (*span, Some(i));
            }
        }
        self.parts().get(most.1?).map(|(name, _)| *name)
    }
}

/// What was measured of one connection. All of it in capture time at the tap: see `vantage`.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Timing {
    /// The SYN that was answered to the first SYN-ACK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syn_to_synack: Option<Span>,
    /// The SYN-ACK that was answered to the client's ACK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synack_to_ack: Option<Span>,
    /// Both together: one round trip of the whole path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake: Option<Span>,
    /// Instead of `syn_to_synack`, where nothing tells which SYN was answered: the least and the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syn_to_synack_between: Option<[Span; 2]>,
    /// Instead of `synack_to_ack`, where nothing tells which SYN-ACK was answered: the least and the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synack_to_ack_between: Option<[Span; 2]>,
    /// SYNs sent again before the first SYN-ACK.
    pub syn_retries: u64,
    /// SYN-ACKs sent again before the client's ACK.
    pub synack_retries: u64,
    /// What SYN retries added: from the first SYN to the one answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syn_retry_delay: Option<Span>,
    /// From the first SYN to the client's ACK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_delay: Option<Span>,
    /// From the first SYN to the first segment that proves the server ESTABLISHED.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_ready: Option<Span>,
    /// From the only SYN to the RST that refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_after: Option<Span>,
    /// Where the tap was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vantage: Option<Vantage>,
    /// How that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vantage_by: Option<Basis>,
    /// Round trips between the tap and each end: from a segment towards it to its acknowledgment.
    pub rtt: PerSide<RoundTrips>,
    /// From the handshake to the client's first payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_request: Option<Span>,
    /// The server spoke first.
    pub server_greets: bool,
    /// From the last byte of a request to the first of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttfb: Option<Distribution>,
    /// The same without the least round trip to the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_think: Option<Distribution>,
    /// From the last byte of a request to the last of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Distribution>,
    /// From the last byte of an answer to the first of the next request, without the least round trip to the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_think: Option<Distribution>,
    /// Turns not measured, as something in them was sent again.
    pub turns_excluded: u64,
    /// Corrected values that would have been negative and count as 0.
    pub clamped: u64,
    /// Times without payload of a second or more.
    pub idle: Idle,
    /// Times in which an end's window was closed.
    pub zero_window: PerSide<Stops>,
    /// Times in which the stream of an end stood still because of a loss: from the last progress to the next.
    pub stalls: PerSide<Stops>,
    /// From an end's FIN to its acknowledgment.
    #[serde(skip_serializing_if = "Known::is_empty")]
    pub fin_to_ack: Known<Span>,
    /// Instead, where nothing tells which copy of the FIN was acknowledged: the least and the most.
    #[serde(skip_serializing_if = "Known::is_empty")]
    pub fin_to_ack_between: Known<[Span; 2]>,
    /// From the first FIN of one end to the first FIN of the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fin_to_fin: Option<Span>,
    /// From the first FIN or RST to the last segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_duration: Option<Span>,
    /// From the last payload of either end to an end's FIN.
    #[serde(skip_serializing_if = "Known::is_empty")]
    pub last_data_to_fin: Known<Span>,
    /// Where its time went.
    pub blame: Blame,
    /// The part of `blame` with the most time, idle and close left aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest: Option<&'static str>,
}

/// Time in one state of the ends of one role.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Occupancy {
    /// Stays whose begin and end were seen; absent if there is none.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub spans: Option<Distribution>,
    /// Lower bounds of those, where some differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Distribution>,
    /// Upper bounds of those, where some differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Distribution>,
    /// How many of them have bounds that differ.
    pub uncertain: u64,
    /// How many of them were ended by a timer that is modelled.
    pub modelled: u64,
    /// Stays that lasted when the capture ended or before it began.
    pub open: u64,
    /// The longest of those, so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_longest: Option<Span>,
}

/// What was measured of a group of connections.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GroupTiming {
    /// The client that all have in common.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The server that all have in common.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Socket>,
    /// Connections.
    pub connections: u64,
    /// How many were seen from where.
    pub vantages: BTreeMap<&'static str, u64>,
    /// By [`Metric`](crate::timing::table::Metric).
    pub metrics: BTreeMap<&'static str, Distribution>,
    /// SYNs sent again.
    pub syn_retries: u64,
    /// SYN-ACKs sent again.
    pub synack_retries: u64,
    /// Samples left out because something in them was sent again, or could not be told apart.
    pub excluded: u64,
    /// Corrected values that would have been negative and count as 0.
    pub clamped: u64,
    /// Times without payload of a second or more.
    pub idle: Stops,
    /// Times in which an end's window was closed.
    pub zero_window: PerSide<Stops>,
    /// Times in which the stream of an end stood still because of a loss.
    pub stalls: PerSide<Stops>,
    /// Where the time of all of them went.
    pub blame: Blame,
    /// The part of `blame` with the most time, idle and close left aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest: Option<&'static str>,
    /// Time in each state, by role.
    pub states: PerSide<BTreeMap<State, Occupancy>>,
}

/// Timing of the whole capture, and of its connections in groups.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tables {
    /// All connections.
    pub all: GroupTiming,
    /// By server address and port; most connections first, cut to a readable number.
    pub by_server: Vec<GroupTiming>,
    /// By client address.
    pub by_client: Vec<GroupTiming>,
    /// By client address and server address and port.
    pub by_pair: Vec<GroupTiming>,
    /// Connections of the groups that are not listed.
    pub omitted: Omitted,
}

/// How many connections belong to groups that are not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Omitted {
    /// Of servers.
    pub servers: u64,
    /// Of clients.
    pub clients: u64,
    /// Of pairs.
    pub pairs: u64,
}
