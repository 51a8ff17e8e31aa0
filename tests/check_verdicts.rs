//! `tcpstate check` from the outside: policies × captures, exit codes, what it prints.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use conversation::Conversation;
use program::{Folder, Run};

/// The captures of the matrix.
fn captures() -> [(&'static str, Vec<u8>); 5] {
    let good = Conversation::new().closed(40_000).after(50_000).closed(40_001).after(3_000_000).closed(40_002);
    let refused = Conversation::new().closed(40_000).after(50_000).refused(40_001).after(50_000).closed(40_002);
    // The server keeps its socket for two minutes while others come and go.
    let stuck = Conversation::new().closed(40_000).after(50_000).half_closed(40_001).after(120_000_000).closed(40_002);
    let short = Conversation::new().closed(40_000).after(50_000).half_closed(40_001);
    let one_way = Conversation::new()
        .segment(40_000, true, 100, 0, conversation::SYN, b"")
        .after(9_000)
        .segment(40_000, true, 101, 501, conversation::ACK, b"hello")
        .after(9_000)
        .segment(40_000, true, 106, 507, conversation::FIN, b"")
        .after(9_000)
        .segment(40_000, true, 107, 508, conversation::ACK, b"");
    [
        ("good.pcap", good.bytes),
        ("refused.pcap", refused.bytes),
        ("stuck.pcap", stuck.bytes),
        ("short.pcap", short.bytes),
        ("one-way.pcap", one_way.bytes),
    ]
}

const POLICIES: [(&str, &str); 6] = [
    (
        "findings.toml",
        "[[limit]]\nname = \"no leaks\"\nwhy = \"it took us down in March\"\nfinding = \"close-wait-stuck\"\n\n\
         [[limit]]\nname = \"hardly any warnings\"\nseverity = \"warning\"\nmax = \"40%\"\n",
    ),
    (
        "closes.toml",
        "[[expect]]\nname = \"web closes cleanly\"\nwhere = \"server port 80\"\noutcome = \"closed\"\nclosed-first = \"client\"\n\
         never = [\"server.FIN_WAIT_1\", \"CLOSING\"]\nends-in = [\"CLOSED\", \"TIME_WAIT\", \"LAST_ACK\"]\n",
    ),
    (
        "timing.toml",
        "[[expect]]\nname = \"handshakes are quick\"\nhandshake = { p50 = \"20ms\", max = \"50ms\" }\n\n\
         [[expect]]\nname = \"servers let go\"\ntime-in = { state = \"server.CLOSE_WAIT\", max = \"1s\" }\n\n\
         [[expect]]\nname = \"three at most\"\ncount = { min = 1, max = 3 }\n",
    ),
    (
        "elsewhere.toml",
        "[[expect]]\nname = \"database\"\nwhere = \"server port 5432\"\noutcome = \"closed\"\n\n\
         [[expect]]\nname = \"cache\"\nwhere = \"server port 6379\"\noutcome = \"closed\"\nif-none = \"pass\"\n",
    ),
    (
        "allowed.toml",
        "[[limit]]\nname = \"none refused\"\nfinding = [\"syn-refused\", \"close-wait-stuck\"]\n\n\
         [[allow]]\nfinding = \"O02\"\nwhere = \"client port 40001\"\nreason = \"probes of the balancer\"\nexpires = 2027-01-31\n",
    ),
    (
        "advice.toml",
        "[[limit]]\nname = \"better none refused\"\nfinding = \"syn-refused\"\nlevel = \"warning\"\n\n\
         [capture]\nmin-connections = 2\n",
    ),
];

fn folder() -> Folder {
    let folder = Folder::new();
    for (name, bytes) in captures() {
        folder.file(name, &bytes);
    }
    for (name, text) in POLICIES {
        folder.file(name, text.as_bytes());
    }
    folder
}

fn check(folder: &Folder, arguments: &[&str]) -> Run {
    folder.run(&[&["check", "--today", "2026-06-01"], arguments].concat())
}

#[test]
fn every_policy_meets_every_capture() {
    let folder = folder();
    let mut told = String::new();
    for (policy, _) in POLICIES {
        for (capture, _) in captures() {
            let run = check(&folder, &["--policy", policy, capture]);
            assert_eq!(run.err, "", "{policy} {capture}");
            told.push_str(&format!("--- {policy} {capture}: exit {}\n{}", run.code, run.out));
        }
    }
    insta::assert_snapshot!("matrix", told);
}

#[test]
fn exit_codes_tell_pass_fail_and_not_telling_apart() {
    let folder = folder();
    let codes = |policy: &str| captures().map(|(capture, _)| check(&folder, &["-q", "-p", policy, capture]).code);
    //                                      good refused stuck short one-way
    assert_eq!(codes("findings.toml"), [0, 0, 1, 3, 3]);
    assert_eq!(codes("closes.toml"), [0, 1, 1, 3, 3]);
    assert_eq!(codes("elsewhere.toml"), [3, 3, 3, 3, 3]);
    assert_eq!(codes("allowed.toml"), [0, 0, 1, 3, 3]);
    assert_eq!(codes("advice.toml"), [0, 0, 0, 0, 3]);
}

#[test]
fn without_a_policy_warnings_and_errors_fail() {
    let folder = folder();
    let codes = captures().map(|(capture, _)| check(&folder, &["-q", capture]).code);
    assert_eq!(codes, [0, 1, 1, 3, 3]);
    let told = check(&folder, &["stuck.pcap"]).out;
    let told = told.split("pass        no ").next().unwrap();
    insta::assert_snapshot!("standard_policy", told.trim_end());
}

#[test]
fn the_usual_policy_is_taken_where_it_lies() {
    let folder = folder();
    folder.file("tcpstate.toml", POLICIES[3].1.as_bytes());
    let run = check(&folder, &["good.pcap"]);
    assert_eq!(run.code, 3);
    assert!(run.out.starts_with("can't tell: good.pcap against tcpstate.toml"), "{}", run.out);
}

#[test]
fn mistakes_are_pointed_at() {
    let mistakes = [
        "[[limit]]\nname = \"x\"\nfinding = \"close-wait-stuk\"\n",
        "[[limit]]\nname = \"x\"\nfindng = \"close-wait-stuck\"\n",
        "[[limits]]\nname = \"x\"\n",
        "[[limit]]\nfinding = \"close-wait-stuck\"\n",
        "[[limit]]\nname = \"x\"\n",
        "[limit]\nname = \"x\"\n",
        "[[expect]]\nname = \"x\"\nnever = [\"CLOSE_WAIT\", \"CLOSE_WIAT\"]\n",
        "[[expect]]\nname = \"x\"\nwhere = \"server prot 80\"\noutcome = \"closed\"\n",
        "[[expect]]\nname = \"x\"\nhandshake = { p96 = \"10ms\" }\n",
        "[[expect]]\nname = \"x\"\nhandshake = { p95 = \"10\" }\n",
        "[[expect]]\nname = \"x\"\nhandshake = \"10ms\"\n",
        "[[expect]]\nname = \"x\"\nwhy = \"y\"\n",
        "[[expect]]\nname = \"x\"\noutcome = \"closed\"\n\n[[limit]]\nname = \"x\"\nfinding = \"C01\"\n",
        "[[allow]]\nfinding = \"C01\"\n",
        "[[allow]]\nfinding = \"C01\"\nreason = \"z\"\nexpires = \"soon\"\n",
        "[[allow]]\nrule = \"y\"\nreason = \"z\"\n",
        "[thresholds]\ntime-wait-exces = 200\n",
        "[thresholds]\nclose-wait-stuck = 200\n",
        "[thresholds]\nclose-wait-stuck = \"5 s; 6 s\"\n",
        "[capture]\nmax-missing = 1\n",
        "[[limit]]\nname = \"x\"\nfinding = \"C01\"\nmax = -1\n",
        "[[limit]]\nname = \"x\"\nfinding = \"C01\"\neach = \"port\"\n",
        "[[limit]]\nname = \"x\"\nfinding = \"C01\"\nwhere = \"port 80 and finding Rst_abrt\"\n",
        "[[limit]]\nname = \"x\"\nfinding = \"C01\"\nwhere = \"not finding O13\"\n",
        "[[expect]]\nname = \"x\"\nnever = \"client.CLOSE_WIAT\"\n",
        "[[expect]]\nname = \"x\"\ncount = { min = 5, max = 1 }\n",
        "[[expect]]\nname = \"x\"\ncount = {}\n",
        "[[allow]]\nfinding = \"C01\"\nreason = \"z\"\n",
        "[[limit]]\nname = \"x\"\nfinding = \"C02\"\n\n[[allow]]\nfinding = \"C01\"\nreason = \"z\"\n",
        "[[limit]]\nname = \"x\"\nfinding = \"C02\"\n\n[[allow]]\nrule = \"else\"\nreason = \"z\"\n",
        "[capture]\ncomplete = \"yes\"\n",
        "version = 2\n",
        "name = \n",
        "[[limit]\n",
    ];
    let folder = folder();
    let mut told = String::new();
    for text in mistakes {
        folder.file("bad.toml", text.as_bytes());
        let run = check(&folder, &["-p", "bad.toml", "good.pcap"]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{text}");
        told.push_str(&run.err);
        told.push('\n');
    }
    insta::assert_snapshot!("mistakes", told);
}

#[test]
fn exceptions_expire() {
    let folder = folder();
    let on = |day: &str| folder.run(&["check", "--today", day, "-p", "allowed.toml", "refused.pcap"]);
    assert_eq!(on("2027-01-31").code, 0);
    assert!(on("2027-01-31").out.contains("expires on 2027-01-31: probes of the balancer"));
    let late = on("2027-02-01");
    assert_eq!(late.code, 1);
    assert!(late.out.contains("expired on 2027-01-31: probes of the balancer"), "{}", late.out);
    let unused = folder.run(&["check", "--today", "2026-06-01", "-p", "allowed.toml", "good.pcap"]);
    assert!(unused.out.contains("was not needed"), "{}", unused.out);
}

/// A finding that only many connections together show counts for those that are not excepted.
#[test]
fn exceptions_cover_what_only_many_connections_show() {
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/accept_queue.pcap");
    let folder = folder();
    for (scope, code, told) in [
        ("", 0, "(3 excepted)"),
        ("where = \"server port 80\"\n", 0, "(3 excepted)"),
        ("where = \"client port 40004\"\n", 1, "2 of 6 connections (none is allowed) (1 excepted)\n"),
        ("expires = 2026-01-31\n", 1, "expired on 2026-01-31"),
    ] {
        let limit = "[[limit]]\nname = \"queues\"\nfinding = \"accept-queue-drops\"\n";
        let policy = format!("{limit}[[allow]]\nfinding = \"O13\"\nreason = \"known\"\n{scope}");
        folder.file("queues.toml", policy.as_bytes());
        let run = check(&folder, &["-p", "queues.toml", capture]);
        assert_eq!(run.code, code, "{scope}: {}", run.out);
        assert!(run.out.contains(told) && !run.out.contains("not needed"), "{scope}: {}", run.out);
    }
}

/// A limit counts connections, however many findings they show, alone or together.
#[test]
fn connections_count_once() {
    let folder = folder();
    folder.file("calm.toml", b"[[limit]]\nname = \"calm\"\nseverity = \"info\"\n");
    for (capture, told) in [
        ("accept_queue.pcap", "FAIL        calm: 4 of 6 connections (none is allowed)"),
        ("trouble.pcap", "FAIL        calm: 15 of 20 connections (none is allowed)"),
    ] {
        let capture = format!("{}/testdata/{capture}", env!("CARGO_MANIFEST_DIR"));
        let run = check(&folder, &["-p", "calm.toml", "-r", "json=calm.json", &capture]);
        // The first line names the capture, and is wrapped where that lies deep.
        assert_eq!(run.out.lines().find(|line| line.contains("calm: ")), Some(told));
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.path("calm.json")).unwrap()).unwrap();
        let rule = &json["rules"][1];
        assert!(rule["message"].as_str().unwrap().starts_with(&format!("{} of", rule["offending"])), "{rule}");
    }
}

