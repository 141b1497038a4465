//! What is wrong with a server's certificate, in words that say what to do.
//!
//! It is here because this is the lowest room that speaks TLS; the clients of the stores use the same words.

use std::{error::Error, io, iter};

use rustls::{CertificateError, Error as TlsError};

/// Why a server's certificate is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFault {
    /// Nobody who is trusted here has signed it.
    UnknownIssuer,
    /// It is for other hosts than the one that was asked for.
    OtherName,
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// Something else.
    Other,
}

impl CertificateFault {
    /// The fault that `error`, or one of its causes, is about; `None` where it is about something else.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        match tls_error(error)? {
            TlsError::InvalidCertificate(fault) => Some(Self::of_certificate(fault)),
            _ => None,
        }
    }

    fn of_certificate(fault: &CertificateError) -> Self {
        use CertificateError as E;
        match fault {
            // The signature is bad where a new authority has the name of the old one.
            E::UnknownIssuer | E::BadSignature => Self::UnknownIssuer,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::OtherName,
            E::Expired | E::ExpiredContext { .. } => Self::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotYetValid,
            _ => Self::Other,
        }
    }

    /// What is wrong and what to do, to follow "the certificate of …"; `part` is the section of the configuration that
    /// the server is for, as `bus`.
    pub fn explained(self, part: &str) -> String {
        match self {
            Self::UnknownIssuer => format!(
                "is signed by an authority that is not trusted here: name a file with that authority's certificate in `{part}.ca_file`"
            ),
            Self::OtherName => {
                format!(
                    "is for another name: name the host in `{part}.url` as the certificate does"
                )
            }
            Self::Expired => "has expired: renew it at the server".to_owned(),
            Self::NotYetValid => {
                "is not valid yet: compare the clocks here and at the server".to_owned()
            }
            Self::Other => "is not accepted: give the server another one".to_owned(),
        }
    }
}

/// The error of TLS that `error` is, or that is below it.
pub fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    iter::successors(Some(error), |error| (*error).source()).find_map(|error| {
        // What an I/O error wraps is not its source, but the source's place.
        let wrapped = || error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref();
        error.downcast_ref().or_else(wrapped)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_found_and_explained() {
        #[track_caller]
        fn check(fault: CertificateError, expected: &str) {
            let error = io::Error::other(TlsError::InvalidCertificate(fault));
            let fault = CertificateFault::of(&error).unwrap();
            let said = fault.explained("cache");
            assert!(said.contains(expected), "{said}");
        }
        check(CertificateError::UnknownIssuer, "`cache.ca_file`");
        check(CertificateError::BadSignature, "`cache.ca_file`");
        check(CertificateError::NotValidForName, "`cache.url`");
        check(CertificateError::Expired, "has expired");
        check(CertificateError::NotValidYet, "not valid yet");
        check(CertificateError::Revoked, "is not accepted");
    }

    #[test]
    fn other_errors_are_about_no_certificate() {
        let tls = io::Error::other(TlsError::HandshakeNotComplete);
        assert_eq!(CertificateFault::of(&tls), None);
        assert!(tls_error(&tls).is_some());
        assert_eq!(CertificateFault::of(&io::Error::other("cut")), None);
    }
}
