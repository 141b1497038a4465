//! OTLP over HTTP, in protobuf or JSON. Source: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression as Level, write::GzEncoder};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use url::Url;

use super::{
    super::{
        failure::{Again, Failure, Kind},
        queue::Taken,
        unusable::Unusable,
    },
    USER_AGENT, answer,
};
use crate::{
    config::{Compression, OtlpProtocol, OtlpSignal},
    http::{Answer, Untraced},
    tls::Trust,
};

#[derive(Debug)]
pub(super) struct Http {
    client: Untraced,
    headers: HeaderMap,
    is_json: bool,
    is_packed: bool,
}

impl Http {
    pub(super) fn new(
        settings: &OtlpSignal,
        mut headers: HeaderMap,
        trust: Trust,
    ) -> Result<Self, Unusable> {
        let url = Url::parse(settings.url.expose()).map_err(Unusable::Url)?;
        let is_json = settings.protocol == OtlpProtocol::HttpJson;
        let content = if is_json {
            "application/json"
        } else {
            "application/x-protobuf"
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
        let is_packed = settings.compression == Compression::Gzip;
        if is_packed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(Self {
            client: Untraced::new(url, trust, USER_AGENT).map_err(Unusable::Client)?,
            headers,
            is_json,
            is_packed,
        })
    }

    /// The body of a request, packed if it is to be.
    pub(super) fn encode<M: prost::Message + Serialize>(
        &self,
        request: &M,
    ) -> Result<Bytes, Failure> {
        let plain = if self.is_json {
            serde_json::to_vec(request).map_err(|error| malformed(&error))?
        } else {
            request.encode_to_vec()
        };
        if !self.is_packed {
            return Ok(plain.into());
        }
        let mut packer = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Level::fast());
        packer
            .write_all(&plain)
            .expect("writing into memory does not fail");
        let packed = packer.finish().expect("writing into memory does not fail");
        Ok(packed.into())
    }

    /// One attempt.
    pub(super) async fn send(&self, body: Bytes) -> Result<Taken, Failure> {
        let answer = self.client.post(self.headers.clone(), body).await;
        let answer = answer.map_err(|error| Failure::http(&error))?;
        if !(200..300).contains(&answer.status) {
            return Err(Failure::status(&answer, &answer::words(&answer.body)));
        }
        self.taken(answer)
    }

    fn taken(&self, answer: Answer) -> Result<Taken, Failure> {
        if answer::is_page(&answer.body) {
            return Err(Failure {
                cause: format!("it answered {} with a page", answer.status),
                kind: Kind::Page,
                again: Again::Never,
            });
        }
        Ok(if self.is_json {
            answer::of_json(&answer.body)
        } else {
            answer::of_protobuf(answer.body)
        })
    }
}

fn malformed(error: &serde_json::Error) -> Failure {
    Failure {
        cause: format!("writing the batch as JSON: {error}"),
        kind: Kind::Malformed,
        again: Again::Never,
    }
}
