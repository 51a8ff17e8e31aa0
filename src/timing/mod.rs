//! Timing: where the time went, measured from the segments of each connection as the tracker has classed them.
//!
//! Everything is in capture time at the tap. A span that begins and ends at one end therefore contains the way from the
//! tap to that end and back, which is why every figure goes with a [`Vantage`].
//!
//! | file | measures |
//! |---|---|
//! | [`handshake`] | SYN, SYN,ACK, ACK; retries |
//! | [`round_trip`] | the tap to each end and back; `loss`: what was sent again |
//! | `missed` | acknowledgments that were not captured |
//! | [`turn`] | requests and answers; `resume`: since when an end had nothing to wait for |
//! | [`held`] | small segments that waited for a delayed acknowledgment |
//! | [`pause`] | gaps, closed windows, stalls |
//! | [`close`] | FINs |
//! | [`blame`] | all time, by cause |
//! | [`flow`] | all that of one connection, segment by segment; `usual`: the short way; `run`: several segments at once; `textbook`: that of a whole connection, or of its handshake; `abridged`: that of such a one in one go, and `listed`: what the report says of it; `flight`: what an end of it has in flight; `proofs`: what proves receipts; `restart`: how it begins anew |
//! | [`vantage`] | where the tap was |
//! | [`occupancy`] | time in each state, with bounds |
//! | [`quantile`] | distributions that merge; beyond a size as `histogram`, in `buckets` |
//! | [`summary`] | what the report says of a connection; `distribution`: of many figures |
//! | [`table`] | and of groups: `tabled`: by what was abridged, `lone`: of lone SYNs; `groups` says which, `sums` adds one up, from `figure`s |
//! | `columns` | the samples of all connections: a `column` stores each once, with the `seats` of its groups; groups with too many are `rough`; `rows` are those of each other, dealt by `deal`, and `ranks` finds their quantiles |
//! | `piles` | the same where they are in no group but that of all: a `pile` of each thing, a `sieve` finds its quantiles; of too many samples a `counter` |
//! | `packed` | numbers in a row of bytes; `samples`: those of one connection; `apart`: each kind of them by itself |
//! | `maybe` | times and spans that may be unknown |
//! | `testing` | segments for the tests of these |

mod abridged;
mod apart;
pub mod blame;
mod buckets;
pub mod close;
mod column;
mod columns;
mod counter;
mod deal;
mod distribution;
mod figure;
mod flight;
pub mod flow;
mod groups;
pub mod handshake;
pub mod held;
mod histogram;
mod listed;
mod lone;
mod loss;
mod maybe;
mod missed;
pub mod occupancy;
mod packed;
pub mod pause;
mod pile;
mod piles;
mod proofs;
pub mod quantile;
mod ranks;
mod restart;
mod resume;
mod rough;
pub mod round_trip;
mod rows;
mod run;
mod samples;
mod seats;
mod sieve;
pub mod summary;
mod sums;
pub mod table;
mod tabled;
#[cfg(test)]
mod testing;
mod textbook;
pub mod turn;
mod usual;
pub mod vantage;

pub use abridged::Abridged;
pub use flow::Measured;
pub use groups::Census;
pub use proofs::Proofs;
pub use seats::Seats;
pub use table::Extent;
pub use textbook::Flights;
pub use turn::Asked;
pub use vantage::Vantage;
