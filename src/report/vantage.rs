//! Where the tap was, relative to the two ends: the words for it.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Where the tap was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Vantage {
    /// At or near the client.
    Client,
    /// At or near the server.
    Server,
    /// In between.
    Middle,
}

impl Vantage {
    /// As in JSON: `client`.
    pub const fn name(self) -> &'static str {
        match self {
            Vantage::Client => "client",
            Vantage::Server => "server",
            Vantage::Middle => "middle",
        }
    }
}

impl fmt::Display for Vantage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The error is what to write instead.
impl FromStr for Vantage {
    type Err = String;

    fn from_str(word: &str) -> Result<Vantage, String> {
        [Vantage::Client, Vantage::Server, Vantage::Middle]
            .into_iter()
            .find(|v| v.name() == word)
            .ok_or_else(|| format!("`{word}` is no vantage; use client, server or middle"))
    }
}

/// How the vantage is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Basis {
    /// It was given.
    Given,
    /// From which side of the tap the handshake spent its time on.
    Handshake,
    /// From the least round trips to either end.
    RoundTrips,
    /// From hop counts: one end's is still an initial value (64, 128, 255), the other's is not.
    HopCount,
}
