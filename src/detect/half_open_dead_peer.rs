//! E01: one end has lost the connection, or is gone; the other does not know.

use super::cause::{
    Cause, answers_to_stale, is_forgotten, is_of_another_ttl, is_suspect, lasting_challenge, may_be_between,
};
use super::idle_death;
use super::prelude::*;
use super::rst_abort::is_in_history;
use super::{mtu_black_hole, unheard};

pub(super) const AFTER: Threshold = Threshold::wait(
    "half-open-dead-peer",
    Span::secs(10),
    "how long data may go unanswered",
    "several retransmissions; Linux gives up after 924.6 s (tcp_retries2 15)",
);
pub(super) const TRIES: Threshold = Threshold::count(
    "half-open-dead-peer-tries",
    3,
    "how often it must have been sent",
    "one loss is no death, three are",
);

pub static DECLARATION: Declaration = Declaration {
    code: "E01",
    name: "half-open-dead-peer",
    severity: Severity::Warning,
    summary: "one end has lost the connection or is gone, and the other still holds it",
    what: "The connection is half-open in the sense of RFC 9293 §3.5.1: one end believes in it, the other has crashed, rebooted, \
           moved away, or can no longer be reached.",
    why: "Requests into such a connection hang until the retransmission timeout (Linux: 15 minutes), or fail with a reset.",
    decided: "Any of: data sent at least three times without a word from the peer for longer than the threshold, or heard again \
              only without ever acknowledging it; probes into a closed window that nobody answers; data or a keepalive answered \
              by a RST without ACK although that end had never closed (RFC 9293 §3.5.1, Figure 10); a new SYN from the other end, \
              its challenge ACK, and the RST that answers it (Figure 9), also where the older connection was not captured; the \
              same without the RST, where the SYN is repeated in spite of the challenge; data sent at least four times in vain by \
              an end that later answers with a RST without ACK. Where data goes unanswered up to the end of a capture of less \
              than 100 s, a tenth of it is enough, but no less than 2 s; that is a note (fact `short_capture`), and not told \
              where the threshold or `--stuck-after` was set. A note where rst-from-between warns of the same RST.",
    confused: "half-open-syn, the other meaning of half-open; a capture that shows one direction only; fin-unacked, where the \
               connection was being closed; a full accept queue, whose server leaves the client's ACK and data unanswered: where \
               the server never sent anything after the handshake, the message names both, and where its service turned \
               others away, it is half-open-accept-overflow.",
    advice: "Did the peer crash, reboot or fail over, does a device between forget idle connections (see idle-death), or does a \
             firewall reject what belongs to this one (REJECT with tcp-reset, in the name of the peer)? If only large segments go \
             unanswered, see mtu-black-hole. Use keepalives shorter than that device's timeout, and TCP_USER_TIMEOUT to notice \
             sooner. A server that never sent anything after the handshake may only not accept: look at its queue first (`ss \
             -ltn`).",
    thresholds: &[&AFTER, &TRIES],
    absence: true,
    witness: Witness::WaitingPeer,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ 100s
7. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +1s
8. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +2s
9. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +4s
10. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +8s
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +1s
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +2s
7. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +4s
8. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
9. - - @ 30s
"
    )),
    detect: Detect::Connection(Signs::WAITING.or(Signs::RARE), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    if !may_be_half_open(view) {
        stale(view, sink);
        return;
    }
    let silence = silence(view);
    // What a short capture tells early comes after what is sure.
    let early = silence.as_ref().is_some_and(|silence| silence.span < silence.usual);
    let unanswered = |sink: &mut Sink<'_>| silence.as_ref().is_some_and(|silence| unanswered(view, silence, sink));
    let _ = (!early && unanswered(sink))
        || unheard::never_acknowledged(view, sink)
        || unheard::given_up(view, sink)
        || unprobed(view, sink)
        || forgotten(view, sink)
        || replaced(view, sink)
        || stale(view, sink)
        || (early && unanswered(sink));
}

fn may_be_half_open(view: &View<'_>) -> bool {
    view.is_midstream() || view.was_open() || view.ever(view.client, State::Established)
}

