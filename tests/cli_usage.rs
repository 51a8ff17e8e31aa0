//! Help, usage errors, hints, explain, completions, man.

#[path = "common/program.rs"]
mod program;

use program::{Folder, finish, program, run, run_with_input};

#[test]
fn without_arguments_it_prints_short_help() {
    let run = run(&[]);
    assert_eq!(run.code, 2);
    assert!(run.out.is_empty());
    assert!(run.err.contains("Usage: tcpstate"), "{}", run.err);
    assert!(run.err.contains("tcpstate analyze trace.pcap"), "{}", run.err);
}

#[test]
fn help_goes_to_standard_output() {
    let short = run(&["--help"]);
    assert_eq!((short.code, short.err.as_str()), (0, ""));
    insta::assert_snapshot!("help", short.out);
    let live = run(&["live", "--help"]).out;
    let paragraph = live.split("\n\n").find(|text| text.starts_with("On a terminal")).unwrap();
    let full = paragraph.lines().rev().skip(1).all(|line| line.len() > 80);
    assert!(full, "a paragraph is wrapped once: {paragraph}");
    assert!(live.lines().all(|line| line.chars().count() <= 100 && !line.starts_with("events")), "{live}");
    let long = run(&["analyze", "--help"]);
    assert_eq!((long.code, long.err.as_str()), (0, ""));
    insta::assert_snapshot!("help_analyze", long.out);
    assert!(run(&["--version"]).out.starts_with("tcpstate "));
}

#[test]
fn a_capture_without_a_command_gets_a_hint() {
    for word in ["trace.pcap", "dump.pcapng.gz", "-"] {
        let run = run(&[word]);
        assert_eq!(run.code, 2);
        assert!(run.err.contains(&format!("did you mean `tcpstate analyze {word}`?")), "{}", run.err);
    }
    assert!(run(&["-r", "trace.pcap"]).err.contains("tcpstate analyze FILE"));
    assert!(run(&["analyse", "x"]).err.contains("'analyze'"));
}

#[test]
fn the_policy_in_the_help_is_one() {
    let help = run(&["check", "--help"]).out;
    let (_, from) = help.split_once("A policy is TOML").unwrap();
    let lines: Vec<&str> = from.lines().skip(1).take_while(|line| !line.is_empty()).map(str::trim_start).collect();
    let folder = Folder::new();
    folder.file("policy.toml", lines.join("\n").as_bytes());
    let lint = folder.run(&["check", "--lint", "policy.toml"]);
    assert_eq!((lint.code, lint.out.trim()), (0, "policy.toml: 2 rules, 0 exceptions"), "{}", lint.err);
}

#[test]
fn a_limit_may_be_larger_than_any_number_of_things() {
    let all = |limit: &str| run(&["analyze", "--quiet", "--limit", limit, "testdata/clean.pcapng"]);
    let (any, every) = (all("99999999999999999999"), all("all"));
    assert_eq!((any.code, any.out), (0, every.out), "{}", any.err);
    assert_eq!([all("").code, all("-1").code, all("+1").code], [2; 3]);
}

