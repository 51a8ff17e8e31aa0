//! The two ends of a connection.

use std::fmt;

use serde::Serialize;

/// One thing for each end of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PerSide_of_{T}"))]
pub struct PerSide<T> {
    /// The end that sent the first SYN; midstream, the best guess.
    pub client: T,
    /// The other end.
    pub server: T,
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The end that sent the first SYN; midstream, the best guess.
    Client,
    /// The other end.
    Server,
}

impl Side {
    /// Both.
    pub const ALL: [Side; 2] = [Side::Client, Side::Server];

    /// `client` or `server`.
    pub const fn name(self) -> &'static str {
        match self {
            Side::Client => "client",
            Side::Server => "server",
        }
    }

    /// The opposite end.
    pub const fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl PerSide<u64> {
    /// Of both together.
    pub fn total(&self) -> u64 {
        self.client.saturating_add(self.server)
    }
}

impl<T> PerSide<T> {
    /// The value of one side.
    pub fn get(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// The value of one side, to change.
    pub fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}