/// What only many connections show is no more certain than what one does where the capture misses a part.
#[test]
fn a_doubtful_finding_of_many_connections_cannot_be_told() {
    let mut all = Conversation::new();
    for port in 41_000..41_030 {
        all = if port % 4 == 0 { all.refused(port) } else { all.closed(port) }.after(10_000);
    }
    let all = all.after(4_000_000).closed(42_000);
    let whole = all.bytes.clone();
    let lossy = all
        .segment(40_000, true, 100, 0, conversation::SYN, b"")
        .segment(40_000, false, 500, 101, conversation::SYN_ACK, b"")
        .segment(40_000, true, 101, 501, conversation::ACK, &[0; 200])
        .segment(40_000, false, 501, 801, conversation::ACK, b"")
        .segment(40_000, true, 801, 501, conversation::ACK, &[0; 200])
        .segment(40_000, false, 501, 1001, conversation::ACK, b"");
    let folder = folder();
    folder.file("whole.pcap", &whole);
    folder.file("lossy.pcap", &lossy.bytes);
    let policy =
        "[capture]\nmax-missing = \"100%\"\n[[limit]]\nname = \"x\"\nfinding = \"A01\"\nseverity = \"warning\"\n";
    folder.file("success.toml", policy.as_bytes());
    let told = |capture: &str| {
        let run = check(&folder, &["-p", "success.toml", capture]);
        (run.code, run.out.lines().nth(1).unwrap().to_owned())
    };
    assert_eq!(told("whole.pcap"), (1, "FAIL        x: 8 of 31 connections (none is allowed)".to_owned()));
    assert_eq!(told("lossy.pcap"), (3, "can't tell  x: none seen in 32 connections, 8 may".to_owned()));
}

