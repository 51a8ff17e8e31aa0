//! The dashboard on a terminal of its own: whatever ends it, the terminal is as it was before.
#![cfg(unix)]

use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs `tcpstate live -` on a new terminal until `how` has ended it; `None` if that cannot be done here.
fn live(how: &str) -> Option<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/terminal.py");
    let mut command = Command::new("python3");
    command.args([script, how, env!("CARGO_BIN_EXE_tcpstate"), "live", "-"]).stdin(Stdio::null());
    let Ok(out) = command.output() else {
        assert!(std::env::var_os("CI").is_none(), "cannot run: no python3");
        eprintln!("cannot run: no python3");
        return None;
    };
    Some(serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{out:?}")))
}

#[test]
fn whatever_ends_it_gives_the_terminal_back() {
    for how in ["TERM", "INT", "HUP", "key:q", "key:\x03"] {
        let Some(said) = live(how) else { return };
        let text = said["output"].as_str().unwrap();
        assert_eq!((&said["raw"], &said["restored"]), (&true.into(), &true.into()), "{how:?}: {text:?}");
        assert_eq!((&said["cursor"], &said["code"]), (&true.into(), &0.into()), "{how:?}: {text:?}");
        let (opened, left) = (text.find("\x1b[?1049h"), text.rfind("\x1b[?1049l"));
        assert!(opened.is_some() && opened < left, "{how:?}: {text:?}");
        // The report comes after, where it stays.
        assert!(text[left.unwrap()..].contains("no packets"), "{how:?}: {text:?}");
    }
}

#[test]
fn a_second_signal_does_not_wait_and_gives_it_back_all_the_same() {
    let Some(said) = live("TERM,INT") else { return };
    let text = said["output"].as_str().unwrap();
    assert_eq!((&said["restored"], &said["cursor"]), (&true.into(), &true.into()), "{text:?}");
    assert!(text.contains("\x1b[?1049l"), "{text:?}");
    // The end that the first one asked for may have come first.
    assert!([0, 130].map(Value::from).contains(&said["code"]), "{said}");
}
