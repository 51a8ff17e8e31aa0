//! Every key of a policy: its name, what it takes and what it means.

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// An expression of the filter language.
    Filter,
    /// One finding or several, by name or code.
    Findings,
    /// info, note, warning, error.
    Severity,
    /// One state or several.
    States,
    /// One state or several, `client.` or `server.` in front where only that end is meant.
    EndStates,
    /// One outcome or several.
    Outcomes,
    /// Some of client, server, both.
    Closers,
    /// One cause of a reset or several.
    Causes,
    /// A whole number, or a share such as "1%".
    Amount,
    /// A whole number.
    Count,
    /// A share such as "1%".
    Share,
    /// A duration with its unit.
    Duration,
    /// A day: 2027-01-31.
    Date,
    /// true or false.
    Switch,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Durations by quantile: `{ p50 = "10ms", p99 = "50ms", max = "1s" }`.
    Quantiles,
    /// Such tables, each with the state it is about.
    TimesIn,
    /// `{ min = 1, max = 100 }`
    Range,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As written.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it means.
    pub meaning: &'static str,
    /// Whether it must be there.
    pub required: bool,
}

/// One kind of table.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// As written in brackets.
    pub name: &'static str,
    /// Whether there may be several, in double brackets.
    pub many: bool,
    /// What it is for.
    pub meaning: &'static str,
    /// What may stand in it; `thresholds` takes the names of thresholds instead.
    pub keys: &'static [Key],
}

const fn key(name: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { name, kind, meaning, required: false }
}

const fn must(name: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { name, kind, meaning, required: true }
}

const fn one(name: &'static str, meaning: &'static str, keys: &'static [Key]) -> Section {
    Section { name, many: false, meaning, keys }
}

const fn many(name: &'static str, meaning: &'static str, keys: &'static [Key]) -> Section {
    Section { name, many: true, meaning, keys }
}

/// The format's version; changes only when an old policy would mean something else.
pub const VERSION: i64 = 1;

/// `[thresholds]`
pub const THRESHOLDS: Section = one(
    "thresholds",
    "Where findings draw their lines, as `--threshold` takes them; `stuck-after` sets all that wait for something that does not happen.",
    &[],
);

/// `[capture]`
#[rustfmt::skip]
pub const CAPTURE: Section = one(
    "capture",
    "What the capture must be like. If it is not, rules that would pass cannot be told.",
    &[
        key("min-packets", Kind::Count, "Packets at least (default 1)."),
        key("min-connections", Kind::Count, "Connections at least (default 1)."),
        key("min-duration", Kind::Duration, "From the first packet to the last, at least."),
        key("max-missing", Kind::Share, "At most this share of the bytes, and of the connections, may show that packets were not captured, and so many packets may not be decoded (default \"1%\")."),
        key("max-one-way", Kind::Share, "At most this share of the connections may have been captured in one direction only (default \"5%\")."),
        key("max-midstream", Kind::Share, "At most this share of the connections may have been open before the capture began (default \"100%\")."),
        key("complete", Kind::Switch, "The files must be neither damaged nor cut off (default true)."),
        key("settled", Kind::Duration, "What has not changed for this long before the capture ended is taken to be final (default \"60s\")."),
    ],
);

/// What limits and expectations have in common.
const NAME: Key = must("name", Kind::Text, "Shown in every output; unique in the file.");
const WHY: Key = key("why", Kind::Text, "Why the rule exists; shown when it fails.");
const WHERE: Key =
    key("where", Kind::Filter, "Which connections it is about, in the language of `--filter`; all without it.");
const EACH: Key = key(
    "each",
    Kind::Word(&["service", "server", "client"]),
    "It must hold for each server address and port, server address, or client address by itself.",
);
const LEVEL: Key =
    key("level", Kind::Word(&["error", "warning"]), "A failed `warning` is shown and does not fail the run.");
const IF_NONE: Key = key(
    "if-none",
    Kind::Word(&["unclear", "pass", "fail"]),
    "What the rule comes to when the capture has no such connection (default unclear: it cannot be told).",
);

/// `[[limit]]`
#[rustfmt::skip]
pub const LIMIT: Section = many(
    "limit",
    "At most so many connections may show a finding.",
    &[
        NAME, WHY,
        key("finding", Kind::Findings, "Which findings, by name or code; every one without it."),
        key("severity", Kind::Severity, "Only those at least this severe."),
        key("max", Kind::Amount, "How many connections may show it, or which share of them (default 0)."),
        WHERE, EACH, LEVEL, IF_NONE,
    ],
);

/// `[[expect]]`
#[rustfmt::skip]
pub const EXPECT: Section = many(
    "expect",
    "What connections must be like; all that is said must hold.",
    &[
        NAME, WHY, WHERE,
        key("never", Kind::EndStates, "States that no end (or not that end) may ever be in: \"server.CLOSE_WAIT\"."),
        key("ends-in", Kind::States, "States in which both ends may be when the capture ends."),
        key("client-ends-in", Kind::States, "The same of the client."),
        key("server-ends-in", Kind::States, "The same of the server."),
        key("outcome", Kind::Outcomes, "What may become of a connection."),
        key("closed-first", Kind::Closers, "Who may close first."),
        key("reset-causes", Kind::Causes, "For which causes a connection may be reset."),
        key("at-least", Kind::Share, "The share of connections for which the above must hold (default \"100%\")."),
        key("handshake", Kind::Quantiles, "From SYN to the client's ACK, at most."),
        key("time-in", Kind::TimesIn, "Time spent in a state, at most."),
        key("count", Kind::Range, "How many connections there must be."),
        EACH, LEVEL, IF_NONE,
    ],
);

/// `[[allow]]`
#[rustfmt::skip]
pub const ALLOW: Section = many(
    "allow",
    "Exceptions: findings that do not count, or connections that a rule does not look at.",
    &[
        key("finding", Kind::Findings, "Which findings do not count."),
        key("rule", Kind::Text, "The rule from which connections are exempt."),
        key("where", Kind::Filter, "Which connections; all without it. What only many connections together show counts for the others."),
        must("reason", Kind::Text, "Why."),
        key("expires", Kind::Date, "The last day on which it holds: 2027-01-31."),
    ],
);

/// All of them.
pub const SECTIONS: [Section; 5] = [THRESHOLDS, CAPTURE, LIMIT, EXPECT, ALLOW];
