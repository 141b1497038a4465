//! The name of an asset.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An asset's ticker in upper case, for example `ZEC`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Ticker(String);

impl Ticker {
    /// The ticker `name` in upper case.
    pub fn new(name: &str) -> Self {
        Self(name.to_ascii_uppercase())
    }

    /// The ticker in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ticker in lower case, as Coin Metrics and the recorded files write it.
    pub fn to_lower(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl From<String> for Ticker {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

impl fmt::Display for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
