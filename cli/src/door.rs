//! How commands find a running `chimera up`: it writes down where it listens.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use chimera_shared::{data_dir::DataDir, platform::Address};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::stack::{CHIMERA, DOOR};

/// The file in the data directory that says where `chimera up` listens.
const FILE: &str = "up.json";

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    pid: u32,
    listens: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    service: String,
    purpose: String,
    address: SocketAddr,
}

/// A running `chimera up`.
#[derive(Debug)]
pub(crate) struct Door {
    client: Client,
    listens: Vec<Entry>,
}

/// Writes down where this process listens.
pub(crate) fn write(data_dir: &Path, addresses: &[Address]) -> anyhow::Result<()> {
    let listens = addresses.iter().map(|address| Entry {
        service: address.service.clone(),
        purpose: address.purpose.to_owned(),
        address: address.address,
    });
    let written = Written {
        pid: std::process::id(),
        listens: listens.collect(),
    };
    let file = file(data_dir);
    // Written beside and renamed, so that no command ever reads half of it.
    let draft = file.with_extension("json.new");
    fs::write(&draft, serde_json::to_vec_pretty(&written)?)
        .and_then(|()| fs::rename(&draft, &file))
        .with_context(|| format!("writing {}", file.display()))
}

/// Takes back what [`write`] wrote.
pub(crate) fn remove(data_dir: &Path) {
    // What stays behind names an address where nobody answers, which commands understand.
    let _ = fs::remove_file(file(data_dir));
}

impl Door {
    /// The `chimera up` that runs on `data_dir`, if one does.
    pub(crate) async fn find(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let Some(holder) = DataDir::holder(data_dir) else {
            return Ok(None);
        };
        let file = file(data_dir);
        let written: Written = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("reading {}", file.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
        };
        // One that was killed left its file behind, and who has the directory now need not be a `chimera up`.
        if written.pid != holder.pid {
            return Ok(None);
        }
        let door = Self {
            client: client()?,
            listens: written.listens,
        };
        let Ok(address) = door.address(CHIMERA, DOOR) else {
            return Ok(None);
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
        let mut url = url(self.address(CHIMERA, DOOR)?, path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn address(&self, service: &str, purpose: &str) -> anyhow::Result<SocketAddr> {
        self.listens
            .iter()
            .find(|entry| entry.service == service && entry.purpose == purpose)
            .map(|entry| entry.address)
            .with_context(|| format!("{service} is not served there"))
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

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}
