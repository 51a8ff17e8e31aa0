//! A policy made from good captures of a real TCP stack, held against bad ones: the right rule finds the right
//! connections, by what the kernel says of them.

#[path = "common/program.rs"]
mod program;
#[path = "common/shared.rs"]
mod shared;

use std::collections::BTreeSet;
use std::path::Path;

use program::Folder;
use serde_json::Value;

/// `10.0.0.1:40000 → 10.0.0.2:80` of every connection that bears one of `labels` under `key`.
fn labelled(scenario: &Value, keys: &[&str], labels: &[&str]) -> BTreeSet<String> {
    let bears = |c: &&Value| {
        let has = |key: &&str| {
            c[*key].as_array().is_some_and(|all| all.iter().any(|l| labels.contains(&l.as_str().unwrap_or(""))))
        };
        keys.iter().any(has)
    };
    let end = |c: &Value, side: &str| format!("{}:{}", c[side]["addr"].as_str().unwrap(), c[side]["port"]);
    let all = scenario["connections"].as_array().unwrap();
    all.iter().filter(bears).map(|c| format!("{} → {}", end(c, "client"), end(c, "server"))).collect()
}

/// Exit code and, for `rule`, its status and the connections that offend.
fn verdict(folder: &Folder, capture: &str, rule: &str) -> (i32, String, BTreeSet<String>) {
    let run = folder.run(&["check", "--today", "2026-06-01", "-p", "tcpstate.toml", "-r", "json", capture]);
    let json: Value = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.err));
    let rules = json["rules"].as_array().unwrap();
    let rule = rules.iter().find(|r| r["name"] == rule).unwrap_or_else(|| panic!("no rule {rule}"));
    let offences = rule["offences"].as_array().unwrap();
    let who = offences.iter().map(|o| o["who"].as_str().unwrap().to_owned()).collect();
    (run.code, rule["status"].as_str().unwrap().to_owned(), who)
}

fn policy_of(truth: &Path, folder: &Folder, good: &str, thresholds: &str) {
    let written = folder.run(&["check", "--init", &shared::capture(truth, good, "router")]);
    assert_eq!(written.code, 0, "{}", written.err);
    folder.file("tcpstate.toml", format!("{}\n{thresholds}", written.out).as_bytes());
}

#[test]
fn a_policy_of_a_good_capture_passes_there() {
    let Some(truth) = shared::truth() else { return };
    for good in [
        "normal_client_close",
        "normal_server_close",
        "three_segment_close",
        "basic_v6",
        "mix_clean",
        "many_time_wait_client",
    ] {
        let folder = Folder::new();
        policy_of(&truth, &folder, good, "");
        let run = folder.run(&["check", &shared::capture(&truth, good, "router")]);
        assert_eq!(run.code, 0, "{good}: {}", run.out);
    }
}

#[test]
fn a_bad_capture_fails_the_right_rule_at_the_right_connections() {
    let Some(truth) = shared::truth() else { return };
    let cases = [
        ("crash_unread", "no rst-abort", &["rst_abort", "rst_linger"][..]),
        ("linger0", "no rst-abort", &["rst_abort", "rst_linger"]),
        ("syn_refused", "no syn-refused", &["syn_refused"]),
        ("rst_after_close", "no rst-after-close", &["rst_after_close"]),
        ("close_wait_stuck", "no close-wait-stuck", &["close_wait_stuck"]),
        ("zero_window", "no zero-window-stall", &["zero_window_stall"]),
        ("rst_half_open", "no half-open-dead-peer", &["half_open_dead_peer"]),
    ];
    let folder = Folder::new();
    // The captures are short: what waits is stuck after two seconds.
    policy_of(&truth, &folder, "normal_client_close", "[thresholds]\nstuck-after = \"2s\"\n");
    for (bad, rule, labels) in cases {
        let scenario = shared::scenario(&truth, bad);
        let (code, status, offenders) = verdict(&folder, &shared::capture(&truth, bad, "router"), rule);
        assert_eq!((code, status.as_str()), (1, "fail"), "{bad}");
        let wanted = labelled(&scenario, &["labels"], labels);
        let allowed = labelled(&scenario, &["labels", "labels_optional"], labels);
        assert!(wanted.is_subset(&offenders), "{bad}: {wanted:?} in {offenders:?}");
        assert!(offenders.is_subset(&allowed), "{bad}: {offenders:?} in {allowed:?}");
    }
}

#[test]
fn captures_that_show_too_little_do_not_pass() {
    let Some(truth) = shared::truth() else { return };
    let folder = Folder::new();
    folder.file("tcpstate.toml", b"[[limit]]\nname = \"none is aborted\"\nfinding = \"keepalive-timeout\"\n");
    for blind in ["mix_capdrop", "mix_asymmetric"] {
        let run = folder.run(&["check", &shared::capture(&truth, blind, "router")]);
        assert_eq!(run.code, 3, "{blind}: {}", run.out);
    }
    for seeing in ["mix_clean", "mix_loss20", "mix_reorder", "mix_snap96"] {
        let run = folder.run(&["check", &shared::capture(&truth, seeing, "router")]);
        assert_eq!(run.code, 0, "{seeing}: {}", run.out);
    }
}
