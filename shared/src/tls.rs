//! The one implementation of cryptography that every TLS connection of the process uses.

/// Makes ring the process's provider, before the first TLS client is made. Further calls change nothing.
pub fn install_crypto_provider() {
    // The first one to install a provider wins; it is the same one everywhere.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
