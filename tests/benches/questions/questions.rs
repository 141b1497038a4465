//! Questions to a whole stack, over HTTP.

use std::{net::SocketAddr, path::Path, time::Duration};

use chimera_shared::{
    config::{Config, Exporter},
    platform::Running,
};
use tempfile::TempDir;

use crate::{
    load::{self, QUESTION, lasting, uncached},
    machine,
    measure::{Latencies, Table, millis},
};

/// The syncs that a question waits for, one after the other (strace counts them): it is stored, and published; its
/// answer is stored, and its end. News of the end is kept in memory.
const SYNCS: u32 = 4;

/// The configuration as it comes, on free ports.
pub(crate) fn config(directory: &Path) -> Config {
    let mut config = Config::for_test(directory);
    // Tests keep their spans in memory as well.
    config.telemetry.exporters = vec![Exporter::Embedded];
    config
}

/// A stack in a directory of its own.
struct Stack {
    running: Running,
    _directory: TempDir,
}

impl Stack {
    async fn start(configure: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().expect("the temporary directory can be written");
        let mut config = config(directory.path());
        configure(&mut config);
        let running = chimera_cli::stack::start(config, "a bench")
            .await
            .expect("the directory is new");
        Self {
            running,
            _directory: directory,
        }
    }

    fn address(&self) -> SocketAddr {
        let address = self.running.address("chimera-api", "api");
        address.expect("the API listens")
    }

    /// Has `clients` ask `question`, each one after the other, for as long as said.
    async fn ask(&self, question: &str, clients: usize, time: Duration) -> Latencies {
        load::ask(&[self.address()], question, clients, lasting(time)).await
    }

    /// Fills caches and connections, and sees that the answer is one.
    async fn warm(&self, question: &str) {
        load::warm(&[self.address()], question).await;
    }

    /// Stops it, and says how many spans the store could not keep up with.
    async fn stop(self) {
        if let Some(traces) = self.running.platform().traces() {
            let health = traces.health();
            println!(
                "\nSpans: {} written, {} dropped",
                health.written, health.dropped
            );
        }
        self.running.stop().await;
    }
}

/// One client, beside what the syncs of a question cost by themselves.
pub(crate) async fn cached_and_not(time: Duration) {
    let sync = machine::syncs(512, time).quantile(0.5);
    let table = Table::start("A question, one client", "data");
    let stack = Stack::start(|_| ()).await;
    stack.warm(QUESTION).await;
    let row = table.row("cached");
    let cached = stack.ask(QUESTION, 1, time).await;
    row.end(&cached);
    stack.stop().await;
    let stack = Stack::start(uncached).await;
    stack.warm(QUESTION).await;
    let row = table.row("fetched over HTTP");
    row.end(&stack.ask(QUESTION, 1, time).await);
    stack.stop().await;
    let above = cached.quantile(0.5).saturating_sub(sync * SYNCS);
    println!(
        "\nCached, p50 above its {SYNCS} syncs of {} ms: {} ms (goal 1 ms)",
        millis(sync),
        millis(above)
    );
}

/// Many clients at once.
pub(crate) async fn clients(time: Duration) {
    let table = Table::start("Cached questions (goal 5,000/s with 64 clients)", "clients");
    let stack = Stack::start(|_| ()).await;
    stack.warm(QUESTION).await;
    for clients in [1, 2, 4, 8, 16, 32, 64] {
        let row = table.row(clients);
        row.end(&stack.ask(QUESTION, clients, time).await);
    }
    stack.stop().await;
    let table = Table::start("Questions whose data is fetched over HTTP", "clients");
    let stack = Stack::start(uncached).await;
    stack.warm(QUESTION).await;
    for clients in [1, 8, 64] {
        let row = table.row(clients);
        row.end(&stack.ask(QUESTION, clients, time).await);
    }
    stack.stop().await;
}

/// Ranges that end on the recording's last day, by their days.
const RANGES: [(u32, &str); 6] = [
    (10, "2019-03-19"),
    (30, "2019-02-27"),
    (100, "2018-12-19"),
    (365, "2018-03-29"),
    (1_000, "2016-07-02"),
    (3_000, "2011-01-10"),
];

/// More data.
pub(crate) async fn days(time: Duration) {
    for (title, configure) in [
        (
            "BTC price trend, cached, one client",
            None::<fn(&mut Config)>,
        ),
        (
            "BTC price trend, fetched over HTTP, one client",
            Some(uncached),
        ),
    ] {
        let table = Table::start(title, "days");
        let stack = Stack::start(|config| {
            if let Some(configure) = configure {
                configure(config);
            }
        })
        .await;
        for (days, from) in RANGES {
            let question = format!("How did the BTC price trend from {from} to 2019-03-28?");
            stack.warm(&question).await;
            let row = table.row(days);
            row.end(&stack.ask(&question, 1, time).await);
        }
        stack.stop().await;
    }
}

/// The same with and without tracing, by turns, so that a change of the machine's load meets both.
pub(crate) async fn tracing(time: Duration) {
    let on = Stack::start(|_| ()).await;
    let off = Stack::start(|config| config.telemetry.enabled = false).await;
    for clients in [1, 64] {
        let table = Table::start(&format!("Cached questions, {clients} clients"), "tracing");
        let (mut with, mut without) = (0.0, 0.0);
        for _ in 0..3 {
            for (stack, label, sum) in [(&on, "on", &mut with), (&off, "off", &mut without)] {
                stack.warm(QUESTION).await;
                let row = table.row(label);
                *sum += row.end(&stack.ask(QUESTION, clients, time).await);
            }
        }
        println!(
            "\nThroughput with tracing, of that without: {:.2} (goal 0.95)",
            with / without
        );
    }
    on.stop().await;
    off.stop().await;
}
