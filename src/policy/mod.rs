//! Policies: what a capture must show to pass, and the verdict on each of its rules.
//!
//! A policy is a TOML file of named rules: limits on findings, and assertions about connections. A rule passes, fails, or
//! cannot be told: a capture that shows too little (lost packets, one direction, too short) never passes by blindness.
//! Evaluation is pure: a policy, a report and a date in, verdicts out.
//!
//! ```
//! use tcpstate::policy::Policy;
//!
//! let text = "[[expect]]\nname = 'web closes cleanly'\nwhere = 'server port 443'\noutcome = 'closed'\n";
//! assert_eq!(Policy::read("tcpstate.toml", text).unwrap().rules.len(), 1);
//! let error = Policy::read("tcpstate.toml", "[[limit]]\nname = 'leaks'\nfinding = 'close-wait-stuk'\n").unwrap_err();
//! assert!(error.to_string().contains("did you mean `close-wait-stuck`?"));
//! ```
//!
//! | file | holds |
//! |---|---|
//! | [`model`] | a policy as data |
//! | [`file`](mod@file) | TOML to a policy, with errors that point; the schema for editors |
//! | [`judge`](mod@judge) | a report against a policy |
//! | [`init`] | a policy from a capture known to be good |
//! | [`output`] | verdicts as text, JUnit, SARIF, annotations, JSON, Markdown |

pub mod file;
pub mod init;
pub mod judge;
pub mod model;
pub mod output;

pub use file::{PolicyError, schema};
pub use judge::{Judgement, RuleVerdict, Status, judge};
pub use model::Policy;
