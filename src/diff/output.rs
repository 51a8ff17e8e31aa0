//! A difference as bytes: for a terminal, for programs, for a pull request.

use std::io;

use anstyle::Style;
use serde_json::{Value, json};

use super::compare::{Comparison, Difference, LEAST, Measured, Verdict};
use super::findings::{Fate, FindingChange};
use super::service::By;
use crate::detect;
use crate::render::Limit;
use crate::render::facts::input;
use crate::render::markdown::escape;
use crate::render::text::{BOLD, DIM, GREEN, RED, Text, YELLOW, wrap};
use crate::render::units::{count, plural, share, span};
use crate::report::{Severity, TOOL};

/// The shapes it can be written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// For a person at a terminal.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For a pull request.
    Markdown,
}

impl Format {
    /// Endings of file names that stand for a format.
    pub const EXTENSIONS: [&str; 4] = ["txt", "json", "md", "markdown"];

    /// The format that a file name's extension stands for, if it stands for one.
    pub fn of_extension(extension: &str) -> Option<Format> {
        match extension.to_ascii_lowercase().as_str() {
            "txt" => Some(Format::Table),
            "json" => Some(Format::Json),
            "md" | "markdown" => Some(Format::Markdown),
            _ => None,
        }
    }
}

/// So many of a kind are listed unless more are asked for.
const FEW: usize = 20;

/// What is listed for people; JSON has all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listed {
    /// Also what is the same, or too rare to tell.
    pub all: bool,
    /// How many of each kind: 20 suit, or with `all` each.
    pub limit: Limit,
}

impl Listed {
    fn most(self) -> usize {
        match self.limit {
            Limit::At(most) => most,
            Limit::Suited if !self.all => FEW,
            Limit::Suited | Limit::All => usize::MAX,
        }
    }
}

/// Writes `difference` to `out`.
///
/// # Errors
/// Only those of `out`.
pub fn write(
    format: Format,
    difference: &Difference,
    listed: Listed,
    (width, colour): (usize, bool),
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Table => table(difference, listed, width).iter().try_for_each(|line| line.line(out, colour)),
        Format::Json => json(difference, out),
        Format::Markdown => markdown(difference, listed, out),
    }
}

fn title(difference: &Difference) -> String {
    let [(before, n), (after, m)] = &difference.samples;
    let by = if difference.by == By::Port { "port" } else { "address and port" };
    let (before, after) = (input(before), input(after));
    format!("{before} ({}) → {after} ({}), services by {by}", plural(*n, "connection"), plural(*m, "connection"))
}

/// A line of what differs.
struct Row<'d> {
    style: Style,
    word: &'static str,
    /// Which service; none where it only counts those that are not listed.
    service: Option<&'d str>,
    text: String,
}

/// What is listed of the findings, and of the comparisons.
fn told<'d>(d: &'d Difference, listed: Listed) -> Vec<Row<'d>> {
    let most = listed.most();
    let mut rows = Vec::new();
    let more = |of: usize, (style, word): (Style, &'static str), what: &str| {
        let left = of.checked_sub(most).filter(|left| *left > 0)?;
        let text = format!("… {}; --limit all lists each", plural(left as u64, what));
        Some(Row { style, word, service: None, text })
    };
    for kind in d.findings.chunk_by(|a, b| a.fate == b.fate) {
        let fate = kind[0].fate;
        if fate == Fate::Same && !listed.all {
            continue;
        }
        rows.extend(kind.iter().take(most).map(|f| Row {
            style: style_of(f),
            word: fate.name(),
            service: Some(&f.service),
            text: finding(f),
        }));
        rows.extend(more(kind.len(), (DIM, fate.name()), "more finding"));
    }
    for kind in d.comparisons.chunk_by(|a, b| a.verdict == b.verdict) {
        let verdict = kind[0].verdict;
        let style = match verdict {
            Verdict::Worse => RED,
            Verdict::Better => GREEN,
            Verdict::Other => YELLOW,
            Verdict::Same | Verdict::TooFew if !listed.all => continue,
            Verdict::Same | Verdict::TooFew => DIM,
        };
        let row =
            |c: &'d Comparison| Row { style, word: verdict.name(), service: Some(&c.service), text: comparison(c) };
        rows.extend(kind.iter().take(most).map(row));
        rows.extend(more(kind.len(), (DIM, verdict.name()), "more comparison"));
    }
    rows
}