/// Every cause that a report names can be allowed by that name.
#[test]
fn causes_of_resets_are_allowed_as_they_are_called() {
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/trouble.pcap");
    let folder = folder();
    let allowing = |causes: &str| {
        let policy = format!("[[expect]]\nname = \"resets\"\nreset-causes = [\"unread-data\", \"abort\"{causes}]\n");
        folder.file("resets.toml", policy.as_bytes());
        check(&folder, &["-p", "resets.toml", capture])
    };
    let some = allowing("");
    assert!(some.code == 1 && some.out.contains("reset (write-after-fin): "), "{}", some.out);
    assert_eq!(allowing(", \"write-after-fin\", \"refused\"").code, 0);
    // No RST is told to have it.
    assert!(allowing(", \"orphan\"").err.contains("no-socket, "));
}

/// Neither a capture nor the policy is overwritten by a report, nor a report by another.
#[test]
fn reports_spare_what_is_read() {
    let folder = folder();
    let good = &captures()[0].1;
    std::fs::create_dir(folder.path("all")).unwrap();
    folder.file("all/good.pcap", good);
    for (report, input, says) in [
        ("json=good.pcap", "good.pcap", "good.pcap: is the input"),
        ("json=./good.pcap", "good.pcap", "./good.pcap: is the input"),
        ("json=all/good.pcap", "all", "all/good.pcap: is the input"),
        ("json=closes.toml", "good.pcap", "closes.toml: is the input"),
        ("sarif=x", "good.pcap", "two reports to the same file, x"),
    ] {
        let run = folder.run(&["check", "-p", "closes.toml", "-r", "junit=x", "-r", report, input]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{report}");
        assert!(run.err.contains(says), "{report}: {}", run.err);
    }
    for file in ["good.pcap", "all/good.pcap"] {
        assert_eq!(&std::fs::read(folder.path(file)).unwrap(), good, "{file}");
    }
    let beside = ["check", "-q", "-r", "json=all/report.json", "all"];
    assert_eq!([folder.run(&beside).code, folder.run(&beside).code], [0, 0]);
}

#[test]
fn what_cannot_be_done_exits_with_2() {
    let folder = folder();
    for (arguments, says) in [
        (&["check"][..], "FILE"),
        (&["check", "none.pcap"], "none.pcap"),
        (&["check", "-p", "none.toml", "good.pcap"], "none.toml"),
        (
            &["check", "-r", "xml", "good.pcap"],
            "--report: `xml` is no kind of report; use table, junit, sarif, github, gitlab, json, markdown\n",
        ),
        (&["check", "-r", "junit=", "good.pcap"], "no file after"),
        (&["check", "good.pcap", "findings.toml"], "findings.toml"),
    ] {
        let run = folder.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.err);
        assert!(run.err.contains(says), "{arguments:?}: {}", run.err);
    }
}

