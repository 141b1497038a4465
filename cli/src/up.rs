//! `chimera up`: everything in this process, until it is told to stop.

use std::process::ExitCode;

use anyhow::Context as _;
use chimera_shared::{config::Config, platform::Running, shutdown_signal};

use crate::{
    door, stack,
    terminal::{print, remark},
};

/// Runs all agents until SIGINT or SIGTERM.
pub(crate) async fn up(config: Config) -> anyhow::Result<ExitCode> {
    let stop = shutdown_signal().context("listening for SIGTERM")?;
    let data_dir = config.data_dir.clone();
    let running = stack::start(config, "chimera up").await?;
    door::write(&data_dir, running.addresses())?;
    print(&summary(&running, &data_dir.display().to_string()))?;
    stop.await;
    remark("stopping…");
    running.stop().await;
    door::remove(&data_dir);
    Ok(ExitCode::SUCCESS)
}

fn summary(running: &Running, data_dir: &str) -> String {
    let mut lines = vec!["Chimera is up. Ctrl-C stops it.".to_owned(), String::new()];
    let width = running
        .addresses()
        .iter()
        .map(|address| address.service.len())
        .max()
        .unwrap_or_default();
    for address in running.addresses() {
        lines.push(format!(
            "  {:width$}  http://{:<21}  {}",
            address.service, address.address, address.purpose
        ));
    }
    lines.push(String::new());
    lines.push(format!("  data: {data_dir}"));
    if let Some(api) = running.address("chimera-api", "api") {
        lines.push(format!(
            "  ask:  curl -s http://{api}/api/queries -H 'prefer: wait=10' --json '{{\"query\":\"ZEC price\"}}'"
        ));
    }
    lines.join("\n")
}
