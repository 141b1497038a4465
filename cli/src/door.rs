//! How commands find a running `chimera up`: it writes down where it listens.

use std::{net::SocketAddr, path::Path};

use anyhow::{Context as _, bail};
use chimera_shared::{
    data_dir::DataDir,
    door::{Doorplate, PURPOSE, SERVICE},
};
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;

use crate::{
    api::Api,
    server::{Server, told},
};

/// A running `chimera up`.
#[derive(Debug)]
pub(crate) struct Door {
    server: Server,
    plate: Doorplate,
}

impl Door {
    /// The `chimera up` that runs on `data_dir`, if one does.
    pub(crate) async fn find(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let Some(holder) = DataDir::holder(data_dir) else {
            return Ok(None);
        };
        // One that was killed left its file behind, and who has the directory now need not be a `chimera up`.
        let Some(plate) = Doorplate::read(data_dir)?.filter(|plate| plate.pid == holder.pid) else {
            return Ok(None);
        };
        let Some(address) = plate.address(SERVICE, PURPOSE) else {
            return Ok(None);
        };
        let door = Self {
            server: Server::here("the running `chimera up`", address)?,
            plate,
        };
        // A process that starts may have the id of one that was killed.
        Ok(tokio::net::TcpStream::connect(address)
            .await
            .is_ok()
            .then_some(door))
    }

    /// The `chimera up` that runs on `data_dir`, or an error that says how to start it.
    pub(crate) async fn open(data_dir: &Path) -> anyhow::Result<Self> {
        match Self::find(data_dir).await? {
            Some(door) => Ok(door),
            None => bail!(
                "no `chimera up` is running on {}: start it in another terminal with `chimera up`, \
                 or name its directory with --data-dir",
                data_dir.display()
            ),
        }
    }

    /// What serves traces and commands.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// A POST to the traces' or commands' routes.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.server.post(path)
    }

    /// The HTTP API.
    pub(crate) fn api(&self) -> anyhow::Result<Api> {
        Api::here(self.address("chimera-api", "api")?)
    }

    /// Where each agent says how it is.
    pub(crate) fn health(&self) -> impl Iterator<Item = (String, SocketAddr)> {
        let health = self
            .plate
            .listens
            .iter()
            .filter(|entry| entry.purpose == "health");
        health.map(|entry| (entry.service.clone(), entry.address))
    }

    fn address(&self, service: &str, purpose: &str) -> anyhow::Result<SocketAddr> {
        let address = self.plate.address(service, purpose);
        address.with_context(|| format!("{service} is not served there"))
    }
}

/// The JSON of a successful response; of another one the problem it tells as an error.
pub(crate) async fn json<T: DeserializeOwned>(response: Response) -> anyhow::Result<T> {
    let (status, url) = (response.status(), response.url().clone());
    let body = response
        .bytes()
        .await
        .with_context(|| format!("reading the answer of {url}"))?;
    if status.is_success() {
        return serde_json::from_slice(&body)
            .with_context(|| format!("reading the answer of {url}"));
    }
    bail!(
        "{}",
        told(&body).unwrap_or_else(|| format!("{url} answered {status}"))
    )
}