/// Checked by itself, what cannot be read keeps nothing from the others, and has its place in the report.
#[test]
fn one_that_cannot_be_read_leaves_the_others_their_verdicts() {
    let folder = folder();
    let run = folder.run(&["check", "--separately", "-q", "-r", "json", "good.pcap", "none.pcap", "refused.pcap"]);
    assert_eq!((run.code, run.err.lines().count()), (2, 1), "{}", run.err);
    let all: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let told = |i: usize| (all[i]["status"].as_str().unwrap(), all[i]["rules"][0]["message"].as_str().unwrap());
    assert_eq!([told(0).0, told(1).0, told(2).0], ["pass", "unclear", "fail"]);
    assert!(told(1).1.starts_with("none.pcap cannot be opened: "), "{}", told(1).1);
}

#[test]
fn a_damaged_capture_cannot_tell() {
    let folder = folder();
    let mut bytes = captures()[0].1.clone();
    bytes.truncate(bytes.len() - 3);
    folder.file("cut.pcap", &bytes);
    let run = check(&folder, &["cut.pcap"]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("capture quality: cut.pcap is not whole"), "{}", run.out);
    folder.file("cut.toml", b"[capture]\ncomplete = false\n");
    assert_eq!(check(&folder, &["-p", "cut.toml", "cut.pcap"]).code, 0);
}

