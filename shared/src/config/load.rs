//! Loading a configuration: all of it is read and checked before anything is opened.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use super::choices::Exporter;
use super::file::{self, Presence};
use super::keys::{Keys, PREFIX, key_of, variable_of};
use super::layers::{Draft, Entry, Input};
use super::otel;
use super::problem::{ConfigErrors, Origin};
use super::rules;
use super::secret_files::{self, key_in_file};
use super::sections::{Config, OtlpConfig};
use super::settings::{Leaf, Section as _, Visitor};

/// The file that is read when it is there.
const FILE: &str = "config/chimera.toml";

/// What a configuration is loaded from. Of several sources for one key the later of this list wins: the defaults, the
/// file `config/chimera.toml`, `config_file`, the standard `OTEL_…` variables, the variables `CHIMERA__SECTION__KEY`,
/// the flags. (A `CHIMERA__…` variable beats an `OTEL_…` one, for it can only be meant for this program.)
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// The file that `--config` names.
    pub config_file: Option<PathBuf>,
    /// Values that flags of the command line give.
    pub flags: Vec<Flag>,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// What relative paths are relative to.
    pub working_dir: PathBuf,
    /// The platform's directory for data of this user's programs, if it has one.
    pub platform_data_dir: Option<PathBuf>,
}

/// A value that a flag of the command line gives to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The key, as `data_dir`.
    pub key: String,
    /// Its value, as text.
    pub value: String,
    /// The flag, as `--data-dir`.
    pub name: String,
}

impl LoadOptions {
    /// Options with the environment of this process. Nothing else reads it.
    pub fn from_process(config_file: Option<PathBuf>, flags: Vec<Flag>) -> Self {
        let ours = |name: &str| {
            let starts = |prefix: &&str| name.starts_with(prefix);
            [PREFIX.trim_end_matches('_'), "OTEL_", "TRACING_", "DAENA_"]
                .iter()
                .any(starts)
        };
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            // What is not UTF-8 gets a replacement character here, and is refused by it later.
            Some((
                name.into_string().ok()?,
                value.to_string_lossy().into_owned(),
            ))
        };
        Self {
            config_file,
            flags,
            environment: env::vars_os()
                .filter_map(text)
                .filter(|(name, _)| ours(name))
                .collect(),
            working_dir: env::current_dir().unwrap_or_default(),
            platform_data_dir: etcetera::choose_base_strategy()
                .ok()
                .map(|platform| platform.data_dir()),
        }
    }
}

/// A configuration with the story of each value.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration itself.
    pub config: Config,
    /// What was left out, and why; to be logged once.
    pub warnings: Vec<String>,
    origins: BTreeMap<String, Origin>,
}

/// One key with its effective value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key in full, as `bus.url`.
    pub key: String,
    /// Its value as TOML, secrets hidden.
    pub value: String,
    /// Where the value comes from.
    pub source: Origin,
}

/// Loads and checks a configuration. It opens nothing but the files.
///
/// # Errors
/// [`ConfigErrors`] holds everything that is wrong, in all sources.
pub fn load(options: &LoadOptions) -> Result<Loaded, ConfigErrors> {
    let keys = Keys::all();
    let mut draft = Draft::new();
    let files = [
        Some((Path::new(FILE), Presence::Optional)),
        options
            .config_file
            .as_deref()
            .map(|name| (name, Presence::Required)),
    ];
    for (name, presence) in files.into_iter().flatten() {
        let layer = file::read(
            name,
            &options.working_dir,
            presence,
            &keys,
            &mut draft.errors,
        );
        draft.lay(layer, &keys);
    }
    let otlp = otlp(&draft, options, &keys);
    let standard = otel::entries(options, &otlp, &mut draft.warnings);
    draft.lay(standard, &keys);
    let in_files = secret_files::entries(options, &keys, &mut draft.errors);
    draft.lay(in_files, &keys);
    draft.lay(environment(&options.environment, &keys), &keys);
    draft.lay(options.flags.iter().map(flag).collect(), &keys);
    draft.warnings.extend(misspelt(&options.environment, &keys));
    rules::settle_paths(&mut draft, options);
    secret_files::settle_passwords(&mut draft, &options.working_dir);
    rules::settle_signals(&mut draft);
    rules::check(&mut draft);
    finish(draft)
}

