//! `chimera doctor`: the usual causes of a trace that is not to be seen, each looked at.
//!
//! Nothing is changed. One span is sent to the backends that are configured, as agents send theirs.

mod backend;
mod endpoint;
mod finding;
mod platform;
mod settings;

use std::process::ExitCode;

use chimera_shared::config::Loaded;
use serde_json::json;

use self::{
    endpoint::Endpoint,
    finding::{Finding, Verdict},
};
use crate::{
    arguments::Doctor,
    program::EXIT_FAILED,
    terminal::{Style, Terminal, print},
};

/// Looks at everything, and says what to do. It fails when something keeps spans from being seen.
pub(crate) async fn examine(
    loaded: &Loaded,
    doctor: &Doctor,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let endpoints = Endpoint::all(&loaded.config.telemetry);
    let mut findings = settings::look(loaded, &endpoints);
    findings.extend(backend::look(&loaded.config, &endpoints).await);
    findings.extend(platform::look(&loaded.config).await);
    let report = match doctor.json {
        true => as_json(&findings)?,
        false => as_text(&findings, terminal),
    };
    print(&report)?;
    let is_bad = count(&findings, Verdict::Bad) > 0;
    Ok(match is_bad {
        true => ExitCode::from(EXIT_FAILED),
        false => ExitCode::SUCCESS,
    })
}

fn as_text(findings: &[Finding], terminal: Terminal) -> String {
    let mut lines: Vec<String> = findings
        .iter()
        .flat_map(|finding| finding.lines(terminal))
        .collect();
    let (bad, doubtful) = (
        count(findings, Verdict::Bad),
        count(findings, Verdict::Doubtful),
    );
    let looked = findings.len() - count(findings, Verdict::Idle);
    let (style, summary) = match (bad, doubtful) {
        (0, 0) => (Style::Good, format!("All of {looked} are well.")),
        (0, _) => (
            Style::Doubtful,
            format!("{looked} looked at: {doubtful} worth a look, none bad."),
        ),
        _ => (
            Style::Bad,
            format!("{looked} looked at: {bad} bad, {doubtful} worth a look."),
        ),
    };
    lines.extend([String::new(), terminal.paint(style, &summary)]);
    lines.join("\n")
}

fn as_json(findings: &[Finding]) -> serde_json::Result<String> {
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "cause": finding.cause,
                "verdict": finding.verdict.as_str(),
                "seen": finding.seen,
                "advice": finding.advice,
            })
        })
        .collect();
    serde_json::to_string_pretty(&findings)
}

fn count(findings: &[Finding], verdict: Verdict) -> usize {
    let alike = |finding: &&Finding| finding.verdict == verdict;
    findings.iter().filter(alike).count()
}