/// Whether that the data of end `e` met silence is told here.
pub(super) fn tells_of_silence(view: &View<'_>, e: usize) -> bool {
    may_be_half_open(view) && silence(view).is_some_and(|silence| silence.of != e && !silence.is_turning_away)
}

/// Whether that `reset` came from an end without connection is told here.
pub(super) fn tells_of_reset(view: &View<'_>, reset: &signals::Reset) -> bool {
    may_be_half_open(view) && lost(view).is_some_and(|lost| lost.packet == reset.packet)
}

/// Whether what end `e` sent last, at least [`TRIES`] times, has met silence for long enough.
pub(super) fn is_silent(view: &View<'_>, e: usize) -> bool {
    is_silent_for(view, e, view.span(&AFTER))
}

/// The same, or for so long that a capture as short as this one tells it.
pub(super) fn is_told_silent(view: &View<'_>, e: usize) -> bool {
    is_silent_for(view, e, view.patience(&AFTER))
}

/// The same, if `wait` is long enough.
fn is_silent_for(view: &View<'_>, e: usize, wait: Span) -> bool {
    let waiting = &view.unanswered(e);
    let (Some((first, _)), Some(last)) = (waiting.first(), view.end(e).last_sent()) else { return false };
    i64::from(waiting.repeats) + 1 >= view.limit(&TRIES)
        && waiting.data > 0
        && view.scene.end - first >= wait
        && last - first >= Span(wait.0 / 4)
}

/// Data sent again and again to an end that had opened the connection and is silent.
pub(super) struct Silence {
    /// The silent end.
    pub of: usize,
    /// When, and in which packet, the first of it was sent.
    pub since: Time,
    pub packet: u64,
    /// From then to the last of it.
    pub took: Span,
    /// From then to the end of the capture.
    pub span: Span,
    /// How long it is waited for as a rule.
    pub usual: Span,
    /// How often it was sent.
    pub tries: u32,
    /// The silent end never sent anything after the handshake.
    never_spoke: bool,
    /// And its service turned others away: it is rather too busy than gone.
    pub is_turning_away: bool,
}

/// The silence that one end's data meets.
pub(super) fn silence(view: &View<'_>) -> Option<Silence> {
    let usual = view.span(&AFTER);
    (0..2).find_map(|e| {
        if view.connection.ends[e].fin().is_some() || !is_told_silent(view, e) || !is_open(view, 1 - e) {
            return None;
        }
        // A RST is an answer; and where nothing of the peer was captured, its silence proves nothing.
        if view.signals.resets().iter().any(|r| r.from != e) || view.is_one_sided() {
            return None;
        }
        // Nor is one gone that large segments do not reach.
        if mtu_black_hole::fails(view, e).is_some() {
            return None;
        }
        let waiting = &view.unanswered(e);
        let (since, packet) = waiting.first()?;
        let took = view.end(e).last_sent().unwrap_or(since) - since;
        let span = view.scene.end - since;
        let never_spoke = never_spoke(view, 1 - e);
        Some(Silence {
            of: 1 - e,
            since,
            packet,
            took,
            span,
            usual,
            tries: u32::from(waiting.repeats) + 1,
            never_spoke,
            is_turning_away: never_spoke && turns_others_away(view, 1 - e),
        })
    })
}

/// Whether the service that end `e` is turned others away as well.
fn turns_others_away(view: &View<'_>, e: usize) -> bool {
    view.scene.turned_away(view.socket(e)) > u8::from(view.connection.is_turned_away(1 - e))
}

