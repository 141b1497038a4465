//! The machine, and what a sync of its disk costs.

use std::{
    fs::File,
    io::Write,
    time::{Duration, Instant},
};

use crate::measure::{Latencies, Table};

/// Names the machine, and measures its disk.
pub(crate) fn describe() {
    println!("Machine: {}, {} cores, {}", cpu(), cores(), kernel());
    println!("Load at the start: {}\n", load());
    let table = Table::start("The disk, one write at a time", "bytes");
    for bytes in [512, 4_096] {
        let row = table.row(bytes);
        row.end(&syncs(bytes, Duration::from_secs(2)));
    }
}

/// Appends and syncs as the journals do.
pub(crate) fn syncs(bytes: usize, time: Duration) -> Latencies {
    let mut file = tempfile::tempfile().expect("the temporary directory can be written");
    // A journal has its size before it is written.
    file.set_len(64 << 20).expect("there is room");
    file.sync_all().expect("the disk syncs");
    let (started, mut latencies) = (Instant::now(), Latencies::new());
    while started.elapsed() < time {
        let at = Instant::now();
        write_and_sync(&mut file, bytes);
        latencies.record(at);
    }
    latencies
}

fn write_and_sync(file: &mut File, bytes: usize) {
    file.write_all(&vec![7; bytes]).expect("there is room");
    file.sync_data().expect("the disk syncs");
}

/// The load averages over 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let name = field("model name").unwrap_or_else(|| "unknown CPU".to_owned());
    match (field("cpu family"), field("model\t")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name,
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn kernel() -> String {
    let version = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", std::env::consts::OS, version.trim())
}
