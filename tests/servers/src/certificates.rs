//! Certificates for servers with TLS.

use std::{fs, path::Path, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tempfile::TempDir;

use crate::scratch;

/// An authority and the certificate that it gave a server, in files in PEM. They are gone when the last copy is dropped.
#[derive(Debug, Clone)]
pub struct Certificates {
    directory: Arc<TempDir>,
    paths: [std::path::PathBuf; 3],
}

impl Certificates {
    /// A certificate for `localhost` and `127.0.0.1`, by a new authority.
    pub fn new() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    /// A certificate for these names and addresses, by a new authority: for a server that is reached by another name, it
    /// does not fit.
    pub fn for_names(names: &[&str]) -> Self {
        Self::made(names, |_| ())
    }

    /// A certificate like [`Certificates::new`]'s whose time was over long ago.
    pub fn expired() -> Self {
        Self::made(&["localhost", "127.0.0.1"], |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        })
    }

    fn made(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let ca = authority();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("they are names");
        params
            .distinguished_name
            .push(DnType::CommonName, "a server of tests");
        change(&mut params);
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = params.signed_by(&key, &ca).expect("the authority may sign");

        let directory = scratch::directory("certificates");
        let paths =
            ["ca.pem", "certificate.pem", "key.pem"].map(|name| directory.path().join(name));
        let texts = [ca.pem(), certificate.pem(), key.serialize_pem()];
        for (path, text) in paths.iter().zip(texts) {
            fs::write(path, text).expect("the directory is ours");
        }
        Self {
            directory: Arc::new(directory),
            paths,
        }
    }

    /// The certificate of the authority, which clients have to trust.
    pub fn ca(&self) -> &Path {
        &self.paths[0]
    }

    /// The certificate of the server.
    pub fn certificate(&self) -> &Path {
        &self.paths[1]
    }

    /// The key of the server.
    pub fn key(&self) -> &Path {
        &self.paths[2]
    }

    /// The directory of the three files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The authority, the certificate and the key.
    pub(crate) fn files(&self) -> [&Path; 3] {
        [self.ca(), self.certificate(), self.key()]
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "an authority of tests");
    let key = KeyPair::generate().expect("there is randomness");
    CertifiedIssuer::self_signed(params, key).expect("its own key signs it")
}
