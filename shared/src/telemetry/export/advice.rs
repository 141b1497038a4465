//! What to do about an export that fails.

use super::failure::{Failure, Kind};
use crate::config::OtlpProtocol;

/// What advice depends on beside the failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// Where the exporter is configured: `telemetry.otlp`.
    pub(super) section: &'static str,
    /// How it speaks, where there is a choice.
    pub(super) protocol: Option<OtlpProtocol>,
}

impl Setting {
    /// What whoever reads the log can do; a sentence without its end.
    pub(super) fn advice(&self, failure: &Failure) -> String {
        let section = self.section;
        match failure.kind {
            Kind::Unreachable => format!(
                "check that the backend runs and is reached from here under this address ({section}.endpoint)"
            ),
            Kind::Certificate => format!(
                "name the authority in {section}.certificate, ours in {section}.client_certificate and \
                 {section}.client_key, or use `http://` where the backend has no TLS"
            ),
            Kind::Protocol => self.other_protocol(),
            Kind::Page => format!(
                "what answers there is a page for people: give {section}.endpoint the port that takes OTLP, usually 4318 \
                 for HTTP and 4317 for gRPC"
            ),
            Kind::NotFound => format!(
                "check the path in {section}.endpoint and the protocol: HTTP appends `/v1/traces` and its like to \
                 `endpoint`, but not to a signal's own"
            ),
            Kind::Credentials => format!("check the credentials in {section}.headers"),
            Kind::TooLarge => "make telemetry.batch.max_export_batch_size smaller".to_owned(),
            Kind::Throttled => {
                "the backend takes less than is sent: sample less, or raise its limits".to_owned()
            }
            Kind::Malformed => {
                "the backend does not accept what is sent: check its version and its log".to_owned()
            }
            Kind::Backend => "look into the backend's log".to_owned(),
            Kind::Timeout => {
                format!("look at the backend's load, or raise {section}.timeout")
            }
            Kind::File => format!("check the disk and the permissions ({section}.path)"),
            Kind::Locked => format!("end whoever holds it, or name another file in {section}.path"),
            Kind::Settings => {
                "correct the setting that is named, and start the program again".to_owned()
            }
            Kind::Ended => "what was left at the end is lost".to_owned(),
        }
    }

    fn other_protocol(&self) -> String {
        let section = self.section;
        match self.protocol {
            Some(OtlpProtocol::Grpc) => format!(
                "no gRPC server answers there: OTLP over HTTP is usually on port 4318 and needs \
                 {section}.protocol = \"http/protobuf\", gRPC is on 4317"
            ),
            Some(_) => format!(
                "no HTTP server answers there: gRPC is usually on port 4317 and needs {section}.protocol = \"grpc\", \
                 OTLP over HTTP is on 4318"
            ),
            None => format!("something else answers there: check the port in {section}.endpoint"),
        }
    }
}
