//! Two captures of the same services at different times: what got better, what got worse.
//!
//! Shares are compared with Fisher's exact test, times with the rank test of Mann and Whitney; nothing of that is called a
//! difference that chance makes often. Findings that only one of both has are told always, as are those that became more
//! severe: one case is enough to look at. All tests of one comparison are corrected together (Holm), so that many services
//! do not make many false alarms. Where there are too few connections to tell, that is said.
//!
//! ```
//! use tcpstate::diff::stats::fisher;
//!
//! // 1 of 100 before, 12 of 100 after: hardly chance. 1 and 4: may well be.
//! assert!(fisher((1, 100), (12, 100)) < 0.01);
//! assert!(fisher((1, 100), (4, 100)) > 0.3);
//! ```
//!
//! | file | holds |
//! |---|---|
//! | [`sample`] | a capture or a saved report, boiled down to what is compared |
//! | [`service`] | which service of one is which of the other |
//! | [`stats`] | the tests |
//! | [`findings`] | findings that came and went |
//! | [`compare`](mod@compare) | all comparisons |
//! | [`output`] | table, JSON, Markdown |

pub mod compare;
pub mod findings;
pub mod output;
pub mod sample;
pub mod service;
pub mod stats;

pub use compare::{Difference, compare};
pub use sample::Sample;
pub use service::Services;
