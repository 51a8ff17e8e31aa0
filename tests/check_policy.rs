//! The documented policy, and what a policy means, without the program around it.

use tcpstate::policy::Policy;
use tcpstate::policy::file::keys::SECTIONS;
use tcpstate::policy::model::{Amount, Condition, Test};

fn documented() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/policy.toml");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_documented_policy_can_be_read_and_has_every_key() {
    let text = documented();
    let policy = Policy::read("policy.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((policy.rules.len(), policy.allowances.len()), (8, 2));
    for section in SECTIONS {
        let head = if section.many { format!("[[{}]]", section.name) } else { format!("[{}]", section.name) };
        let parts: Vec<&str> = text.split("\n[").map(str::trim).collect();
        let of_section: Vec<&&str> = parts.iter().filter(|part| format!("[{part}").starts_with(&head)).collect();
        assert!(!of_section.is_empty(), "{head}");
        // What limits and expectations have in common is shown once.
        let rules: Vec<&&str> =
            parts.iter().filter(|part| part.starts_with("[limit") || part.starts_with("[expect")).collect();
        for key in section.keys {
            let has = |part: &&&str| part.lines().any(|line| line.starts_with(&format!("{} =", key.name)));
            assert!(of_section.iter().any(has) || section.many && rules.iter().any(has), "{} in {head}", key.name);
        }
    }
}

#[test]
fn rules_stand_in_the_order_of_the_file() {
    let policy = Policy::read("policy.toml", &documented()).unwrap();
    let lines: Vec<u32> = policy.rules.iter().filter_map(|rule| rule.line).collect();
    assert!(lines.len() == 8 && lines.is_sorted(), "{lines:?}");
    assert_eq!(policy.rules[0].name, "the proxy never leaks CLOSE_WAIT");
}

#[test]
fn values_mean_what_they_say() {
    let policy = Policy::read("policy.toml", &documented()).unwrap();
    let Test::Limit(limit) = &policy.rules[1].test else { panic!("a limit") };
    assert_eq!(
        (limit.codes.as_slice(), limit.max),
        (&["R01", "R02"][..], Amount::Share(tcpstate::policy::model::Share(20_000)))
    );
    let Test::Expect(expect) = &policy.rules[4].test else { panic!("an expectation") };
    let Condition::Handshake(quantiles) = &expect.conditions[0] else { panic!("a handshake") };
    let millis: Vec<(&str, i64)> = quantiles.iter().map(|(q, span)| (q.name(), span.0 / 1_000_000)).collect();
    assert_eq!(millis, [("p50", 20), ("p95", 50), ("max", 1_000)]);
}

/// As reports write them, so that they can be copied.
#[test]
fn durations_may_have_blanks() {
    let policy = |limit: &str| {
        let text = format!("[[expect]]\nname = \"x\"\nhandshake = {{ max = \"{limit}\" }}\n");
        Policy::read("p.toml", &text).map(|policy| format!("{:?}", policy.rules[0].test)).ok()
    };
    assert_eq!(policy("3 min 20 s"), policy("200s"));
    assert_eq!(policy("1 day"), policy("24h"));
    assert!(policy("200s").is_some() && policy("200").is_none());
}

#[test]
fn a_finding_that_there_is_not_is_no_condition() {
    let policy = "[[expect]]\nname = \"calm\"\nwhere = \"not finding close-wiat-stuck\"\noutcome = \"closed\"\n";
    let error = Policy::read("p.toml", policy).unwrap_err().to_string();
    assert!(error.contains("close-wiat-stuck") && error.contains("did you mean `close-wait-stuck`?"), "{error}");
}
