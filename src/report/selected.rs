//! What of a capture a report is about, where not all of it was asked for.

use serde::Serialize;

/// The part that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Selected {
    /// The filter that its connections match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The numbers of the connections that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(default))]
    pub connections: Vec<u64>,
    /// With either, how many connections the capture has in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// The findings that alone were looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(default))]
    pub only: Vec<&'static str>,
    /// Findings that were not looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(default))]
    pub ignore: Vec<&'static str>,
}

impl Selected {
    /// Whether only some connections were asked for.
    pub fn is_of_some(&self) -> bool {
        self.filter.is_some() || !self.connections.is_empty()
    }
}
