//! The invariants of `ARCHITECTURE.md` and the house rules that no compiler checks, read off the manifests and sources.
//!
//! Each rule is one test. A breach names file and line, and says why the rule is there.

mod dependencies;
mod documents;
mod repository;
mod sources;

use std::fmt;

/// Something that breaks a rule.
struct Breach {
    file: String,
    /// From 1; 0 for the whole file.
    line: usize,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// Fails with every breach at once, and with the reason for the rule.
fn assert_none(breaches: &[Breach], why: &str) {
    let lines: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\nwhy: {why}\n", lines.join("\n"));
}
