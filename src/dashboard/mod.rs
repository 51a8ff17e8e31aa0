//! The dashboard: what a [`Watcher`](crate::live::Watcher) knows, on a terminal.
//!
//! Three pure steps: keys change the [`Ui`]; the watcher and the [`Ui`] make a [`View`]; a [`View`] is drawn. Whoever
//! owns the terminal calls them.
//!
//! | file | holds |
//! |---|---|
//! | `ui` | what the user has chosen, and what keys do |
//! | `view` | what is to be seen, as plain data |
//! | `build` | from the watcher to that |
//! | `rank` | which connections matter most |
//! | `draw` | that on a screen |
//! | `ladder` | one connection on a screen |

mod build;
mod draw;
mod ladder;
mod rank;
mod ui;
mod view;

pub use build::build;
pub use draw::draw;
pub use rank::Sort;
pub use ui::{Action, Ui};
pub use view::{ConnectionRow, FindingRow, Ladder, Rung, StateRow, View};