fn style_of(f: &FindingChange) -> Style {
    let grave = f.severity.1.or(f.severity.0).is_some_and(|s| s >= Severity::Warning);
    match f.fate {
        Fate::New | Fate::Worse if grave => RED,
        Fate::New | Fate::Worse => YELLOW,
        Fate::Less | Fate::Gone => GREEN,
        Fate::Same => DIM,
    }
}

/// That nothing is told, or that nothing could be.
fn none(d: &Difference) -> (Style, String) {
    match (&d.nothing, d.new_unclear.is_empty() && d.worse_unclear.is_empty()) {
        (Some(why), _) => (YELLOW, format!("nothing to compare: {why}")),
        (None, true) => (GREEN, "no difference shows".to_owned()),
        (None, false) => (YELLOW, "no difference shows in what there is to compare".to_owned()),
    }
}

/// What is not listed, and services that only one capture has.
fn remarks(d: &Difference) -> Vec<String> {
    let number = |verdict: Verdict| d.comparisons.iter().filter(|c| c.verdict == verdict).count() as u64;
    let mut remarks = Vec::new();
    let (same, few) = (number(Verdict::Same), number(Verdict::TooFew));
    if same > 0 {
        remarks.push(format!("{} without a difference that chance would not explain", plural(same, "comparison")));
    }
    if few > 0 {
        remarks.push(format!("{} of fewer than {LEAST} on a side: too few to tell", plural(few, "comparison")));
    }
    let list = |all: &[(String, u64)]| {
        let shown: Vec<String> =
            all.iter().take(8).map(|(name, n)| format!("{name} ({})", plural(*n, "connection"))).collect();
        let more = if all.len() > 8 { format!(" and {} more", count(all.len() as u64 - 8)) } else { String::new() };
        format!("{}{more}", shown.join(", "))
    };
    if !d.gone.is_empty() {
        remarks.push(format!("only before: {}", list(&d.gone)));
    }
    if !d.new.is_empty() {
        remarks.push(format!("only after: {}", list(&d.new)));
    }
    remarks.extend(d.problems.iter().map(|problem| format!("not whole: {problem}")));
    if d.settings[0] != d.settings[1] {
        let [before, after] = d.settings.each_ref().map(|typed| match typed.as_slice() {
            [] => "the usual settings".to_owned(),
            typed => typed.join(" "),
        });
        remarks.push(format!(
            "not made alike: before with {before}, after with {after}; findings may differ by that alone"
        ));
    }
    remarks
}

fn part((k, n): (u64, u64)) -> String {
    if n == 0 { "none there".to_owned() } else { format!("{} of {} ({})", count(k), count(n), share(k, n)) }
}

fn chance(p: Option<f64>) -> String {
    match p {
        None => String::new(),
        // What chance makes always needs no number.
        Some(p) if p >= 0.9995 => String::new(),
        Some(p) if p < 0.001 => ", p < 0.001".to_owned(),
        Some(p) => format!(", p = {p:.3}"),
    }
}

/// The finding's name and numbers.
fn finding(f: &FindingChange) -> String {
    let name = detect::find(&f.code).map_or("", |d| d.name);
    let severity = match f.severity {
        (Some(a), Some(b)) if a != b => format!(" ({} → {})", a.name(), b.name()),
        (Some(_), Some(_)) | (None, None) => String::new(),
        // How severe what is new is decides about --fail-on-new.
        (Some(only), None) | (None, Some(only)) => format!(" ({})", only.name()),
    };
    if detect::is_wide(&f.code) {
        let there = match (f.before.1, f.after.1) {
            (0, _) => ", no connections before",
            (_, 0) => ", no connections after",
            _ => "",
        };
        return format!("{} {name}{severity}{there}", f.code);
    }
    format!("{} {name}{severity}: {} → {}{}", f.code, part(f.before), part(f.after), chance(f.p))
}

/// What was measured, and its numbers.
fn comparison(c: &Comparison) -> String {
    match &c.measured {
        Measured::Share(before, after) => format!("{}: {} → {}{}", c.what, part(*before), part(*after), chance(c.p)),
        Measured::Times(before, after, larger) => format!(
            "{}: median {} → {}, p95 {} → {} ({} and {} measured; {:.0} % of pairs longer{})",
            c.what,
            span(before.median),
            span(after.median),
            span(before.p95),
            span(after.p95),
            count(before.count),
            count(after.count),
            larger * 100.0,
            chance(c.p)
        ),
    }
}

