//! What every TLS connection of the process is made of.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

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

/// A file that is named for TLS cannot be read.
#[derive(Debug, Error)]
#[error("reading {}", path.display())]
pub struct TrustError {
    path: PathBuf,
    source: io::Error,
}

impl Trust {
    /// Reads the files. A client's certificate counts only together with its key.
    pub(crate) fn read(
        certificate: Option<&Path>,
        client_certificate: Option<&Path>,
        client_key: Option<&Path>,
    ) -> Result<Self, TrustError> {
        let identity = client_certificate
            .zip(client_key)
            .map(|(certificate, key)| {
                Ok(Identity {
                    certificate: read(certificate)?,
                    key: read(key)?,
                })
            });
        Ok(Self {
            certificate: certificate.map(read).transpose()?,
            identity: identity.transpose()?,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    fs::read(path).map_err(|source| TrustError {
        path: path.to_owned(),
        source,
    })
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("has_certificate", &self.certificate.is_some())
            .field("has_identity", &self.identity.is_some())
            .finish()
    }
}