/// How OTLP is spoken by all layers together: what a variable means may depend on what a flag says.
fn otlp(files: &Draft, options: &LoadOptions, keys: &Keys) -> OtlpConfig {
    let mut draft = Draft {
        config: files.config.clone(),
        ..Draft::new()
    };
    let files = &files.config.telemetry.otlp;
    draft.lay(otel::entries(options, files, &mut Vec::new()), keys);
    draft.lay(environment(&options.environment, keys), keys);
    draft.lay(options.flags.iter().map(flag).collect(), keys);
    draft.config.telemetry.otlp
}

fn finish(draft: Draft) -> Result<Loaded, ConfigErrors> {
    if draft.errors.is_empty() {
        Ok(Loaded {
            config: draft.config,
            warnings: draft.warnings,
            origins: draft.origins,
        })
    } else {
        Err(ConfigErrors(draft.errors))
    }
}

/// The entries of our own variables; as with the standard ones, an empty one counts as unset.
fn environment(variables: &BTreeMap<String, String>, keys: &Keys) -> Vec<Entry> {
    let given = variables
        .iter()
        .filter(|(name, value)| !value.is_empty() && key_in_file(name, keys).is_none());
    given
        .filter_map(|(name, value)| {
            let origin = Origin::Variable(name.clone());
            Some(Entry::new(
                key_of(name)?,
                Input::Text(value.clone()),
                origin,
            ))
        })
        .collect()
}

fn flag(flag: &Flag) -> Entry {
    let input = Input::Text(flag.value.clone());
    Entry::new(flag.key.clone(), input, Origin::Flag(flag.name.clone()))
}

/// Warnings for variables such as `CHIMERA_BUS_URL`, which lack an underscore and would do nothing, silently.
fn misspelt(variables: &BTreeMap<String, String>, keys: &Keys) -> Vec<String> {
    let others = variables.keys().filter(|name| !name.starts_with(PREFIX));
    others
        .filter_map(|name| {
            let key = variable_of(keys.meant_by(name)?);
            Some(format!(
                "{} is not read; `{key}` is",
                Origin::Variable(name.clone())
            ))
        })
        .collect()
}

impl Loaded {
    /// Every key with its effective value and where that comes from, secrets hidden.
    pub fn explain(&self) -> impl Iterator<Item = Setting> {
        let mut explanation = Explanation {
            origins: &self.origins,
            settings: Vec::new(),
        };
        self.config.clone().visit("", &mut explanation);
        explanation.settings.into_iter()
    }

    /// Where the value of `key` comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }
}

/// Collects what [`Loaded::explain`] tells.
struct Explanation<'a> {
    origins: &'a BTreeMap<String, Origin>,
    settings: Vec<Setting>,
}

impl Visitor for Explanation<'_> {
    fn leaf(&mut self, leaf: Leaf<'_>) {
        let source = self
            .origins
            .get(&leaf.key)
            .cloned()
            .unwrap_or(Origin::Default);
        self.settings.push(Setting {
            key: leaf.key,
            value: leaf.slot.show(),
            source,
        });
    }
}

/// Collects what [`Config::values`] tells.
#[derive(Default)]
struct Values(BTreeMap<String, String>);

impl Visitor for Values {
    fn leaf(&mut self, leaf: Leaf<'_>) {
        self.0.insert(leaf.key, leaf.slot.show());
    }
}

impl Config {
    /// Every key with its value as TOML, secrets hidden.
    pub fn values(&self) -> BTreeMap<String, String> {
        let mut values = Values::default();
        self.clone().visit("", &mut values);
        values.0
    }

    /// A configuration for tests: everything embedded in `data_dir`, free ports, spans in memory and in the embedded store.
    pub fn for_test(data_dir: &Path) -> Self {
        let mut config = Self::defaults();
        config.data_dir = data_dir.to_owned();
        let listeners = [
            &mut config.api.listen,
            &mut config.sources.listen,
            &mut config.viewer.listen,
            &mut config.agent.health_listen,
        ];
        for listen in listeners {
            listen.set_port(0);
        }
        config.telemetry.exporters = vec![Exporter::Memory, Exporter::Embedded];
        config
    }
}

#[cfg(test)]
mod tests;
