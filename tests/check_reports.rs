//! The reports of `tcpstate check`: JUnit, SARIF, annotations, JSON, Markdown; several at once.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;
#[path = "common/xml.rs"]
mod xml;

use std::io::Write;
use std::process::Stdio;

use conversation::Conversation;
use program::{Folder, Run, program};
use serde_json::Value;

/// A rule of each verdict and level, names that need escaping.
const POLICY: &str = r#"
[[limit]]
name = "no <leaks> & \"such\": 100%, really"
why = "took us down\nin March"
finding = "close-wait-stuck"

[[limit]]
name = "better none refused"
finding = "syn-refused"
level = "warning"

[[expect]]
name = "database"
where = "server port 5432"
outcome = "closed"

[[expect]]
name = "quick"
handshake = { max = "50ms" }
"#;

fn folder() -> Folder {
    let folder = Folder::new();
    let capture = Conversation::new().refused(40_000).half_closed(40_001).after(120_000_000).closed(40_002);
    folder.file("trace 1.pcap", &capture.bytes);
    folder.file("policy.toml", POLICY.as_bytes());
    folder
}

fn report(kind: &str) -> Run {
    let run = folder().run(&["check", "--today", "2026-06-01", "-p", "policy.toml", "-r", kind, "trace 1.pcap"]);
    assert_eq!((run.code, run.err.as_str()), (1, ""));
    run
}

#[test]
fn several_reports_are_written_at_once() {
    let folder = folder();
    let arguments = ["check", "-p", "policy.toml", "-r", "junit=a.xml", "--report", "sarif=b.sarif", "trace 1.pcap"];
    let run = folder.run(&arguments);
    assert_eq!(run.code, 1);
    assert!(run.out.starts_with("FAIL: trace 1.pcap"), "the table goes to standard output: {}", run.out);
    for name in ["a.xml", "b.sarif"] {
        assert!(std::fs::metadata(folder.path(name)).unwrap().len() > 100, "{name}");
    }
}

#[test]
fn the_first_line_of_the_table_is_wrapped_as_the_others_are() {
    let run = folder().run(&["check", "--width", "40", "trace 1.pcap"]);
    assert!(run.out.starts_with("FAIL: trace 1.pcap against the standard\n  policy ("), "{}", run.out);
    assert!(run.out.lines().all(|line| line.chars().count() <= 40), "{}", run.out);
}

/// One document after another is none that a program can read.
#[test]
fn standard_output_takes_one_report_for_programs() {
    for (kinds, code) in
        [(["json", "junit"], 2), (["table", "json=-"], 2), (["json", "json"], 2), (["table", "github"], 1)]
    {
        let arguments = ["check", "-r", kinds[0], "-r", kinds[1], "trace 1.pcap"];
        let run = folder().run(&arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}", run.err);
        let said = run.err.contains("can't both go to standard output\n  give one of them a file");
        assert_eq!(said, code == 2, "{}", run.err);
    }
}

#[test]
fn no_empty_report_is_left_behind() {
    let folder = folder();
    let check = |second: &str, trace: &str| {
        let run = folder.run(&["check", "-r", "junit=a.xml", "-r", second, trace]);
        (run.code, folder.path("a.xml").exists())
    };
    assert_eq!(check("sarif=no/such/folder/b.sarif", "trace 1.pcap"), (2, false));
    assert_eq!(check("sarif=b.sarif", "nothing.pcap"), (2, false));
    assert!(!folder.path("b.sarif").exists());
}

#[test]
fn no_empty_report_is_left_behind_by_who_is_interrupted() {
    let folder = folder();
    // More than a pipe holds: when it is written the reports have been opened.
    let mut capture = Conversation::new();
    for port in 20_000..21_000 {
        capture = capture.closed(port);
    }
    std::fs::write(folder.path("old.xml"), "old").unwrap();
    let mut check = program(&["check", "-r", "junit=a.xml", "-r", "sarif=old.xml", "-"]);
    let mut child = check.current_dir(folder.path("")).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&capture.bytes).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.path("a.xml").exists());
    assert_eq!(std::fs::read_to_string(folder.path("old.xml")).unwrap(), "old");
}

