//! What memory a process takes.

use std::fmt;

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Memory {
    /// All that is in memory: also the pages of its program, which the processes of one program share.
    resident_kib: u64,
    /// Of that, what is its own: heap and stacks.
    anonymous_kib: u64,
}

impl Memory {
    /// That of the process `pid`; nothing where there is no procfs.
    pub(crate) fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            number.and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        Self {
            resident_kib: field("VmRSS:"),
            anonymous_kib: field("RssAnon:"),
        }
    }
}

/// Two columns, in MiB.
impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib| kib as f64 / 1024.0;
        write!(
            f,
            "{:.1} | {:.1}",
            mib(self.resident_kib),
            mib(self.anonymous_kib)
        )
    }
}
