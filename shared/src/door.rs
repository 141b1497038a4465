//! The door by which commands reach a running process: traces and commands over HTTP on this machine, and a file in the
//! data directory that says where.
//!
//! `chimera up` has one, and so has an agent in a process of its own, whose embedded bus nobody else could reach.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use axum::{
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::{
    control,
    platform::{Address, Running},
    telemetry::TelemetryError,
};

/// The service of the door: what commands publish is traced under this name.
pub const SERVICE: &str = "chimera";

/// What is served at the door.
pub const PURPOSE: &str = "traces and commands";

/// The file in the data directory.
const FILE: &str = "up.json";

/// What the file says: who listens where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doorplate {
    /// The process.
    pub pid: u32,
    /// Where it listens.
    pub listens: Vec<Entry>,
}

/// One address of a process, as [`Address`] has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The agent, or the part of the platform.
    pub service: String,
    /// What is served there.
    pub purpose: String,
    /// Where.
    pub address: SocketAddr,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// It could not be read.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said, or what is wrong with its text.
        source: io::Error,
    },
    /// It could not be written.
    #[error("writing {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Doorplate {
    /// Writes down that this process listens on `addresses`.
    ///
    /// # Errors
    /// [`DoorError::Write`].
    pub fn write(data_dir: &Path, addresses: &[Address]) -> Result<(), DoorError> {
        let listens = addresses.iter().map(|address| Entry {
            service: address.service.clone(),
            purpose: address.purpose.to_owned(),
            address: address.address,
        });
        let plate = Self {
            pid: std::process::id(),
            listens: listens.collect(),
        };
        let path = data_dir.join(FILE);
        // Written beside and renamed, so that no command ever reads half of it.
        let draft = path.with_extension("json.new");
        serde_json::to_vec_pretty(&plate)
            .map_err(io::Error::from)
            .and_then(|text| fs::write(&draft, text))
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|source| DoorError::Write { path, source })
    }

    /// Takes back what [`Doorplate::write`] wrote.
    pub fn remove(data_dir: &Path) {
        // What stays behind names an address where nobody answers, which commands understand.
        let _ = fs::remove_file(data_dir.join(FILE));
    }

    /// What was last written in `data_dir`; the process may be gone.
    ///
    /// # Errors
    /// [`DoorError::Read`], but not where there is no such file.
    pub fn read(data_dir: &Path) -> Result<Option<Self>, DoorError> {
        let path = data_dir.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(DoorError::Read { path, source }),
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| DoorError::Read {
                path,
                source: error.into(),
            })
    }

    /// Where `service` serves `purpose`.
    pub fn address(&self, service: &str, purpose: &str) -> Option<SocketAddr> {
        self.listens
            .iter()
            .find(|entry| entry.service == service && entry.purpose == purpose)
            .map(|entry| entry.address)
    }
}

impl Running {
    /// Opens the door on `listener`. It asks for no key, so that it is for an address of this machine only.
    ///
    /// # Errors
    /// [`TelemetryError`] when the door's own telemetry cannot be set up.
    pub fn open_door(&mut self, listener: TcpListener) -> Result<(), TelemetryError> {
        let commands = self.traced(SERVICE, control::router())?;
        let traces = self
            .platform()
            .traces()
            .cloned()
            .map(chimera_traces::api::router)
            .unwrap_or_default();
        let routes = commands
            .merge(traces)
            .layer(middleware::from_fn(refuse_other_hosts));
        self.serve(SERVICE, PURPOSE, listener, routes);
        Ok(())
    }
}

/// A page in a browser may have a name of its own point to this machine, and would then reach the door as if it came
/// from here; but its requests name that host.
async fn refuse_other_hosts(request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    if is_this_machine(host) {
        return next.run(request).await;
    }
    let text = format!(
        "{host:?} is not a name of this machine: commands are taken under localhost or 127.0.0.1\n"
    );
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}

/// Whether a `Host` header names the loopback.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_until_it_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Doorplate::read(directory.path()).unwrap(), None);
        let address = SocketAddr::from(([127, 0, 0, 1], 7));
        let listens = Address {
            service: SERVICE.to_owned(),
            purpose: PURPOSE,
            address,
        };
        Doorplate::write(directory.path(), &[listens]).unwrap();
        let plate = Doorplate::read(directory.path()).unwrap().unwrap();
        assert_eq!(plate.pid, std::process::id());
        assert_eq!(plate.address(SERVICE, PURPOSE), Some(address));
        assert_eq!(plate.address(SERVICE, "api"), None);
        Doorplate::remove(directory.path());
        assert_eq!(Doorplate::read(directory.path()).unwrap(), None);
    }

    #[test]
    fn only_names_of_the_loopback_are_this_machine() {
        fn check(host: &str, expected: bool) {
            assert_eq!(is_this_machine(host), expected, "{host}");
        }
        check("127.0.0.1:16686", true);
        check("localhost", true);
        check("LOCALHOST:80", true);
        check("[::1]:16686", true);
        check("", false);
        check("evil.example", false);
        check("evil.example:16686", false);
        check("127.0.0.1.evil.example", false);
        check("10.0.0.1:80", false);
    }

    #[test]
    fn a_broken_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "{").unwrap();
        let error = Doorplate::read(directory.path()).unwrap_err();
        assert!(error.to_string().ends_with(FILE), "{error}");
    }
}