/// A policy without rules passes whatever there is, and says so.
#[test]
fn a_policy_without_rules_says_that_it_judges_nothing() {
    let folder = folder();
    folder.file("empty.toml", b"version = 1\n");
    let run = check(&folder, &["-p", "empty.toml", "refused.pcap"]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("note: the policy has neither [[limit]] nor [[expect]]"), "{}", run.out);
}

#[test]
fn expectations_are_counted_as_limits_are() {
    let folder = folder();
    let policy = "version = 1
[[limit]]
name = \"no refusals\"
finding = \"syn-refused\"
[[expect]]
name = \"some\"
count = { min = 1 }
[[expect]]
name = \"all closed\"
outcome = \"closed\"
[[expect]]
name = \"many\"
count = { min = 1000 }
level = \"warning\"
[[expect]]
name = \"elsewhere\"
where = \"port 9\"
outcome = \"closed\"
";
    folder.file("counted.toml", policy.as_bytes());
    let told = |report: &str| check(&folder, &["-p", "counted.toml", "-r", report, "refused.pcap"]).out;
    let json: serde_json::Value = serde_json::from_str(&told("json")).unwrap();
    assert_eq!(json["counts"], serde_json::json!({"fail": 2, "unclear": 1, "warning": 1, "pass": 2}));
    for report in ["table", "markdown", "junit", "github"] {
        let told = told(report).replace("&apos;", "'");
        assert!(told.contains("2 failed, 1 can't tell, 1 warning, 2 passed"), "{told}");
    }
}

/// Who scrolls back to what failed has not to pass every rule that did not.
#[test]
fn rules_that_passed_alike_are_told_together() {
    let run = folder().run(&["check", "refused.pcap"]);
    let words = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(" no mtu-black-hole, no request-unanswered, no zero-window-stall,"), "{}", run.out);
    assert_eq!(words.matches(" pass ").count(), 2, "the capture, and all rules: {}", run.out);
    assert!(run.out.lines().all(|line| !line.ends_with(" no")), "{}", run.out);
}