/// Data into silence.
fn unanswered(view: &View<'_>, silence: &Silence, sink: &mut Sink<'_>) -> bool {
    // That is half-open-accept-overflow's.
    if silence.is_turning_away {
        return true;
    }
    let Silence { of, since, packet, took, span, usual, tries, never_spoke, .. } = *silence;
    let idle = view.unanswered(1 - of).idle();
    let severity = if tries >= 6 || took >= Span::secs(13) { Severity::Error } else { Severity::Warning };
    let rejected = unheard::rejected(view, 1 - of, since);
    let message = || {
        let silence = if never_spoke { "has not been heard since the handshake" } else { "is no longer heard" };
        let queue = never_spoke && rejected.is_none();
        let or = if queue { ": its accept queue is full (`ss -ltn` there), or it is gone" } else { "" };
        let large = mtu_black_hole::may_not_pass(view, 1 - of).map(|len| {
            format!(
                "; segments as large as these, {} bytes, may not get through: none was ever acknowledged",
                count(len.into())
            )
        });
        format!(
            "{} sent its data up to {} in {}; {} {silence}{}{or}{}{}",
            view.who(1 - of),
            times(tries.into()),
            Plain(took),
            view.who(of),
            after_idle(idle),
            large.unwrap_or_default(),
            rejected.map(unheard::told).unwrap_or_default(),
        )
    };
    let found = sink
        .raise(severity, since, packet, message)
        .at(of)
        .fact("signature", "unanswered")
        .fact("tries", tries)
        .lasted("for_at_least", span)
        .short_of(span, usual)
        .span("idle_before", idle);
    if let Some(error) = rejected {
        found.fact("icmp", error.kind.words());
    }
    true
}

/// Whether end `e` had opened the connection: a server still in SYN_RCVD is another matter.
pub(super) fn is_open(view: &View<'_>, e: usize) -> bool {
    view.is_midstream() || view.ever(e, State::Established) || view.ever(e, State::CloseWait)
}

/// Probes into a closed window that nobody answers: whoever is there answers them, however long it does not read
/// (RFC 9293 §3.8.6.1).
fn unprobed(view: &View<'_>, sink: &mut Sink<'_>) -> bool {
    for e in 0..2 {
        let (waiting, closed) = (view.unanswered(e), view.cold(1 - e).zero.since.is_some());
        let (Some((since, packet)), Some(last)) = (waiting.first(), view.end(e).last_sent()) else { continue };
        let span = view.scene.end - since;
        if !closed || waiting.content > 0 || i64::from(waiting.probes) < view.limit(&TRIES) {
            continue;
        }
        if span < view.span(&AFTER) || last - since < Span(view.span(&AFTER).0 / 4) {
            continue;
        }
        let probes = waiting.probes;
        let message = || {
            format!(
                "{} probed the closed window of {} {} in {} without an answer: it is gone, or cut off",
                view.who(e),
                view.who(1 - e),
                times(probes.into()),
                Plain(last - since),
            )
        };
        sink.raise(Severity::Warning, since, packet, message)
            .at(1 - e)
            .fact("signature", "unanswered-probes")
            .fact("tries", probes)
            .lasted("for_at_least", span);
        return true;
    }
    false
}

/// End `e` accepted the connection, and was never heard again: Linux leaves ACK and data unanswered in just that way while
/// the accept queue is full (net/ipv4/tcp_minisocks.c, tcp_check_req).
fn never_spoke(view: &View<'_>, e: usize) -> bool {
    let own = &view.connection.ends[e];
    own.syn_acks > 0 && own.syns == 0 && own.packets <= u64::from(own.syn_acks) && own.fin().is_none()
}

fn after_idle(idle: Span) -> String {
    if idle >= Span::secs(1) { format!(" (after {} without traffic)", Plain(idle)) } else { String::new() }
}

/// The first RST from an end that knows nothing of the connection.
fn lost<'v>(view: &'v View<'_>) -> Option<&'v signals::Reset> {
    view.signals.resets().iter().find(|r| is_forgotten(view, r) && is_in_history(view, r))
}

