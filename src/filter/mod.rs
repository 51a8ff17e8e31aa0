//! The filter language: which connections to show.
//!
//! Ordinary capture-filter words (`host`, `net`, `port`, `vlan`, …) and what a capture filter cannot know: states,
//! outcome, durations, findings. `--filter help` prints it from the table in [`words`].
//!
//! Two choices differ from capture filters, both on the safe side. A test is about the connection: `src` is the end
//! that sent the first SYN, whoever sent the single packet. And `and` mixed with `or` must have parentheses, because
//! capture filters give both the same rank while everybody else lets `and` bind tighter.
//!
//! ```
//! use tcpstate::filter::Filter;
//!
//! let filter: Filter = "server port 80,443 and not outcome closed".parse()?;
//! assert_eq!(filter.to_string(), "(server port 80 or server port 443) and not outcome closed");
//! assert_eq!("outcome clsed".parse::<Filter>().unwrap_err().at, 8..13);
//! # Ok::<(), tcpstate::filter::FilterError>(())
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `lex`, `parse`, `values` | from characters to a filter |
//! | [`words`] | the words of the language |
//! | [`literal`] | addresses, networks, ports |
//! | [`ast`] | what a filter means |
//! | [`eval`] | whether a connection passes |
//! | [`select`] | a report about the ones that do |
//! | [`error`] | what is wrong with one, and where |

pub mod ast;
pub mod error;
pub mod eval;
mod lex;
pub mod literal;
mod parse;
pub mod select;
mod values;
pub mod words;

pub use ast::Filter;
pub use error::FilterError;
pub use parse::parse;