#[test]
fn captures_are_checked_each_by_itself() {
    let folder = folder();
    folder.file("good.pcap", &Conversation::new().closed(40_000).after(3_000_000).closed(40_001).bytes);
    let kinds = ["-r", "junit=a.xml", "-r", "sarif=b.sarif", "-r", "gitlab=c.json", "-r", "json=d.json"];
    let arguments =
        [&["check", "-p", "policy.toml", "--separately"], &kinds[..], &["good.pcap", "trace 1.pcap"]].concat();
    let run = folder.run(&arguments);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.out.starts_with("can't tell: good.pcap") && run.out.contains("\n\nFAIL: trace 1.pcap"), "{}", run.out);
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap();
    let suites = xml::parse(&read("a.xml")).children;
    assert_eq!(suites.iter().map(|s| s.attribute("id").unwrap()).collect::<Vec<_>>(), ["0", "1"]);
    let json = |name: &str| -> Value { serde_json::from_str(&read(name)).unwrap() };
    // GitHub takes twenty runs at most.
    assert_eq!(json("b.sarif")["runs"].as_array().unwrap().len(), 1);
    let run = &json("b.sarif")["runs"][0];
    let results = run["results"].as_array().unwrap();
    let hash = |result: &Value| result["partialFingerprints"]["primaryLocationLineHash"].to_string();
    assert_eq!(results.iter().map(hash).collect::<std::collections::BTreeSet<_>>().len(), results.len());
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 5);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    // Where all are at a line of the policy, the text says which capture is meant.
    let texts = |name: &str, of: fn(&Value) -> &Value| -> Vec<String> {
        let log = json(name);
        let all = if name == "b.sarif" { log["runs"][0]["results"].clone() } else { log };
        all.as_array().unwrap().iter().map(|one| of(one).to_string()).collect()
    };
    let told = [texts("b.sarif", |r| &r["message"]["text"]), texts("c.json", |i| &i["description"])];
    let github =
        folder.run(&["check", "-p", "policy.toml", "--separately", "-r", "github", "good.pcap", "trace 1.pcap"]);
    let github: Vec<String> = github.out.lines().map(str::to_owned).collect();
    for text in told.iter().flatten().chain(&github) {
        assert!(text.contains("good.pcap: ") || text.contains("trace 1.pcap: "), "{text}");
    }
    assert_eq!(
        (json("d.json")[0]["status"].clone(), json("d.json")[1]["status"].clone()),
        ("unclear".into(), "fail".into())
    );
    assert!(json("c.json").as_array().unwrap().len() >= 3);
}

/// GitHub and GitLab compare names with those in the repository, letter by letter.
#[test]
fn names_in_the_present_folder_are_those_of_the_repository() {
    let folder = folder();
    let report = |kind: &str, policy: &[&str]| {
        folder.run(&[&["check", "--quiet", "--report", kind], policy, &["./trace 1.pcap"]].concat()).out
    };
    let policy = ["-p", "./policy.toml"];
    let issues: Value = serde_json::from_str(&report("gitlab", &policy)).unwrap();
    assert_eq!(issues[0]["location"]["path"], "policy.toml");
    let log: Value = serde_json::from_str(&report("sarif", &policy)).unwrap();
    let uris: Vec<&Value> =
        log["runs"][0]["artifacts"].as_array().unwrap().iter().map(|a| &a["location"]["uri"]).collect();
    assert_eq!(uris, ["policy.toml", "trace%201.pcap"]);
    assert!(report("github", &policy).contains("file=policy.toml,line="));
}

#[test]
fn policies_can_be_read_without_a_capture() {
    let folder = folder();
    let run = folder.run(&["check", "--lint", "policy.toml"]);
    assert_eq!((run.code, run.out.as_str()), (0, "policy.toml: 4 rules, 0 exceptions\n"));
    folder.file("bad.toml", b"[[limit]]\n");
    assert_eq!(folder.run(&["check", "--lint", "policy.toml", "bad.toml"]).code, 2);
}

#[test]
fn text_reports_are_as_they_were() {
    for kind in ["junit", "github", "gitlab", "json", "markdown"] {
        insta::assert_snapshot!(kind, report(kind).out);
    }
}

