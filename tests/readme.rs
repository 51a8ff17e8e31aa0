//! The README is true: every command in a `console` block is run in the repository's folder and its output compared.
//!
//! A line `…` stands for any number of lines, also none. What the program writes to standard error comes after what it
//! writes to standard output. When an output changes on purpose:
//!
//! ```text
//! README_REFRESH=1 cargo test --test readme
//! ```
//!
//! writes the present outputs into the README; blocks with `…` that no longer fit come in full, to be cut by hand.

#[path = "common/program.rs"]
mod program;

use std::path::PathBuf;
use std::process::Command;

use program::finish;

const ELISION: &str = "…";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// The fenced blocks of a language, as ranges of line numbers without the fences.
fn blocks(text: &str, language: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut open = None;
    for (i, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some((start, true))) => found.push(start..i),
            (Some(_), Some((_, false))) => {}
            (Some(tag), None) => open = Some((i + 1, tag == language)),
            (None, still) => open = still,
        }
    }
    found
}

/// Runs one line of shell with the program on the path.
fn shell(line: &str) -> Vec<String> {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_tcpstate"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("PATH", path).current_dir(root()).stdin(std::process::Stdio::null());
    for name in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TZ"] {
        command.env_remove(name);
    }
    let run = finish(&mut command);
    format!("{}{}", run.out, run.err).lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Whether `actual` is what `expected` says, elisions and all.
fn fits(expected: &[&str], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((first, rest)) if first.trim() == ELISION => (0..=actual.len()).any(|n| fits(rest, &actual[n..])),
        Some((first, rest)) => actual.split_first().is_some_and(|(line, others)| line == first && fits(rest, others)),
    }
}

#[test]
fn the_outputs_are_what_the_commands_print() {
    let text = readme();
    let lines: Vec<&str> = text.lines().collect();
    let mut fresh: Vec<String> = Vec::new();
    let mut wrong = Vec::new();
    let mut done = 0;
    for block in blocks(&text, "console") {
        fresh.extend(lines[done..block.start].iter().map(|line| line.to_string()));
        done = block.end;
        let mut at = block.start;
        while at < block.end {
            let command = lines[at].strip_prefix("$ ").unwrap_or_else(|| panic!("line {}: no command", at + 1));
            let end = (at + 1..block.end).find(|i| lines[*i].starts_with("$ ")).unwrap_or(block.end);
            let (expected, actual) = (&lines[at + 1..end], shell(command));
            fresh.push(lines[at].to_owned());
            if fits(expected, &actual) {
                fresh.extend(expected.iter().map(|line| line.to_string()));
            } else {
                wrong.push(format!("line {}: $ {command}\n{}\n", at + 1, actual.join("\n")));
                fresh.extend(actual);
            }
            at = end;
        }
    }
    fresh.extend(lines[done..].iter().map(|line| line.to_string()));
    if std::env::var_os("README_REFRESH").is_some() {
        std::fs::write(root().join("README.md"), fresh.join("\n") + "\n").unwrap();
        return;
    }
    let hint = "README_REFRESH=1 cargo test --test readme writes the present outputs into the README";
    assert!(wrong.is_empty(), "the README shows something else for\n\n{}\n{hint}", wrong.join("\n"));
}

/// The commands of a fresh machine, and that the continuous-integration run goes through the same ones.
#[test]
fn the_set_up_commands_are_those_of_the_ci_run() {
    let run = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    let text = readme();
    for command in ["cargo run --release -- analyze testdata/trouble.pcap", "cargo test"] {
        assert!(text.lines().any(|line| line == command), "README.md has no line `{command}`");
        assert!(
            run.lines().any(|line| line.split(" 2>&1").next() == Some(command)),
            ".ci/run does not run `{command}`"
        );
    }
}

/// Options in example commands, also of those that no test can run.
#[test]
fn options_that_are_named_exist() {
    let text = readme();
    let help = shell("tcpstate --help");
    let commands = help.iter().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    assert!(names.contains(&"analyze"), "{names:?}");
    let lines: Vec<&str> = text.lines().collect();
    let examples = ["sh", "console"].map(|language| blocks(&text, language)).concat();
    for line in examples.into_iter().flatten().map(|i| lines[i]) {
        for call in line.split("tcpstate ").skip(1) {
            let words: Vec<&str> = call.split(['|', '>', ';']).next().unwrap().split_whitespace().collect();
            let Some(name) = words.first().filter(|word| names.contains(word)) else { continue };
            let help = shell(&format!("tcpstate {name} --help")).join("\n");
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let option = option.split(['=', '`']).next().unwrap();
                assert!(help.contains(option), "`{line}`: {name} has no {option}");
            }
        }
    }
}

/// The crate's documentation says of every module where to look.
#[test]
fn the_crate_documentation_names_every_module() {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for module in text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(text.contains(&format!("[`{module}`]")), "src/lib.rs does not say what {module} is for");
    }
}
