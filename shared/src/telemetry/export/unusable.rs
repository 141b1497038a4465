//! Exporters that cannot be made of their settings: they are there, lose what they get, and say why.
//!
//! What is wrong with telemetry must not stop the work that it tells of.

use opentelemetry_sdk::Resource;
use thiserror::Error;

use super::{
    failure::{Again, Failure, Kind, chain},
    queue::{Export, Taken},
    retry::Patience,
};
use crate::{http::HttpError, tls::TrustError};

/// Why an exporter cannot be made.
#[derive(Debug, Error)]
pub(super) enum Unusable {
    /// Its URL is none.
    #[error("reading the URL of the exporter")]
    Url(#[source] url::ParseError),
    /// Its URL is none for gRPC.
    #[error("reading the URL of the exporter for gRPC")]
    Grpc(#[source] tonic::transport::Error),
    /// A certificate or a key is none.
    #[error("reading the certificates of the exporter, see telemetry.otlp.certificate")]
    Client(#[source] HttpError),
    /// A file with a certificate or a key cannot be used.
    #[error("reading the certificates of the exporter")]
    Trust(#[from] TrustError),
}

impl From<Unusable> for Failure {
    fn from(error: Unusable) -> Self {
        Self {
            cause: chain(&error),
            kind: Kind::Settings,
            again: Again::Never,
        }
    }
}

/// An exporter, or why there is none.
pub(super) type Made<E> = Result<E, Failure>;

impl<T, E: Export<T>> Export<T> for Made<E> {
    fn describe(&mut self, resource: &Resource) {
        if let Ok(exporter) = self {
            exporter.describe(resource);
        }
    }

    async fn export(&mut self, batch: Vec<T>, patience: &Patience) -> Result<Taken, Failure> {
        match self {
            Ok(exporter) => exporter.export(batch, patience).await,
            Err(failure) => Err(failure.clone()),
        }
    }

    fn finish(&mut self) {
        if let Ok(exporter) = self {
            exporter.finish();
        }
    }
}
