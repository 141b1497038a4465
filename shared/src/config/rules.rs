//! What must hold between keys, and the values that depend on where the program runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::choices::{Exporter, LogsExporter, MetricsExporter};
use super::layers::Draft;
use super::load::LoadOptions;
use super::problem::{ConfigError, Origin, Problem};
use super::sections::{BatchConfig, OtlpConfig, Signal, TelemetryConfig};
use super::settings::{Leaf, Section as _, Visitor};
use super::value::Value;

/// Makes paths absolute, and gives the data directory its default.
pub(super) fn settle_paths(draft: &mut Draft, options: &LoadOptions) {
    let config = &mut draft.config;
    if !config.data_dir.as_os_str().is_empty() {
        config.data_dir = options.working_dir.join(&config.data_dir);
    } else if let Some(platform) = &options.platform_data_dir {
        config.data_dir = platform.join("chimera");
    } else {
        let problem =
            Problem::Rule("this user has no home directory to keep data in, so it must be given");
        refuse(draft, "data_dir", problem);
    }
    let config = &mut draft.config;
    let traces = config.data_dir.join("traces.jsonl");
    let file = config.telemetry.file.path.get_or_insert(traces);
    *file = options.working_dir.join(&*file);
    let paths = [
        &mut config.sources.recorded_dir,
        &mut config.bus.ca_file,
        &mut config.cache.ca_file,
        &mut config.documents.ca_file,
        &mut config.timeseries.ca_file,
    ];
    let telemetry = certificates(&mut config.telemetry.otlp);
    for path in paths.into_iter().chain(telemetry).flatten() {
        *path = options.working_dir.join(&*path);
    }
}

/// The places of the files that OTLP needs.
fn certificates(otlp: &mut OtlpConfig) -> impl Iterator<Item = &mut Option<PathBuf>> {
    let all = [
        &mut otlp.certificate,
        &mut otlp.client_key,
        &mut otlp.client_certificate,
    ];
    let signals = [&mut otlp.traces, &mut otlp.metrics, &mut otlp.logs];
    let of_signals = signals.into_iter().flat_map(|signal| {
        [
            &mut signal.certificate,
            &mut signal.client_key,
            &mut signal.client_certificate,
        ]
    });
    all.into_iter().chain(of_signals)
}

/// Lets the last word count between what is said for all signals of OTLP and what is said for one: the latter, unless the
/// other was said by a later layer.
pub(super) fn settle_signals(draft: &mut Draft) {
    let mut overruled = Overruled {
        origins: &mut draft.origins,
    };
    draft.config.visit("", &mut overruled);
}

/// Takes back what a later layer overrules.
struct Overruled<'a> {
    origins: &'a mut BTreeMap<String, Origin>,
}

impl Visitor for Overruled<'_> {
    fn leaf(&mut self, leaf: Leaf<'_>) {
        let signal = Signal::ALL.into_iter().find_map(|signal| {
            leaf.key
                .strip_prefix("telemetry.otlp.")?
                .strip_prefix(signal.as_str())?
                .strip_prefix('.')
        });
        let Some(name) = signal else { return };
        let layer_of = |key: &str| layer(self.origins.get(key).unwrap_or(&Origin::Default));
        if layer_of(&format!("telemetry.otlp.{name}")) > layer_of(&leaf.key) {
            let taken_back = leaf.slot.set_text("");
            debug_assert!(
                taken_back.is_ok(),
                "what is said for one signal is optional"
            );
            self.origins.remove(&leaf.key);
        }
    }
}

/// How late the layer of a value is laid.
fn layer(origin: &Origin) -> u8 {
    match origin {
        Origin::Default => 0,
        Origin::File { .. } | Origin::WholeFile(_) => 1,
        Origin::Variable(name) if name.starts_with("OTEL_") => 2,
        Origin::Variable(_) => 3,
        Origin::Flag(_) => 4,
    }
}

