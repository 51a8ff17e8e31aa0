//! The report model: what every renderer shows, in the shapes of the JSON contract (`tcpstate/1`).
//!
//! Everything here is plain data. It is built from tracked connections at the end of their life and handed to a
//! renderer; nothing in it refers back to the tracker. Absent means unknown: there are no made-up zeros.
//!
//! A later version may add fields, and words where the type says so (`#[non_exhaustive]`): patterns on these types end in `..` or
//! `_`, and what is built of them takes the rest from `Default` where there is one.
//!
//! | file | holds |
//! |---|---|
//! | [`model`] | the report, its connections, their histories and findings |
//! | [`side`], [`severity`], [`vantage`] | the words for ends, grades and places |
//! | [`ending`], [`course`] | how a connection ended; how that follows from its histories |
//! | [`timing`], [`spent`] | where the time went; how much was spent in each state |
//! | [`ends`] | what two captures of the same traffic tell |
//! | [`row`] | a connection as one of many |
//! | [`selected`], [`settings`] | what of the capture was asked for; what the report was made with |
//! | [`passage`], [`by_the_book`], [`lone`] | an end that is only to be written; both of a textbook connection; lone SYNs in short |
//! | [`findings`], [`carried`], [`facts`] | findings as a list; the connections of those that only many show; facts in JSON |
//! | [`totals`], [`peaks`], `moves` | all connections added up; the most in a state at one time, and how it is found |
//! | [`rollup`], `sum`, [`directory`], `gather` | added up per host and service; one of these; their numbers; sums by number |
//! | [`number`] | counts in words |

pub mod by_the_book;
pub mod carried;
pub mod course;
pub mod directory;
pub mod ending;
pub mod ends;
pub mod facts;
pub mod findings;
mod gather;
pub mod lone;
pub mod model;
mod moves;
pub mod number;
pub mod passage;
pub mod peaks;
pub mod rollup;
pub mod row;
pub mod selected;
pub mod settings;
pub mod severity;
pub mod side;
pub mod spent;
mod sum;
pub mod timing;
pub mod totals;
pub mod vantage;

pub use by_the_book::{ByTheBook, Written};
pub use ending::{ClosedFirst, Ending, Outcome, ResetBy};
pub use ends::{BothEnds, Direction, OtherTap};
pub use findings::Untold;
pub use model::*;
pub use passage::Passage;
pub use rollup::Rollups;
pub use row::Row;
pub use selected::Selected;
pub use settings::Settings;
pub use severity::Severity;
pub use spent::TimeInState;
pub use timing::{Tables, Timing};

#[cfg(test)]
mod tests {
    use std::fmt::Display;

    use super::vantage::Vantage;
    use super::*;
    use crate::tracker::Evidence;

    fn check<T: Display + serde::Serialize>(words: impl IntoIterator<Item = T>) {
        for word in words {
            assert_eq!(serde_json::to_value(&word).unwrap(), word.to_string());
        }
    }

    #[test]
    fn words_are_printed_as_json_writes_them() {
        check(Outcome::ALL);
        check(ClosedFirst::ALL);
        check([ResetBy::Client, ResetBy::Server, ResetBy::Between]);
        check(Severity::ALL);
        check(Side::ALL);
        check(Evidence::ALL);
        check([Vantage::Client, Vantage::Server, Vantage::Middle]);
        assert_eq!(format!("{:>8}|{:<8}", Outcome::Open, Side::Client), "    open|client  ");
    }
}
