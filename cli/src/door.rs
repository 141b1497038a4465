//! How commands find a running `chimera up`: it writes down where it listens.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use chimera_shared::{
    data_dir::DataDir,
    door::{Doorplate, PURPOSE, SERVICE},
};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A running `chimera up`.
#[derive(Debug)]
pub(crate) struct Door {
    client: Client,
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
            client: client()?,
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

    /// A GET of the traces' or commands' routes.
    pub(crate) fn get(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<RequestBuilder> {
        Ok(self.client.get(self.url(path, query)?))
    }

    /// A POST to the traces' or commands' routes.
    pub(crate) fn post(&self, path: &str) -> anyhow::Result<RequestBuilder> {
        Ok(self.client.post(self.url(path, &[])?))
    }

    /// The HTTP API.
    pub(crate) fn api(&self) -> anyhow::Result<Api> {
        Api::at(self.address("chimera-api", "api")?)
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Url> {
        let mut url = url(self.address(SERVICE, PURPOSE)?, path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn address(&self, service: &str, purpose: &str) -> anyhow::Result<SocketAddr> {
        let address = self.plate.address(service, purpose);
        address.with_context(|| format!("{service} is not served there"))
    }
}

/// The HTTP API of `chimera-api`.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    address: SocketAddr,
}

impl Api {
    /// The API that listens on `address`.
    pub(crate) fn at(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            client: client()?,
            address,
        })
    }

    /// Asks `question`, waits for its end, `timeout` at most, and returns the query as it stands then.
    pub(crate) async fn ask(&self, question: &str, timeout: Duration) -> anyhow::Result<Value> {
        let wait = timeout.as_secs().max(1);
        let request = self
            .client
            .post(url(self.address, "/api/queries")?)
            .header("prefer", format!("wait={wait}"))
            .json(&json!({ "query": question }));
        json(request.send().await?).await
    }
}

fn url(address: SocketAddr, path: &str) -> anyhow::Result<Url> {
    Ok(Url::parse(&format!("http://{address}{path}"))?)
}

/// An HTTP client for this machine, where no proxy is.
fn client() -> anyhow::Result<Client> {
    chimera_shared::tls::install_crypto_provider();
    Client::builder()
        .no_proxy()
        // Only ever `http`: reading the system's certificates would take longer than a question.
        .tls_certs_only([])
        .build()
        .context("making an HTTP client")
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

/// What an error body tells: a problem by RFC 9457, or an error in Jaeger's shape.
fn told(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = body
        .get("detail")
        .or_else(|| body.pointer("/error/message"))
        .or_else(|| body.get("title"))?;
    text.as_str().map(str::to_owned)
}