/// Refuses what contradicts itself.
pub(super) fn check(draft: &mut Draft) {
    backoff(draft);
    exporters(draft);
    listeners(draft);
    batches(draft);
}

fn backoff(draft: &mut Draft) {
    let agent = &draft.config.agent;
    if agent.backoff_base > agent.backoff_max {
        let value = agent.backoff_max.to_toml();
        conflict(
            draft,
            "agent.backoff_base",
            "must not be over `agent.backoff_max`",
            ("agent.backoff_max", &value),
        );
    }
}

fn exporters(draft: &mut Draft) {
    let telemetry = &draft.config.telemetry;
    let (metrics, logs) = (&telemetry.metrics_exporters, &telemetry.logs_exporters);
    let lists = [
        (
            "telemetry.exporters",
            contradicts(&telemetry.exporters, &Exporter::None),
        ),
        (
            "telemetry.metrics_exporters",
            contradicts(metrics, &MetricsExporter::None),
        ),
        (
            "telemetry.logs_exporters",
            contradicts(logs, &LogsExporter::None),
        ),
    ];
    for (key, _) in lists.into_iter().filter(|(_, contradicts)| *contradicts) {
        let problem = Problem::Rule("`none` cannot stand beside other exporters");
        refuse(draft, key, problem);
    }
}

fn contradicts<T: PartialEq>(list: &[T], none: &T) -> bool {
    list.len() > 1 && list.contains(none)
}

fn listeners(draft: &mut Draft) {
    let (api, viewer) = (draft.config.api.listen, draft.config.viewer.listen);
    if api == viewer && api.port() != 0 {
        let value = api.to_toml();
        conflict(
            draft,
            "viewer.listen",
            "must not be the address of the api",
            ("api.listen", &value),
        );
    }
}

/// A batch cannot be larger than the queue that it is taken from. Where only the queue was set the batch follows it,
/// and so where a standard variable said so, for those never stop the program.
fn batches(draft: &mut Draft) {
    let spans = [
        "telemetry.batch.max_export_batch_size",
        "telemetry.batch.max_queue_size",
    ];
    batch(draft, spans, |telemetry| &mut telemetry.batch);
    let logs = [
        "telemetry.logs_batch.max_export_batch_size",
        "telemetry.logs_batch.max_queue_size",
    ];
    batch(draft, logs, |telemetry| &mut telemetry.logs_batch);
}

fn batch(
    draft: &mut Draft,
    [key, other]: [&'static str; 2],
    of: fn(&mut TelemetryConfig) -> &mut BatchConfig,
) {
    let batch = of(&mut draft.config.telemetry);
    if batch.max_export_batch_size <= batch.max_queue_size {
        return;
    }
    let value = batch.max_queue_size.to_toml();
    let origin = draft.origins.get(key).cloned().unwrap_or(Origin::Default);
    match &origin {
        Origin::Default => batch.max_export_batch_size = batch.max_queue_size,
        Origin::Variable(name) if name.starts_with("OTEL_") => {
            batch.max_export_batch_size = batch.max_queue_size;
            draft.warnings.push(format!(
                "{origin} is lowered to {value}, the size of the queue"
            ));
        }
        Origin::File { .. } | Origin::WholeFile(_) | Origin::Flag(_) | Origin::Variable(_) => {
            let rule = "must not be over the queue's size";
            conflict(draft, key, rule, (other, &value));
        }
    }
}

/// Refuses `key` for what it is beside `other`.
fn conflict(
    draft: &mut Draft,
    key: &'static str,
    rule: &'static str,
    other: (&'static str, &toml::Value),
) {
    let (other, value) = other;
    let origin = draft.origin(other);
    refuse(
        draft,
        key,
        Problem::Conflict {
            rule,
            other,
            value: value.to_string(),
            origin,
        },
    );
}

fn refuse(draft: &mut Draft, key: &str, problem: Problem) {
    let origin = draft.origin(key);
    draft.errors.push(ConfigError {
        key: Some(key.to_owned()),
        origin,
        problem,
    });
}
