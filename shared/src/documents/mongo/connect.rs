//! From the configuration to a client that has been seen to work.

use std::{fmt::Display, path::Path, time::Duration};

use mongodb::{
    Client,
    error::{Error, ErrorKind},
    options::{
        Acknowledgment, ClientOptions, ConnectionString, Credential, ReadPreference,
        SelectionCriteria, Tls, TlsOptions, WriteConcern,
    },
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{
    super::{DEFAULT_DATABASE, OpenError},
    failure::Target,
    watch::Watch,
};
use crate::config::{DocumentsConfig, RedactedUrl};

/// Letters, digits, `_`, `-` and dots: what is left of a collection's name beside our own hundred bytes.
const MAX_PREFIX_BYTES: usize = 60;

/// MongoDB's limit.
/// Source: <https://www.mongodb.com/docs/manual/reference/limits/>, "Length of Database Names".
const MAX_DATABASE_BYTES: usize = 63;

/// A client, where it goes, and what it may be told of the collections there.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) target: Target,
}

/// Makes the client; nothing is sent yet.
pub(super) async fn client(
    url: &RedactedUrl,
    config: &DocumentsConfig,
) -> Result<Connected, OpenError> {
    check_prefix(&config.collection_prefix)?;
    let mut options = options(url).await?;
    let database = database(config, &options)?;
    settle(&mut options, config)?;
    let watch = Watch::new(&options.hosts);
    options.sdam_event_handler = Some(watch.handler());
    let target = Target {
        watch,
        database,
        has_credentials: options.credential.is_some(),
        timeout: config.timeout,
    };
    let client = Client::with_options(options).map_err(|error| refused_url(url, &error))?;
    Ok(Connected { client, target })
}

async fn options(url: &RedactedUrl) -> Result<ClientOptions, OpenError> {
    if let Ok(options) = ClientOptions::parse(url.expose()).await {
        return Ok(options);
    }
    // The driver's message may quote the URL: the one about the URL without its secrets cannot give them away.
    let shown = ConnectionString::parse(url.to_string());
    Err(match shown {
        Err(error) => refused_url(url, &error),
        Ok(_) => wrong(
            "documents.url",
            "has a user name, a password or an option that is not percent-encoded",
        ),
    })
}

/// Gives what the URL leaves open.
fn settle(options: &mut ClientOptions, config: &DocumentsConfig) -> Result<(), OpenError> {
    options.app_name.get_or_insert_with(|| "chimera".to_owned());
    options
        .max_pool_size
        .get_or_insert(config.max_connections.get());
    options
        .connect_timeout
        .get_or_insert(config.connect_timeout);
    options
        .server_selection_timeout
        .get_or_insert(config.connect_timeout.min(config.timeout));
    options
        .write_concern
        .get_or_insert_with(|| durable(config.timeout));
    // What was written is to be found: secondaries lag behind.
    options
        .selection_criteria
        .get_or_insert(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    if let Some(path) = &config.ca_file {
        check_certificates(path)?;
        let mut tls = match options.tls.take() {
            Some(Tls::Disabled) => {
                return Err(wrong(
                    "documents.ca_file",
                    "is given, and `documents.url` says `tls=false`",
                ));
            }
            Some(Tls::Enabled(tls)) => tls,
            None => TlsOptions::default(),
        };
        tls.ca_file_path = Some(path.clone());
        options.tls = Some(Tls::Enabled(tls));
    }
    if options.credential.as_ref().is_some_and(lacks_password) {
        return Err(wrong(
            "documents.url",
            "names a user without a password: give it there or in `documents.password_file`",
        ));
    }
    Ok(())
}

/// On the disks of most servers, so that an election loses nothing.
fn durable(timeout: Duration) -> WriteConcern {
    WriteConcern::builder()
        .w(Acknowledgment::Majority)
        .journal(true)
        .w_timeout(timeout)
        .build()
}

fn lacks_password(credential: &Credential) -> bool {
    let needs_none = credential.mechanism.is_some();
    credential.username.is_some() && credential.password.is_none() && !needs_none
}

fn database(config: &DocumentsConfig, options: &ClientOptions) -> Result<String, OpenError> {
    let named = Some(config.database.as_str()).filter(|name| !name.is_empty());
    let name = named
        .or(options.default_database.as_deref())
        .unwrap_or(DEFAULT_DATABASE);
    let is_allowed = name.len() <= MAX_DATABASE_BYTES
        && !name.contains([
            '/', '\\', '.', ' ', '"', '$', '*', '<', '>', ':', '|', '?', '\0',
        ]);
    if is_allowed {
        return Ok(name.to_owned());
    }
    let key = if named.is_some() {
        "documents.database"
    } else {
        "documents.url"
    };
    Err(wrong(
        key,
        "names a database that MongoDB does not allow: 63 bytes at most, and no spaces, quotes or punctuation but `_` and `-`",
    ))
}

fn check_prefix(prefix: &str) -> Result<(), OpenError> {
    let starts_well = prefix.is_empty() || prefix.starts_with(|c: char| c.is_ascii_alphabetic());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_system = prefix.starts_with("system.");
    if starts_well && !is_system && prefix.len() <= MAX_PREFIX_BYTES && prefix.chars().all(allowed)
    {
        return Ok(());
    }
    Err(wrong(
        "documents.collection_prefix",
        "must be 60 ASCII letters, digits, `_`, `-` and dots at most, the first a letter",
    ))
}

/// The driver takes a file without certificates as an empty list of authorities, which trusts nobody.
fn check_certificates(path: &Path) -> Result<(), OpenError> {
    let shown = path.display();
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| wrong("documents.ca_file", format_args!("`{shown}`: {error}")))?;
    match certificates.filter_map(Result::ok).next() {
        Some(_) => Ok(()),
        None => Err(wrong(
            "documents.ca_file",
            format_args!("`{shown}` has no certificate in it (PEM)"),
        )),
    }
}

fn refused_url(url: &RedactedUrl, error: &Error) -> OpenError {
    match &*error.kind {
        ErrorKind::InvalidArgument { message, .. } => {
            wrong("documents.url", format_args!("{url}: {message}"))
        }
        kind => wrong("documents.url", format_args!("{url}: {kind}")),
    }
}

fn wrong(key: &'static str, problem: impl Display) -> OpenError {
    OpenError::Setting {
        key,
        problem: problem.to_string(),
    }
}
