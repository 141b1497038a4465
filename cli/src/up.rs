//! `chimera up`: everything in this process, until it is told to stop.

use std::{iter, process::ExitCode};

use anyhow::Context as _;
use chimera_shared::{
    config::{Exporter, Loaded, Origin, RedactedUrl, TracesUrl},
    door::{self, Doorplate},
    platform::{Address, Running},
    shutdown_signal,
    telemetry::log_panics,
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
    let mut running = tokio::select! {
        running = stack::start(loaded.config.clone(), "chimera up") => running?,
        // Whoever waits for a server has taken no work that it would have to finish.
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    log_panics(Some(&running.telemetry(door::SERVICE)?));
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

/// A part, where it is, and what it is for.
type Row = (&'static str, Cell, String);

fn places(running: &Running, loaded: &Loaded) -> Table {
    let mut table = Table::new(&[("", Align::Left); 3]);
    let listening = listening(running).chain(health(running));
    let data_dir = running.data_dir();
    let data = data_dir.map(|path| ("Data", path.display().to_string().into(), String::new()));
    for (name, place, what) in listening.chain(servers(loaded)).chain(data) {
        let name = Cell::styled(format!("  {name}"), Style::Strong);
        table.row(vec![name, place, Cell::styled(what, Style::Dim)]);
    }
    table
}

/// What people and commands talk to.
fn listening(running: &Running) -> impl Iterator<Item = Row> {
    let row = |name, (service, purpose), what: &str| {
        let address = running.address(service, purpose)?;
        Some((name, linked(format!("http://{address}")), what.to_owned()))
    };
    let traces = "Jaeger's query API, and what commands talk to";
    [
        row("API", ("chimera-api", "api"), "questions and their answers"),
        row("Traces", (door::SERVICE, door::PURPOSE), traces),
        row("Sources", (SOURCES, RECORDED), "the recorded data"),
    ]
    .into_iter()
    .flatten()
}

/// Where each agent says how it is.
fn health(running: &Running) -> impl Iterator<Item = Row> {
    let is_health = |address: &&Address| address.purpose == "health";
    let names = iter::once("Health").chain(iter::repeat(""));
    let addresses = running.addresses().iter().filter(is_health);
    addresses.zip(names).map(|(address, name)| {
        let what = format!("{}: /readyz, /metrics", address.service);
        (name, linked(format!("http://{}", address.address)), what)
    })
}

/// The servers of others, without credentials.
fn servers(loaded: &Loaded) -> impl Iterator<Item = Row> {
    let (config, telemetry) = (&loaded.config, &loaded.config.telemetry);
    let sends = |exporter| telemetry.enabled && telemetry.exporters.contains(&exporter);
    let spans = telemetry.otlp.endpoint.as_ref();
    let (jaeger, zipkin) = (&telemetry.jaeger.endpoint, &telemetry.zipkin.endpoint);
    let parts = [
        ("Bus", config.bus.url.server(), ""),
        ("Documents", config.documents.url.server(), ""),
        ("Cache", config.cache.url.server(), ""),
        ("Series", config.timeseries.url.server(), ""),
        (
            "Spans",
            spans.filter(|_| sends(Exporter::Otlp)),
            "sent there as OTLP",
        ),
        (
            "Spans",
            Some(jaeger).filter(|_| sends(Exporter::Jaeger)),
            "sent to Jaeger there, as OTLP",
        ),
        (
            "Spans",
            Some(zipkin).filter(|_| sends(Exporter::Zipkin)),
            "sent to Zipkin there",
        ),
    ];
    let row = |(name, url, what): (_, Option<&RedactedUrl>, &str)| {
        Some((name, linked(url?.to_string()), what.to_owned()))
    };
    parts.into_iter().filter_map(row)
}

fn linked(url: String) -> Cell {
    Cell::styled(url, Style::Address)
}

/// How the commands for this directory begin.
fn chimera(loaded: &Loaded) -> String {
    match loaded.origin("data_dir") {
        Origin::Flag(_) => format!("chimera --data-dir {}", loaded.config.data_dir.display()),
        _ => "chimera".to_owned(),
    }
}
