//! `chimera up`: everything in this process, until it is told to stop.

use std::process::ExitCode;

use anyhow::Context as _;
use chimera_shared::{
    config::{Exporter, Loaded, Origin, TracesUrl},
    door::{self, Doorplate},
    platform::{Address, Running},
    shutdown_signal,
};

use crate::{
    program::EXIT_INTERRUPTED,
    stack::{self, RECORDED, SOURCES},
    table::{Align, Cell, Table},
    terminal::{Style, Terminal, print, remark},
};

/// Runs all agents until SIGINT or SIGTERM. A second one does not wait for what is in flight.
pub(crate) async fn up(loaded: &Loaded, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let stop = shutdown_signal().context("listening for SIGTERM")?;
    tokio::pin!(stop);
    let running = tokio::select! {
        running = stack::start(loaded.config.clone(), "chimera up") => running?,
        // Whoever waits for a server has taken no work that it would have to finish.
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    let data_dir = running.data_dir().map(ToOwned::to_owned);
    if let Some(data_dir) = &data_dir {
        Doorplate::write(data_dir, running.addresses())?;
    }
    print(&summary(&running, loaded, terminal))?;
    stop.await;
    let again = shutdown_signal().context("listening for SIGTERM")?;
    remark("Stopping… (Ctrl-C again: at once)");
    let code = tokio::select! {
        stopped = running.stop() => {
            remark(&format!("Stopped: {stopped}."));
            ExitCode::SUCCESS
        }
        () = again => ExitCode::from(EXIT_INTERRUPTED),
    };
    if let Some(data_dir) = &data_dir {
        Doorplate::remove(data_dir);
    }
    Ok(code)
}

/// What listens where, and what to do now.
fn summary(running: &Running, loaded: &Loaded, terminal: Terminal) -> String {
    let title = terminal.paint(Style::Strong, "Chimera is up.");
    let mut lines = vec![format!("{title} Ctrl-C stops it."), String::new()];
    lines.extend(places(running, loaded).lines(terminal));
    lines.push(String::new());
    lines.push("In another terminal:".to_owned());
    lines.extend(commands(running, loaded).map(|command| format!("  {command}")));
    lines.join("\n")
}

/// What to do in another terminal, which is taken to read the same file and to have the same environment.
fn commands(running: &Running, loaded: &Loaded) -> impl Iterator<Item = String> {
    let api = running.address("chimera-api", "api");
    // Without a data directory there is no door by which commands would find this process.
    let (chimera, at) = match (running.data_dir(), api) {
        (None, Some(api)) => ("chimera".to_owned(), format!("--api http://{api} ")),
        _ => (chimera(loaded), String::new()),
    };
    let ask = format!("{chimera} ask {at}\"How did the ZEC price trend in January 2019?\"");
    let has_traces = match &loaded.config.traces.url {
        TracesUrl::Embedded => running.platform().traces().is_some(),
        TracesUrl::Jaeger(_) => !matches!(loaded.origin("traces.url"), Origin::Flag(_)),
    };
    let traces = has_traces.then(|| format!("{chimera} traces"));
    let curl = api.map(|api| {
        format!(
            "curl -s http://{api}/api/queries -H 'prefer: wait=10' --json '{{\"query\":\"ZEC price\"}}'"
        )
    });
    [Some(ask), traces, curl].into_iter().flatten()
}

fn places(running: &Running, loaded: &Loaded) -> Table {
    let mut table = Table::new(&[("", Align::Left); 3]);
    let mut row = |name: &str, place: Cell, what: &str| {
        let name = Cell::styled(format!("  {name}"), Style::Strong);
        table.row(vec![name, place, Cell::styled(what, Style::Dim)]);
    };
    let url = |service, purpose| {
        let address = running.address(service, purpose)?;
        Some(Cell::styled(format!("http://{address}"), Style::Address))
    };
    if let Some(api) = url("chimera-api", "api") {
        row("API", api, "questions and their answers");
    }
    if let Some(door) = url(door::SERVICE, door::PURPOSE) {
        row(
            "Traces",
            door,
            "Jaeger's query API, and what commands talk to",
        );
    }
    if let Some(sources) = url(SOURCES, RECORDED) {
        row("Sources", sources, "the recorded data");
    }
    let is_health = |address: &&Address| address.purpose == "health";
    let mut name = "Health";
    for address in running.addresses().iter().filter(is_health) {
        let url = Cell::styled(format!("http://{}", address.address), Style::Address);
        row(
            name,
            url,
            &format!("{}: /readyz, /metrics", address.service),
        );
        name = "";
    }
    let config = &loaded.config;
    let servers = [
        ("Bus", config.bus.url.to_string()),
        ("Documents", config.documents.url.to_string()),
        ("Cache", config.cache.url.to_string()),
        ("Series", config.timeseries.url.to_string()),
    ];
    for (name, url) in servers.into_iter().filter(|(_, url)| url.contains("//")) {
        row(name, Cell::styled(url, Style::Address), "");
    }
    let telemetry = &config.telemetry;
    let sends = telemetry.enabled && telemetry.exporters.contains(&Exporter::Otlp);
    if let Some(url) = telemetry.otlp.endpoint.as_ref().filter(|_| sends) {
        row(
            "Spans",
            Cell::styled(url.to_string(), Style::Address),
            "sent there as OTLP",
        );
    }
    if let Some(data_dir) = running.data_dir() {
        row("Data", data_dir.display().to_string().into(), "");
    }
    table
}

/// How the commands for this directory begin.
fn chimera(loaded: &Loaded) -> String {
    match loaded.origin("data_dir") {
        Origin::Flag(_) => format!("chimera --data-dir {}", loaded.config.data_dir.display()),
        _ => "chimera".to_owned(),
    }
}