/// What Jenkins' `junit-10.xsd` and Windy Road's `JUnit.xsd` both ask for.
#[test]
fn junit_is_what_servers_read() {
    let root = xml::parse(&report("junit").out);
    assert_eq!((root.name.as_str(), root.attributes.len(), root.children.len()), ("testsuites", 0, 1));
    let suite = &root.children[0];
    let attributes: Vec<&str> = suite.attributes.iter().map(|(name, _)| name.as_str()).collect();
    let wanted = ["name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time"];
    assert_eq!(attributes, wanted);
    let time = suite.attribute("timestamp").unwrap();
    assert!(time.len() == 19 && time.as_bytes()[10] == b'T', "{time}");
    let order: Vec<&str> = suite.children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(
        order,
        ["properties", "testcase", "testcase", "testcase", "testcase", "testcase", "system-out", "system-err"]
    );
    let cases: Vec<&xml::Element> = suite.children.iter().filter(|child| child.name == "testcase").collect();
    let names: Vec<&str> = cases.iter().filter_map(|case| case.attribute("name")).collect();
    assert_eq!(names[1], "no <leaks> & \"such\": 100%, really");
    let mut found = [0; 3];
    for case in &cases {
        let attributes: Vec<&str> = case.attributes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(attributes, ["name", "classname", "time"]);
        assert!(case.children.len() <= 1);
        for child in &case.children {
            let kind = ["failure", "error", "skipped"].iter().position(|name| *name == child.name).expect("a result");
            assert!(child.attribute("message").is_some() && (kind == 2 || child.attribute("type").is_some()));
            found[kind] += 1;
        }
    }
    assert_eq!(found, [suite.number("failures"), suite.number("errors"), suite.number("skipped")]);
    assert_eq!((suite.number("tests"), found), (5, [1, 1, 1]));
}

/// What the schema of SARIF 2.1.0 requires of the parts that are used, and what its text adds.
#[test]
fn sarif_is_what_servers_read() {
    let log: Value = serde_json::from_str(&report("sarif").out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "tcpstate");
    let rules = driver["rules"].as_array().unwrap();
    let ids: std::collections::BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "ids are unique");
    for rule in rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[text]["text"].as_str().unwrap().is_empty());
        }
        assert!(["error", "warning"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
    }
    let leaks = rules.iter().find(|rule| rule["id"] == "no-leaks-such-100-really").unwrap();
    let explained = tcpstate::detect::find("close-wait-stuck").unwrap();
    for text in [explained.what, explained.why, explained.decided, explained.advice] {
        assert!(leaks["help"]["text"].as_str().unwrap().contains(text));
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let (kind, level) = (result["kind"].as_str().unwrap(), result["level"].as_str().unwrap());
        // §3.27.10: a level other than none goes with kind fail only.
        assert!(kind == "fail" && ["error", "warning"].contains(&level) || kind == "open" && level == "none");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "policy.toml");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
    }
    let uris: Vec<&Value> = run["artifacts"].as_array().unwrap().iter().map(|a| &a["location"]["uri"]).collect();
    assert_eq!(uris, ["policy.toml", "trace%201.pcap"]);
    let failed = results.iter().find(|r| r["level"] == "error").unwrap();
    assert_eq!(failed["properties"]["connection"], 2);
}

#[test]
fn sarif_of_what_could_not_be_read_was_no_success() {
    let folder = folder();
    folder.file("empty.pcap", b"");
    let successful = |captures: &[&str]| {
        let run = folder.run(&[&["check", "-q", "--separately", "-r", "sarif"], captures].concat());
        let log: Value = serde_json::from_str(&run.out).unwrap();
        (run.code, log["runs"][0]["invocations"][0]["executionSuccessful"].clone())
    };
    assert_eq!(successful(&["trace 1.pcap"]), (1, true.into()));
    assert_eq!(successful(&["trace 1.pcap", "empty.pcap"]), (2, false.into()));
}

#[test]
fn annotations_are_one_line_each() {
    for line in report("github").out.lines() {
        let (command, rest) = line.strip_prefix("::").unwrap().split_once(' ').unwrap();
        assert!(["error", "warning", "notice"].contains(&command), "{line}");
        assert!(rest.contains("::"), "{line}");
    }
    let issues: Value = serde_json::from_str(&report("gitlab").out).unwrap();
    let mut fingerprints = std::collections::BTreeSet::new();
    for issue in issues.as_array().unwrap() {
        assert!(fingerprints.insert(issue["fingerprint"].as_str().unwrap()));
        assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&issue["severity"].as_str().unwrap()));
        assert!(issue["description"].is_string() && issue["check_name"].is_string());
    }
}

/// The schema lists exactly the keys that the reader takes.
#[test]
fn the_schema_is_that_of_the_reader() {
    let folder = Folder::new();
    let run = folder.run(&["check", "--schema"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let schema: Value = serde_json::from_str(&run.out).unwrap();
    for section in tcpstate::policy::file::keys::SECTIONS {
        let part = &schema["properties"][section.name];
        let table = if section.many { &part["items"] } else { part };
        for key in section.keys {
            assert_eq!(table["properties"][key.name]["description"], key.meaning, "{}.{}", section.name, key.name);
        }
    }
}