#[test]
fn usage_errors_exit_with_2_and_say_what_to_do() {
    for (arguments, says) in [
        (&["analyze"][..], "no FILE given"),
        (&["analyze", "--format", "xml", "x"], "[possible values: table, json, ndjson, csv, markdown]"),
        (&["analyze", "--filter", "prot 80", "x"], "did you mean `port`?"),
        (&["analyze", "--limit", "some", "x"], "a number or `all`"),
        (&["analyze", "--events", "--limit", "5", "x"], "'--events' cannot be used with '--limit <N>'"),
        (&["analyze", "--events", "--retracted", "x"], "'--events' cannot be used with '--retracted'"),
        (&["analyze", "--events", "--width", "80", "x"], "'--events' cannot be used with '--width <COLUMNS>'"),
        (&["snapshot", "--filter", "foo", "x"], "tcpstate analyze --filter help prints the language"),
        (&["live", "-", "-i", "lo"], "both `-` and -i lo given"),
        (&["live", "-", "-o", "x.html"], "--output: .html is no format\n  known are .txt, .json, "),
        (&["live", "-", "-w", "-"], "--write: packets go to a file"),
        (&["live", "-", "-w", "x", "--rotate-keep", "2"], "without --rotate-size or --rotate-every"),
        (&["live", "-", "-w", "x", "-o", "x"], "--write: x is what --output names"),
        (&["analyze", "--msl", "30", "x"], "a duration with its unit"),
        (&["analyze", "--stack", "beos", "x"], "linux, freebsd, macos, windows, rfc"),
        (&["analyze", "--sort", "size", "x"], "attention, id, duration"),
        (&["analyze", "-c", "foo", "x"], "the number of a connection, as `analyze` lists them: 17"),
        (&["show", "-c", "1.5", "x"], "the number of a connection, as `analyze` lists them: 17"),
        (&["analyze", "--width", "wide", "x"], "a number of columns, 40 or more"),
        (&["show", "-c", "1", "--width", "39", "x"], "a number of columns, 40 or more"),
        (&["analyze", "--only", "foo", "x"], "--only: `foo` is no finding; `tcpstate explain` lists them"),
        (
            &["analyze", "--ignore", "close-wait", "x"],
            "--ignore: `close-wait` is no finding; did you mean `close-wait-",
        ),
        (&["analyze", "--fail-on", "warn", "x"], "--fail-on: `warn` is no finding; did you mean `warning`?"),
        (&["analyze", "--threshold", "stuck=3s", "x"], "did you mean `close-wait-stuck`, `close-wait-stuck-error`"),
        (
            &["analyze", "--filter", "port 80 and finding close_wait", "x"],
            "  port 80 and finding close_wait\n                      ^^^^^^^^^^\n  did you mean `close-wait-growth` or",
        ),
        (&["analyze", "--filter", "severity >= warn", "x"], "did you mean `warning`?"),
        (&["analyze", "--filter", "state FIN_WAIT", "x"], "did you mean `FIN_WAIT_1` or `FIN_WAIT_2`?"),
        (&["analyze", "--filter", "state wiat", "x"], "SYN_SENT, SYN_RCVD, ESTABLISHED,"),
        (&["analyze", "--filter", "outcome", "x"], "closed, reset, refused, unanswered,"),
        (&["analyze", "--filter", "not error", "x"], "did you mean `severity error`?"),
        (&["analyze", "--filter", "conn 3", "x"], "chosen by its number: `id 17`"),
        (&["analyze", "--filter", "not finding close-wiat-stuck", "x"], "did you mean `close-wait-stuck`?"),
        (
            &["analyze", "--filter", "not finding O13", "x"],
            "no single connection shows `accept-queue-drops`, only many",
        ),
        (&["snapshot", "--filter", "finding foo", "x"], "--filter: `foo` is no finding"),
        (&["analyze", "--threshold", "syn-success-low-warning=nan%", "x"], "a share such as `2%`"),
        (&["analyze", "--only", "foo", "x"], "parts of the report: findings, totals, rollups, timing, connections"),
        (&["analyze", "-o", "x.html", "x"], "--output: .html is no format\n  known are .txt, .json, "),
        (
            &["diff", "-o", "x.html", "x", "y"],
            "--output: .html is no format\n  known are .txt, .json, .md, .markdown; ",
        ),
        (&["show", "-c", "1", "-o", "x.xml", "x"], "--output: .xml is no format\n  known are .txt, .ladder, .svg, "),
        (
            &["snapshot", "-o", "x.md", "x"],
            "--output: .md is no format\n  known are .txt, .json, .ndjson, .jsonl, .csv; ",
        ),
        (&["explain", "CLOSE_WIAT"], "did you mean `CLOSE_WAIT`?"),
        (&["explain", "rst"], "did you mean `rst-abort`, `rst-after-close`, `rst-ignored` or `rst-from-between`?"),
        (
            &["explain", "-f", "json", "close-wait"],
            "states are explained as text only\n  write `tcpstate explain close-wait`",
        ),
        (&["explain", "a\x1b[31mb"], "explain: `a\u{fffd}[31mb` is neither"),
        (&["analyze", "--filter", "not close-wait-stuck", "x"], "did you mean `finding close-wait-stuck`?"),
        (&["snapshot", "--filter", "help", "x"], "tcpstate analyze --filter help prints the language"),
        (&["diff", "--threshold", "foo=1", "x", "y"], "called `foo`; `tcpstate explain NAME` shows those of a finding"),
        (&["man", "nothing"], "is not a command\n  the commands are analyze, check, diff,"),
        (&["help", "check"], "did you mean `tcpstate --help`"),
        (&["check", "--format", "json", "x"], "tcpstate check --report json FILE"),
        (&["diff", "--fail-on-new", "error", "x", "y"], "did you mean `--fail-on-new=error`?"),
        (&["diff", "x", "y", "-o", "/none/x.json"], "tcpstate: /none/x.json: cannot be written: "),
        (&["check", "-p", "/none/x.toml", "x"], "tcpstate: /none/x.toml: cannot be read: "),
        (&["check", "-p", "-", "x"], "a policy is read from a file, not from standard input"),
        (&["check", "--lint", "-"], "a policy is read from a file, not from standard input"),
        (&["check", "--today", "2026-13-29", "x"], "a day, as in 2027-01-31\n"),
        (&["live", "-", "-w", "/none/x.pcapng"], "tcpstate: /none/x.pcapng: cannot be written: "),
        (&["live", "-", "-o", "/none/x.ndjson"], "tcpstate: /none/x.ndjson: cannot be written: "),
        (&["check", "-o", "x", "y"], "--report table=FILE"),
        (&["check", "--filter", "port 80", "x"], "connections are chosen in a policy"),
        (&["check", "--stuck-after", "5s", "x"], "thresholds are set in a policy"),
        (&["live", "--filter", "port 80"], "the filter stands by itself"),
        (&["live", "a.pcap"], "live: `a.pcap` is no filter\n  `tcpstate analyze a.pcap` reads a capture,"),
        (&["live", "testdata"], "live: `testdata` is no filter\n  `tcpstate analyze testdata` reads a capture\n"),
        (&["analyze", "-"], "tcpstate: standard input: is empty (0 bytes)"),
        (&["live", "-", "-f", "table"], "tcpstate: standard input: is empty (0 bytes)"),
    ] {
        let run = run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.out.is_empty(), "{arguments:?} printed {}", run.out);
        assert!(run.err.contains(says), "{arguments:?} said {}", run.err);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_file_that_cannot_be_written_is_named() {
    for arguments in [["analyze", "testdata/clean.pcapng"], ["live", "-"]] {
        let run = run(&[&arguments[..], &["-f", "ndjson", "-o", "/dev/full"]].concat());
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.err.starts_with("tcpstate: /dev/full: No space left on device"), "{arguments:?}: {}", run.err);
    }
    let capture = std::fs::read("testdata/clean.pcapng").unwrap();
    let run = run_with_input(&["live", "-", "-f", "table", "-w", "/dev/full"], &capture);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.starts_with("tcpstate: /dev/full: No space left on device"), "{}", run.err);
}

