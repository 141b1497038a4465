//! Values that stand in files, as Docker and Kubernetes hand out secrets.
//!
//! The variable of any key with `_FILE` behind it names a file that holds the key's value. And each URL of a server has
//! a key beside it for the password alone, so that the rest of the URL can be seen.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    keys::{Keys, key_of, variable_of},
    layers::{Draft, Entry, Input},
    load::LoadOptions,
    problem::{ConfigError, Origin, Problem, UrlProblem},
    secret::{RedactedUrl, Secret},
    sections::Config,
};

/// What follows the name of a variable whose value is in a file.
pub(super) const SUFFIX: &str = "_FILE";

/// The entries of variables such as `CHIMERA__BUS__URL_FILE`.
pub(super) fn entries(
    options: &LoadOptions,
    keys: &Keys,
    errors: &mut Vec<ConfigError>,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (name, value) in &options.environment {
        let Some(key) = key_in_file(name, keys).filter(|_| !value.is_empty()) else {
            continue;
        };
        let origin = Origin::Variable(name.clone());
        let read = match is_set(&options.environment, &variable_of(&key)) {
            true => Err(Problem::Rule(
                "the variable without _FILE is set, too; leave one of them out",
            )),
            false => read(&options.working_dir.join(value)),
        };
        match read {
            Ok(text) => entries.push(Entry::new(
                key,
                Input::Text(text.expose().to_owned()),
                origin,
            )),
            Err(problem) => errors.push(ConfigError {
                key: Some(key),
                origin,
                problem,
            }),
        }
    }
    entries
}

/// The key whose value is in the file that `variable` names. `…__PASSWORD_FILE` is a key by itself.
pub(super) fn key_in_file(variable: &str, keys: &Keys) -> Option<String> {
    let key = key_of(variable.strip_suffix(SUFFIX)?)?;
    let is_key = key_of(variable).is_some_and(|whole| keys.has(&whole));
    (!is_key && keys.has(&key)).then_some(key)
}

fn is_set(variables: &BTreeMap<String, String>, name: &str) -> bool {
    variables.get(name).is_some_and(|value| !value.is_empty())
}

/// A part whose password may stand in a file: the key of the file, the file, and the URL of the part's server.
type Part<'a> = (
    &'static str,
    &'a mut Option<PathBuf>,
    Option<&'a mut RedactedUrl>,
);

fn parts(config: &mut Config) -> [Part<'_>; 4] {
    let Config {
        bus,
        documents,
        cache,
        timeseries,
        ..
    } = config;
    let (bus_url, documents_url) = (bus.url.server_mut(), documents.url.server_mut());
    let (cache_url, series_url) = (cache.url.server_mut(), timeseries.url.server_mut());
    [
        ("bus.password_file", &mut bus.password_file, bus_url),
        (
            "documents.password_file",
            &mut documents.password_file,
            documents_url,
        ),
        ("cache.password_file", &mut cache.password_file, cache_url),
        (
            "timeseries.password_file",
            &mut timeseries.password_file,
            series_url,
        ),
    ]
}

/// Puts the passwords of `….password_file` into their URLs.
pub(super) fn settle_passwords(draft: &mut Draft, working_dir: &Path) {
    let mut refused = Vec::new();
    for (key, file, url) in parts(&mut draft.config) {
        let Some(file) = file else { continue };
        *file = working_dir.join(&*file);
        // An embedded part has no password; the file may be meant for another process with the same settings.
        let Some(url) = url else { continue };
        let completed = read(file).and_then(|password| with_password(url, &password));
        match completed {
            Ok(completed) => *url = completed,
            Err(problem) => refused.push((key, problem)),
        }
    }
    for (key, problem) in refused {
        let origin = draft.origin(key);
        draft.errors.push(ConfigError {
            key: Some(key.to_owned()),
            origin,
            problem,
        });
    }
}

fn with_password(url: &RedactedUrl, password: &Secret) -> Result<RedactedUrl, Problem> {
    url.with_password(password).map_err(|reason| match reason {
        UrlProblem::HasPassword => Problem::Rule("the URL beside it has a password already"),
        _ => Problem::Rule("the URL beside it names no user whose password this could be"),
    })
}

/// The text of a file without the line break at its end.
pub(super) fn read(path: &Path) -> Result<Secret, Problem> {
    let problem = |reason: String| Problem::InFile {
        path: path.to_owned(),
        reason,
    };
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => problem("there is no such file".to_owned()),
        kind => problem(format!("cannot be read: {kind}")),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| Problem::NotUtf8)?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(problem("it is empty".to_owned())),
        text => Ok(Secret::new(text)),
    }
}