fn table(d: &Difference, listed: Listed, width: usize) -> Vec<Text> {
    const WORD: usize = 9;
    let mut lines = wrap(Text::new(), 2, &Text::styled(BOLD, &title(d)).words(), " ", width);
    let rows = told(d, listed);
    if rows.is_empty() || d.nothing.is_some() {
        let (style, words) = none(d);
        lines.extend(wrap(Text::new(), 2, &Text::styled(style, &words).words(), " ", width));
    }
    for Row { style, word, service, text } in rows {
        let service = service.map(|service| Text::styled(BOLD, service).and(": "));
        let words = service.unwrap_or_default().and(&text).words();
        lines.extend(wrap(Text::styled(style, word).pad(WORD), WORD, &words, " ", width));
    }
    lines.push(Text::new());
    for remark in remarks(d) {
        lines.extend(wrap(Text::new(), 2, &Text::styled(DIM, &remark).words(), " ", width));
    }
    lines
}

fn markdown(d: &Difference, listed: Listed, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "### tcpstate diff\n\n{}\n", escape(&title(d)))?;
    let rows = told(d, listed);
    if rows.is_empty() || d.nothing.is_some() {
        let (_, words) = none(d);
        let (first, rest) = words.split_at(1);
        writeln!(out, "{}{}.\n", first.to_uppercase(), escape(rest))?;
    }
    if !rows.is_empty() {
        writeln!(out, "| | service | |\n|---|---|---|")?;
    }
    for row in rows {
        writeln!(out, "| {} | {} | {} |", row.word, escape(row.service.unwrap_or_default()), escape(&row.text))?;
    }
    let remarks = remarks(d);
    if !remarks.is_empty() {
        writeln!(out)?;
    }
    remarks.iter().try_for_each(|remark| writeln!(out, "- {}", escape(remark)))
}

/// Schema `tcpstate-diff/1`; durations in seconds.
fn json(d: &Difference, out: &mut dyn io::Write) -> io::Result<()> {
    let rounded = |p: Option<f64>| p.map(|p| (p * 1e9).round() / 1e9);
    let pair = |(k, n): (u64, u64)| json!({"count": k, "of": n});
    let severity = |s: Option<Severity>| s.map(Severity::name);
    let findings: Vec<Value> = d
        .findings
        .iter()
        .map(|f| {
            json!({
                "status": f.fate.name(), "service": f.service, "code": f.code,
                "name": detect::find(&f.code).map(|d| d.name),
                "severity_before": severity(f.severity.0), "severity_after": severity(f.severity.1),
                "before": pair(f.before), "after": pair(f.after), "p": rounded(f.p),
            })
        })
        .collect();
    let times = |t: &super::compare::Times| json!({"count": t.count, "median": t.median.as_secs_f64(), "p95": t.p95.as_secs_f64()});
    let comparisons: Vec<Value> = d
        .comparisons
        .iter()
        .map(|c| {
            let (before, after, longer) = match &c.measured {
                Measured::Share(before, after) => (pair(*before), pair(*after), None),
                Measured::Times(before, after, longer) => {
                    (times(before), times(after), Some((longer * 1e6).round() / 1e6))
                }
            };
            json!({
                "status": c.verdict.name(), "service": c.service, "what": c.what,
                "before": before, "after": after, "longer": longer, "p": rounded(c.p),
            })
        })
        .collect();
    let services = |all: &[(String, u64)]| -> Vec<Value> {
        all.iter().map(|(name, n)| json!({"service": name, "connections": n})).collect()
    };
    let side = |((name, n), settings): (&(String, u64), &Vec<String>)| match settings.is_empty() {
        true => json!({"name": name, "connections": n}),
        false => json!({"name": name, "connections": n, "settings": settings}),
    };
    let [before, after] = [0, 1].map(|i| side((&d.samples[i], &d.settings[i])));
    let whole = json!({
        "schema": "tcpstate-diff/1",
        "tool": TOOL,
        "before": before, "after": after, "alpha": d.alpha,
        "findings": findings, "comparisons": comparisons,
        "only_before": services(&d.gone), "only_after": services(&d.new), "problems": d.problems,
        "cannot_tell": {"new": d.new_unclear, "worse": d.worse_unclear},
    });
    serde_json::to_writer_pretty(&mut *out, &whole)?;
    writeln!(out)
}
