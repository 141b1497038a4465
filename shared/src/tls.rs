//! What every TLS connection of the process is made of.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use thiserror::Error;

/// Makes ring the process's provider, before the first TLS client is made. Further calls change nothing.
pub fn install_crypto_provider() {
    // The first one to install a provider wins; it is the same one everywhere.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whom a client trusts, and as whom it shows itself, both as PEM.
#[derive(Clone, Default)]
pub(crate) struct Trust {
    /// The authorities, in place of the system's.
    pub(crate) certificate: Option<Vec<u8>>,
    /// The client's own.
    pub(crate) identity: Option<Identity>,
}

/// A client's certificate, and the key to it.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// The settings that name the files, as errors say them.
const CERTIFICATE: &str = "telemetry.otlp.certificate";
const CLIENT_CERTIFICATE: &str = "telemetry.otlp.client_certificate";
const CLIENT_KEY: &str = "telemetry.otlp.client_key";

/// A file that is named for TLS cannot be used. The setting is that for all signals; one signal may have its own.
#[derive(Debug, Error)]
pub(crate) enum TrustError {
    /// It cannot be read.
    #[error("reading {}, which {setting} names", path.display())]
    Read {
        setting: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// It holds something else.
    #[error("{}, which {setting} names, holds no {wanted} in PEM", path.display())]
    NotPem {
        setting: &'static str,
        path: PathBuf,
        wanted: &'static str,
    },
    /// Of a certificate and its key, one is missing.
    #[error("{given} needs {missing} beside it, which is not set")]
    Alone {
        given: &'static str,
        missing: &'static str,
    },
}

impl Trust {
    /// Reads the files.
    ///
    /// # Errors
    /// When one of them cannot be read, or holds something else, or a client's certificate is without its key.
    pub(crate) fn read(
        certificate: Option<&Path>,
        client_certificate: Option<&Path>,
        client_key: Option<&Path>,
    ) -> Result<Self, TrustError> {
        let alone = |given, missing| Err(TrustError::Alone { given, missing });
        let identity = match (client_certificate, client_key) {
            (Some(certificate), Some(key)) => Some(Identity {
                certificate: read_certificates(CLIENT_CERTIFICATE, certificate)?,
                key: read_key(CLIENT_KEY, key)?,
            }),
            (Some(_), None) => return alone(CLIENT_CERTIFICATE, CLIENT_KEY),
            (None, Some(_)) => return alone(CLIENT_KEY, CLIENT_CERTIFICATE),
            (None, None) => None,
        };
        let certificate = certificate.map(|path| read_certificates(CERTIFICATE, path));
        Ok(Self {
            certificate: certificate.transpose()?,
            identity,
        })
    }
}

fn read_certificates(setting: &'static str, path: &Path) -> Result<Vec<u8>, TrustError> {
    let pem = read(setting, path)?;
    let mut certificates = CertificateDer::pem_slice_iter(&pem);
    match certificates.next() {
        Some(Ok(_)) => Ok(pem),
        Some(Err(_)) | None => Err(not_pem(setting, path, "certificate")),
    }
}

fn read_key(setting: &'static str, path: &Path) -> Result<Vec<u8>, TrustError> {
    let pem = read(setting, path)?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(_) => Ok(pem),
        Err(_) => Err(not_pem(setting, path, "private key")),
    }
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, TrustError> {
    fs::read(path).map_err(|source| TrustError::Read {
        setting,
        path: path.to_owned(),
        source,
    })
}

fn not_pem(setting: &'static str, path: &Path, wanted: &'static str) -> TrustError {
    TrustError::NotPem {
        setting,
        path: path.to_owned(),
        wanted,
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("has_certificate", &self.certificate.is_some())
            .field("has_identity", &self.identity.is_some())
            .finish()
    }
}
