//! Latencies, CPU time, and tables of them.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// How long each of many things took.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        let minute_in_nanos = 60_000_000_000;
        Self(Histogram::new_with_bounds(1, minute_in_nanos, 3).expect("the bounds are in order"))
    }

    /// Something took from `since` until now.
    pub(crate) fn record(&mut self, since: Instant) {
        let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(nanos);
    }

    pub(crate) fn add(&mut self, others: &Self) {
        self.0.add(&others.0).expect("all have the same bounds");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(quantile))
    }
}

/// Whose CPU time a column shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    /// The head of the column.
    pub(crate) head: &'static str,
    /// How much they have used so far.
    pub(crate) spent: fn() -> Duration,
}

/// The bench itself and what it runs in its own process.
const OWN: Cpu = Cpu {
    head: "CPU µs each",
    spent: own_cpu_time,
};

/// A table in Markdown: a row for each value of what is varied.
#[derive(Debug)]
pub(crate) struct Table {
    cpu: Vec<Cpu>,
}

impl Table {
    /// Prints the title and the head.
    pub(crate) fn start(title: &str, varied: &str) -> Self {
        Self::with_cpu(title, varied, &[OWN])
    }

    /// The same with the CPU time of others, each divided by the number of what was measured.
    pub(crate) fn with_cpu(title: &str, varied: &str, cpu: &[Cpu]) -> Self {
        let heads: Vec<_> = cpu.iter().map(|cpu| cpu.head).collect();
        println!("\n### {title}\n");
        println!(
            "| {varied} | per second | p50 ms | p99 ms | {} |",
            heads.join(" | ")
        );
        println!("|---|---:|---:|---:|{}", "---:|".repeat(cpu.len()));
        Self { cpu: cpu.to_vec() }
    }

    /// Starts measuring a row.
    pub(crate) fn row(&self, label: impl std::fmt::Display) -> Row {
        let spent = |cpu: &Cpu| (*cpu, (cpu.spent)());
        Row {
            label: label.to_string(),
            at: Instant::now(),
            cpu: self.cpu.iter().map(spent).collect(),
        }
    }
}

/// A row that is being measured.
#[derive(Debug)]
pub(crate) struct Row {
    label: String,
    at: Instant,
    /// Who, and what they had used at the start.
    cpu: Vec<(Cpu, Duration)>,
}

impl Row {
    /// Prints the row, and returns how many per second it were.
    pub(crate) fn end(self, latencies: &Latencies) -> f64 {
        let count = latencies.count().max(1) as f64;
        let per_second = count / self.at.elapsed().as_secs_f64();
        let each = |(cpu, before): &(Cpu, Duration)| {
            let spent = (cpu.spent)().saturating_sub(*before);
            format!("{:.0}", spent.as_secs_f64() * 1e6 / count)
        };
        let cpu: Vec<_> = self.cpu.iter().map(each).collect();
        println!(
            "| {} | {per_second:.0} | {} | {} | {} |",
            self.label,
            millis(latencies.quantile(0.5)),
            millis(latencies.quantile(0.99)),
            cpu.join(" | "),
        );
        per_second
    }
}

pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64() * 1e3)
}

/// CPU time of this process; nothing where there is no procfs.
pub(crate) fn own_cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    cpu_time(&stat)
}

/// CPU time of the process whose `/proc/…/stat` this is.
pub(crate) fn cpu_time(stat: &str) -> Duration {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    // Linux counts in hundredths of a second, whatever the kernel's own tick is.
    Duration::from_millis(ticks * 10)
}
