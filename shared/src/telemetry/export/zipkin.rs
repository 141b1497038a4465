//! Spans as Zipkin takes them: JSON of its API v2, posted.

mod span;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use opentelemetry_sdk::{Resource, trace::SpanData};
use url::Url;

use super::{
    failure::{Again, Failure, Kind},
    queue::{Export, Taken},
    retry::Patience,
    unusable::Unusable,
};
use crate::{config::ZipkinConfig, http::Untraced, telemetry::resource::service_name, tls::Trust};
use span::ZipkinSpan;

/// What the exporter calls itself, in the form of OTLP's.
const USER_AGENT: &str = concat!(
    "chimera/",
    env!("CARGO_PKG_VERSION"),
    " OTel-Zipkin-Exporter-Rust/",
    env!("CARGO_PKG_VERSION")
);

/// Posts spans to Zipkin.
#[derive(Debug)]
pub(super) struct Zipkin {
    client: Untraced,
    timeout: std::time::Duration,
    service: String,
}

impl Zipkin {
    pub(super) fn new(config: &ZipkinConfig) -> Result<Self, Unusable> {
        let url = Url::parse(config.endpoint.expose()).map_err(Unusable::Url)?;
        Ok(Self {
            client: Untraced::new(url, Trust::default(), USER_AGENT).map_err(Unusable::Client)?,
            timeout: config.timeout,
            service: String::new(),
        })
    }

    fn encode(&self, batch: &[SpanData]) -> Result<Bytes, Failure> {
        let spans = batch
            .iter()
            .map(|span| ZipkinSpan::new(&self.service, span));
        let spans: Vec<_> = spans.collect();
        let body = serde_json::to_vec(&spans).map_err(|error| Failure {
            cause: format!("writing the batch as JSON: {error}"),
            kind: Kind::Malformed,
            again: Again::Never,
        })?;
        Ok(body.into())
    }

    async fn send(&self, body: Bytes) -> Result<Taken, Failure> {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
        let answer = self.client.post(headers, body).await;
        let answer = answer.map_err(|error| Failure::http(&error))?;
        if (200..300).contains(&answer.status) {
            return Ok(Taken::default());
        }
        let said = String::from_utf8_lossy(&answer.body);
        Err(Failure::status(&answer, &said))
    }
}

impl Export<SpanData> for Zipkin {
    fn describe(&mut self, resource: &Resource) {
        self.service = service_name(resource);
    }

    async fn export(
        &mut self,
        batch: Vec<SpanData>,
        patience: &Patience,
    ) -> Result<Taken, Failure> {
        let body = self.encode(&batch)?;
        let patience = patience.within(self.timeout);
        patience
            .persist(async || self.send(body.clone()).await)
            .await
    }
}

#[cfg(test)]
mod tests;