#[test]
fn states_are_explained_in_every_spelling() {
    let one = run(&["explain", "CLOSE_WAIT"]);
    assert_eq!(one.code, 0);
    for spelling in ["close-wait", "TCP_CLOSE_WAIT", "closewait"] {
        assert_eq!(run(&["explain", spelling]).out, one.out, "{spelling}");
    }
    insta::assert_snapshot!("explain_close_wait", one.out);
    insta::assert_snapshot!("explain", run(&["explain"]).out);
}

#[test]
fn the_filter_language_is_printed_without_a_file() {
    let run = run(&["analyze", "--filter", "help"]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("portrange A-B"));
}

#[test]
fn completions_and_man_pages_are_generated() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = run(&["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.out.contains("analyze"), "{shell}");
    }
    // What can stand there is offered, and files where one can.
    let zsh = run(&["completions", "zsh"]).out;
    let offered = |what: &str| zsh.lines().find(|line| line.contains(what)).unwrap_or_default();
    let all = run(&["--help"]).out;
    let commands: Vec<&str> = all
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|word| !word.is_empty()))
        .collect();
    assert!(offered("Of this command instead").ends_with(&format!(":({})' \\", commands.join(" "))), "{commands:?}");
    assert!(offered("--report=").contains(":(table junit sarif github gitlab json markdown)"));
    assert!(offered("--fail-on-new").contains(":(info note warning error)"));
    assert!(offered("--interface=").ends_with(":INTERFACE:' \\") && offered("--write=").ends_with(":FILE:_files' \\"));
    assert!(run(&["man"]).out.contains(".TH tcpstate 1"));
    assert!(run(&["man", "analyze"]).out.contains(".TH tcpstate-analyze 1"));
}

#[test]
fn columns_and_colour_are_taken_from_outside() {
    let narrow = finish(program(&["explain", "LISTEN"]).env("COLUMNS", "50"));
    assert!(narrow.out.lines().all(|line| line.chars().count() <= 50), "{}", narrow.out);
    assert!(!narrow.out.contains('\x1b'), "no colours in a pipe");
    assert!(run(&["explain", "LISTEN", "--color", "always"]).out.contains('\x1b'));
    let never = finish(program(&["explain", "LISTEN", "--color", "never"]).env("CLICOLOR_FORCE", "1"));
    assert!(!never.out.contains('\x1b'));
}

/// Some terminals say that they have no columns at all.
#[cfg(unix)]
#[test]
fn a_terminal_without_a_size_has_the_usual_one() {
    let terminal = "import pty, sys; pty.spawn(sys.argv[1:])";
    let arguments = ["-c", terminal, env!("CARGO_BIN_EXE_tcpstate"), "explain", "LISTEN", "--color", "never"];
    let mut command = std::process::Command::new("python3");
    let Ok(out) = command.args(arguments).env_remove("COLUMNS").stdin(std::process::Stdio::null()).output() else {
        assert!(std::env::var_os("CI").is_none(), "cannot run: no python3");
        return eprintln!("cannot run: no python3");
    };
    let text = String::from_utf8(out.stdout).unwrap();
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest.is_some_and(|n| (80..=100).contains(&n)), "{text}");
}
