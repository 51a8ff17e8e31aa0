//! The words of the language: the one table from which the parser, the suggestions and `--filter help` are made.

use std::fmt::Write as _;

/// What a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is explained in the table")]
pub enum Keyword {
    Host,
    Net,
    Port,
    PortRange,
    Client,
    Server,
    Tcp,
    Ip,
    Ip6,
    Vlan,
    State,
    Possible,
    Visited,
    TimeIn,
    Evidence,
    Outcome,
    ClosedFirst,
    Finding,
    Severity,
    Duration,
    Handshake,
    Bytes,
    Packets,
    Midstream,
    OneWay,
    Guessed,
    Incarnation,
    Id,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// What it stands for.
    pub keyword: Keyword,
    /// Every way to write it, the printed one first.
    pub spellings: &'static [&'static str],
    /// How it is used.
    pub form: &'static str,
    /// What it selects.
    pub meaning: &'static str,
    /// A filter that uses it.
    pub example: &'static str,
    /// Whether `client.` or `server.` may stand in front.
    pub of_an_end: bool,
}

const fn word(
    keyword: Keyword,
    spellings: &'static [&'static str],
    form: &'static str,
    meaning: &'static str,
    example: &'static str,
    of_an_end: bool,
) -> Word {
    Word { keyword, spellings, form, meaning, example, of_an_end }
}

/// All of them, in the order of the help.
#[rustfmt::skip]
pub const WORDS: [Word; 28] = [
    word(Keyword::Host, &["host"], "host ADDR", "an end has this address, or ADDR:PORT", "host 10.0.0.1", false),
    word(Keyword::Net, &["net"], "net NET", "an end is in this network", "net 10/8", false),
    word(Keyword::Port, &["port"], "port N", "an end has this port", "port 80,443", false),
    word(Keyword::PortRange, &["portrange"], "portrange A-B", "an end's port is one of these", "portrange 1-1024", false),
    word(Keyword::Client, &["client", "src"], "client …", "the same of the end that sent the first SYN", "client 10.0.0.0/8", false),
    word(Keyword::Server, &["server", "dst"], "server …", "the same of the other end", "server port 443", false),
    word(Keyword::Tcp, &["tcp"], "tcp", "everything: only TCP is analysed", "tcp port 80", false),
    word(Keyword::Ip, &["ip", "ip4"], "ip", "over IPv4", "ip and port 80", false),
    word(Keyword::Ip6, &["ip6"], "ip6", "over IPv6", "ip6", false),
    word(Keyword::Vlan, &["vlan"], "vlan [ID]", "in this VLAN, or in any", "vlan 7", false),
    word(Keyword::State, &["state"], "state STATE", "an end is in this state at the end of the capture", "server.state CLOSE_WAIT", true),
    word(Keyword::Possible, &["possible"], "possible STATE", "the capture allows an end to be in it", "client.possible CLOSED", true),
    word(Keyword::Visited, &["visited"], "visited STATE", "an end was in this state at some time; in CLOSED, it was so again", "visited TIME_WAIT", true),
    word(Keyword::TimeIn, &["time-in"], "time-in STATE > T", "an end spent so long in this state", "time-in CLOSE_WAIT > 60s", true),
    word(Keyword::Evidence, &["evidence"], "evidence GRADE", "an end's last state is sent, confirmed, inferred, assumed, timer", "evidence assumed", true),
    word(Keyword::Outcome, &["outcome"], "outcome OUTCOME", "closed, reset, refused, unanswered, half-open, half-closed, open, unknown", "outcome reset or refused", false),
    word(Keyword::ClosedFirst, &["closed-first"], "closed-first WHO", "who sent the first FIN or RST: client, server, both", "closed-first server", false),
    word(Keyword::Finding, &["finding", "anomaly"], "finding NAME", "shows this finding, by name or code; or `any`", "finding close-wait-stuck", false),
    word(Keyword::Severity, &["severity"], "severity >= S", "shows a finding of such a severity: info, note, warning, error", "severity >= warning", false),
    word(Keyword::Duration, &["duration"], "duration > T", "from its first packet to its last", "duration > 5s", false),
    word(Keyword::Handshake, &["handshake"], "handshake > T", "from SYN to the client's ACK, where captured", "handshake > 200ms", false),
    word(Keyword::Bytes, &["bytes"], "bytes > SIZE", "payload bytes of both ends, or of one", "server.bytes > 1MB", true),
    word(Keyword::Packets, &["packets"], "packets < N", "segments of both ends, or of one", "packets < 10", true),
    word(Keyword::Midstream, &["midstream"], "midstream", "was open when the capture began", "midstream", false),
    word(Keyword::OneWay, &["one-way"], "one-way", "only one direction was captured; not of SYNs that nobody answered", "not one-way", false),
    word(Keyword::Guessed, &["guessed"], "guessed", "which end is the client is a guess", "guessed", false),
    word(Keyword::Incarnation, &["incarnation"], "incarnation > N", "which use of the same addresses and ports it is", "incarnation > 1", false),
    word(Keyword::Id, &["id"], "id N", "its number", "id 17", false),
];

/// The row of a word; `_` may stand for `-`, and case does not matter.
pub fn find(text: &str) -> Option<&'static Word> {
    let text = plain(text);
    WORDS.iter().find(|word| word.spellings.contains(&text.as_str()))
}

/// A word as those of the language are written.
pub(super) fn plain(word: &str) -> String {
    word.to_ascii_lowercase().replace('_', "-")
}

/// Every spelling of every word.
pub fn spellings() -> impl Iterator<Item = &'static str> {
    WORDS.iter().flat_map(|word| word.spellings.iter().copied()).chain(["and", "or", "not"])
}

/// The language on one page.
pub fn help() -> String {
    let mut text = String::from(
        "A filter selects connections. Words of capture filters mean the connection, not single packets:\n\
         `client` (or `src`) is the end that sent the first SYN, `server` (or `dst`) the other one.\n\n",
    );
    let width = WORDS.iter().map(|word| word.form.chars().count()).max().unwrap_or(0);
    for word in &WORDS {
        let pad = " ".repeat(width - word.form.chars().count());
        let _ = writeln!(text, "  {}{pad}  {}", word.form, word.meaning);
    }
    text.push_str("\nCombined:\n");
    for (form, meaning) in COMBINED {
        let pad = " ".repeat(width - form.chars().count());
        let _ = writeln!(text, "  {form}{pad}  {meaning}");
    }
    text.push_str("\nExamples:\n");
    for word in &WORDS {
        let _ = writeln!(text, "  {}", word.example);
    }
    text
}

/// What is not a word of its own.
const COMBINED: [(&str, &str); 7] = [
    ("A and B, A && B", "both; `and` mixed with `or` needs parentheses"),
    ("A or B, A || B", "either"),
    ("not A, !A", "the others"),
    ("port 80 or 443", "a bare value belongs to the word before it; so does `port 80,443`"),
    ("client.state S", "also server., and possible, visited, time-in, evidence, bytes, packets"),
    ("= != < <= > >=", "left out, it is `=`; `!=` on states means that no end is in it"),
    ("5s 1.5ms 2min 1MB", "ns us ms s min h d; kB MB GB KiB MiB GiB"),
];
