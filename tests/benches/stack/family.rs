//! What the processes that this one started use.

use std::{collections::HashMap, fs, process, time::Duration};

use chimera_tests::process::AGENTS;

use crate::measure::{Cpu, cpu_time, own_cpu_time};

/// Linux keeps so much of a process's name.
const NAME: usize = 15;

/// Who uses the processor while questions are answered.
pub(crate) const CPU: [Cpu; 4] = [
    Cpu {
        head: "CPU µs each: agents",
        spent: || spent(&AGENTS),
    },
    Cpu {
        head: "broker",
        spent: || spent(&["beam.smp"]),
    },
    Cpu {
        head: "documents",
        spent: || spent(&["mongod", "mongodb"]),
    },
    Cpu {
        head: "clients, sources",
        spent: own_cpu_time,
    },
];

/// A process, as `/proc/…/stat` tells of it.
struct Relative {
    pid: u32,
    parent: u32,
    name: String,
    cpu: Duration,
}

/// What the programs with these names have used that this process has started; somebody's own are not seen.
fn spent(names: &[&str]) -> Duration {
    let is_one = |relative: &Relative| {
        let mut names = names.iter();
        names.any(|name| name[..name.len().min(NAME)] == relative.name)
    };
    let wanted = descendants().into_iter().filter(is_one);
    wanted.map(|relative| relative.cpu).sum()
}

/// All processes below this one.
fn descendants() -> Vec<Relative> {
    let all = relatives();
    let parents: HashMap<_, _> = all
        .iter()
        .map(|relative| (relative.pid, relative.parent))
        .collect();
    let is_below = |relative: &Relative| {
        let mut ancestors = std::iter::successors(Some(relative.parent), |pid| {
            parents.get(pid).copied().filter(|parent| *parent != 0)
        });
        ancestors.any(|pid| pid == process::id())
    };
    all.into_iter().filter(is_below).collect()
}

/// All processes; none where there is no procfs.
fn relatives() -> Vec<Relative> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        // It may have ended since.
        relative(pid, &fs::read_to_string(entry.path().join("stat")).ok()?)
    });
    stats.collect()
}

fn relative(pid: u32, stat: &str) -> Option<Relative> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    Some(Relative {
        pid,
        parent: after.split_whitespace().nth(1)?.parse().ok()?,
        name: name.to_owned(),
        cpu: cpu_time(stat),
    })
}