/// That RST.
fn forgotten(view: &View<'_>, sink: &mut Sink<'_>) -> bool {
    let Some(reset) = lost(view) else { return false };
    let e = reset.from;
    // After so long, or with another hop count, a device between may answer instead, also where what was captured in several places
    // has several; and what was sent long ago nobody answers.
    let places = view.signals.cold().is_some_and(|cold| cold.copies[e] > 0);
    let between =
        reset.idle >= view.span(&idle_death::IDLE) || may_be_between(view, e) || is_of_another_ttl(reset) || places;
    let answered = reset.trigger.filter(|t| t.age < Span::secs(3));
    // What was before the capture, nothing that it sent since tells.
    let unseen = view.is_midstream() && view.connection.ends[e].bytes == 0;
    let message = || {
        format!(
            "{}{} answered {} of {} with RST (packet {}): it {} the connection, which {} {}{}",
            view.who(e),
            if between { ", or a device between in its name," } else { "" },
            answered.map_or("a segment".to_owned(), |t| format!("packet {}", t.packet)),
            view.who(1 - e),
            reset.packet,
            if unseen { "did not know" } else { "no longer knew" },
            if between { "that end" } else { "it" },
            match is_open(view, e) {
                _ if unseen =>
                    "may have closed before the capture began, or never had (has it taken its address over?)",
                true => "had never closed",
                // Only the client's data shows that its ACK was due.
                false =>
                    "had never completed: its listener was closed, it had given the handshake up (a SYN cookie runs \
                          out, too), or it is another host with that address",
            },
            after_idle(reset.idle),
        )
    };
    // One event is one warning: rst-from-between's.
    let severity = if is_suspect(reset) { Severity::Note } else { Severity::Warning };
    let found = sink
        .raise(severity, reset.time, reset.packet, message)
        .at(e)
        .fact("signature", "rst-without-ack")
        .fact("suspect", between)
        .cause(Cause::NoSocket.name())
        .span("idle_before", reset.idle);
    if let Some(trigger) = reset.trigger {
        found.fact("trigger", trigger.packet);
    }
    true
}

/// RFC 9293 Figure 9: SYN, challenge, RST.
fn replaced(view: &View<'_>, sink: &mut Sink<'_>) -> bool {
    let Some(reset) = answer_to_old(view) else { return false };
    let Some(rare) = view.signals.cold() else { return false };
    let (Some((e, time, packet)), Some(challenge)) = (rare.stray_syn, rare.challenge) else { return false };
    let message = || {
        format!(
            "{} opened anew (packet {packet}) while {} still held the old connection: it answered with an old acknowledgment \
         (packet {challenge}) and was reset (packet {})",
            view.who(e),
            view.who(1 - e),
            reset.packet,
        )
    };
    sink.raise(Severity::Warning, time, packet, message)
        .at(e)
        .fact("signature", "syn-challenge-rst")
        .fact("challenge", challenge)
        .fact("rst", reset.packet);
    true
}

/// The RST that answers this connection's acknowledgment of a SYN that opened anew.
pub(super) fn answer_to_old<'v>(view: &'v View<'_>) -> Option<&'v signals::Reset> {
    let rare = view.signals.cold()?;
    let ((e, time, _), _) = rare.stray_syn.zip(rare.challenge)?;
    rare.resets.iter().find(|r| r.from == e && r.time >= time && !r.ack)
}

/// The same with an older connection of which the capture shows nothing else; the RST may be missing.
fn stale(view: &View<'_>, sink: &mut Sink<'_>) -> bool {
    let reset = answers_to_stale(view).next();
    let (e, challenge) = match reset {
        Some(reset) => (reset.from, reset.trigger.map(|t| t.packet)),
        None => (view.client, lasting_challenge(view)),
    };
    let (Some(syn), Some(challenge)) = (view.event(e, Event::SndSyn), challenge) else { return false };
    let (who, other, syn) = (view.who(e), view.who(1 - e), syn.mark);
    let message = || match reset {
        Some(reset) => format!(
            "{who} opened (packet {}) while {other} still held an older connection on the same ports (it may have been in \
             TIME_WAIT): it answered with an acknowledgment of that (packet {challenge}) and was reset (packet {})",
            syn.packet, reset.packet,
        ),
        None => format!(
            "{other} answered the SYN of {who} (packet {}) with an acknowledgment of something else (packet {challenge}), as an \
             end does that holds an older connection on the same ports; the client tried on, and no RST of it was captured",
            syn.packet,
        ),
    };
    let found = sink.raise(Severity::Warning, syn.time, syn.packet, message).at(e).fact("challenge", challenge);
    match reset {
        Some(reset) => found.fact("signature", "syn-challenge-rst").fact("rst", reset.packet),
        None => found.fact("signature", "syn-challenge"),
    };
    true
}
