//! How the program of an agent is found and configured.

use std::{
    env,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context as _, Result, ensure};
use chimera_shared::config::{self, BusUrl, CacheUrl, Config, DocumentsUrl, Exporter, RedactedUrl};

/// Becomes the program that its arguments name. That is killed when the pipe closes without a word: also a test that
/// was killed leaves no agent behind.
const KEEPER: &str = r#"
exec 3<&0 </dev/null
(read -r word <&3 || kill -s KILL $$) >/dev/null 2>&1 &
exec 3<&-
exec "$@"
"#;

/// What the processes of a stack are started with.
#[derive(Clone)]
pub struct Surroundings {
    config: Config,
    directory: PathBuf,
    apart: Option<Otherwise>,
}

/// What one agent's configuration is otherwise.
pub type Otherwise = (&'static str, Arc<dyn Fn(&mut Config) + Send + Sync>);

impl Surroundings {
    /// Those of the stack whose own part runs with `config`: processes differ from it in that their spans go to
    /// `endpoint` as OTLP, and that each keeps what it must keep below `directory`.
    ///
    /// # Errors
    /// When `endpoint` is no URL.
    pub fn new(
        mut config: Config,
        directory: &Path,
        endpoint: &str,
        apart: Option<Otherwise>,
    ) -> Result<Self> {
        config.telemetry.exporters = vec![Exporter::Otlp];
        config.telemetry.otlp.endpoint = Some(RedactedUrl::parse(endpoint, &["http"])?);
        Ok(Self {
            config,
            directory: directory.to_owned(),
            apart,
        })
    }

    /// The program of `agent`, configured as a person would do it: by variables and a flag.
    pub(super) fn command(&self, agent: &str, instance: usize) -> Result<Command> {
        let directory = self.directory.join(format!("{agent}-{instance}"));
        std::fs::create_dir_all(&directory)?;
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh"]).arg(program(agent)?);
        command.arg("--data-dir").arg(&directory);
        // There is no configuration file.
        command.current_dir(&directory);
        for name in inherited() {
            command.env_remove(name);
        }
        let mut config = self.config.clone();
        if let Some((name, change)) = &self.apart
            && *name == agent
        {
            change(&mut config);
        }
        command.envs(variables(&config)?);
        command.env("NO_COLOR", "1");
        Ok(command)
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// The program of `agent`, which cargo puts beside the folder of the test's own.
fn program(agent: &str) -> Result<PathBuf> {
    let test = env::current_exe()?;
    let folder = test.parent().and_then(Path::parent);
    let program = folder.context("a test is in a folder")?.join(agent);
    let release = if program
        .parent()
        .is_some_and(|folder| folder.ends_with("release"))
    {
        " --release"
    } else {
        ""
    };
    ensure!(
        program.is_file(),
        "{} is missing: run `cargo build --workspace --bins{release}` first",
        program.display()
    );
    Ok(program)
}

/// The variables of this process that would configure ours.
fn inherited() -> Vec<OsString> {
    let is_ours = |name: &OsString| {
        let name = name.to_string_lossy();
        ["CHIMERA_", "OTEL_", "TRACING_"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    env::vars_os()
        .map(|(name, _)| name)
        .filter(is_ours)
        .collect()
}

/// The variables that make a configuration out of the default one.
fn variables(config: &Config) -> Result<Vec<(String, String)>> {
    let values = config.values();
    let secrets = secrets(config);
    let mut variables = Vec::new();
    let keys = config::reference();
    for key in keys.into_iter().flat_map(|section| section.keys) {
        let value = &values[&key.key];
        if *value == key.default || key.key == "data_dir" {
            continue;
        }
        let secret = secrets.iter().find(|(name, _)| *name == key.key);
        let value = secret.map_or_else(|| value.clone(), |(_, value)| (*value).to_owned());
        ensure!(
            !value.contains(config::REDACTED),
            "`{}` is a secret that no process can be told",
            key.key
        );
        variables.push((key.variables[0].clone(), value));
    }
    Ok(variables)
}

/// The values that are not shown with what is secret in them.
fn secrets(config: &Config) -> Vec<(&'static str, &str)> {
    let mut secrets = Vec::new();
    if let BusUrl::Amqp(url) = &config.bus.url {
        secrets.push(("bus.url", url.expose()));
    }
    if let DocumentsUrl::Mongodb(url) = &config.documents.url {
        secrets.push(("documents.url", url.expose()));
    }
    if let CacheUrl::Redis(url) = &config.cache.url {
        secrets.push(("cache.url", url.expose()));
    }
    secrets
}
