//! The span and the metric of an attempt.

use std::{net::SocketAddr, time::Instant};

use http::{StatusCode, Version};
use opentelemetry::{KeyValue, trace::SpanKind};

use super::{HttpError, Request, Response};
use crate::telemetry::{
    HttpExchange, MethodName, Place, Scope, Span, SpanStart, keys, methods, redact,
};

/// An attempt under way. One that is dropped before it finished was given up by its caller, and its span says so.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    request: &'a Request,
    method: MethodName,
    span: Span,
    started: Instant,
    status: Option<StatusCode>,
    version: Option<&'static str>,
    finished: bool,
}

impl<'a> Attempt<'a> {
    pub(super) fn start(scope: &Scope, request: &'a Request, resend_count: u32) -> Self {
        let method = scope.telemetry().method_name(request.method.as_str());
        Self {
            request,
            span: scope.start_with(|| start(request, &method, resend_count)),
            method,
            started: Instant::now(),
            status: None,
            version: None,
            finished: false,
        }
    }

    /// The scope under the attempt's span.
    pub(super) fn scope(&self) -> &Scope {
        self.span.scope()
    }

    /// Records what the first line of the response says.
    pub(super) fn answered(&mut self, status: StatusCode, version: Version) {
        self.status = Some(status);
        let code = i64::from(status.as_u16());
        self.span
            .set(KeyValue::new(keys::HTTP_RESPONSE_STATUS_CODE, code));
        self.version = methods::protocol_version(version);
        if let Some(version) = self.version {
            self.span
                .set(KeyValue::new(keys::NETWORK_PROTOCOL_VERSION, version));
        }
    }

    /// Records which host answered: a name may stand for several.
    pub(super) fn came_from(&self, peer: Option<SocketAddr>) {
        self.span.reached(peer);
    }

    pub(super) fn finish(mut self, result: &Result<Response, HttpError>) {
        self.finished = true;
        match result {
            Ok(_) => self.record(None),
            // The conventions want no description where the status code says it all.
            Err(error @ HttpError::Status { .. }) => self.record(Some((&error.error_type(), ""))),
            Err(error) => self.record(Some((&error.error_type(), &error.to_string()))),
        }
    }

    /// Records how it ended: `failure` is its type and its description.
    fn record(&self, failure: Option<(&str, &str)>) {
        if let Some((error_type, description)) = failure {
            self.span.fail(error_type.to_owned(), description);
        }
        let host = self.request.url.host_str().unwrap_or_default();
        self.scope().telemetry().metrics().http(HttpExchange {
            method: &self.method,
            protocol_version: self.version,
            place: Place::Client(host, self.request.url.port_or_known_default()),
            status: self.status.map(|status| status.as_u16()),
            error_type: failure.map(|(error_type, _)| error_type),
            duration: self.started.elapsed(),
            span: Some(&self.span),
        });
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.record(Some(("cancelled", "the caller gave it up")));
        }
    }
}

fn start(request: &Request, method: &MethodName, resend_count: u32) -> SpanStart {
    let original = (!method.is_known()).then(|| request.method.as_str().to_owned());
    let shown = method.in_span_name();
    let name = match request.template {
        Some(template) => format!("{shown} {template}"),
        None => shown.to_owned(),
    };
    let host = request.url.host_str().unwrap_or_default().to_owned();
    let port = request.url.port_or_known_default().map(i64::from);
    let url = redact::text(request.url.as_str()).into_owned();
    SpanStart::new(SpanKind::Client, name)
        .with(KeyValue::new(keys::HTTP_REQUEST_METHOD, method.value()))
        .with(KeyValue::new(keys::SERVER_ADDRESS, host))
        .with_some(keys::SERVER_PORT, port)
        .with(KeyValue::new(keys::URL_FULL, url))
        .with_some(keys::HTTP_REQUEST_METHOD_ORIGINAL, original)
        .with_some(keys::URL_TEMPLATE, request.template)
        .with_some(
            keys::HTTP_REQUEST_RESEND_COUNT,
            (resend_count > 0).then_some(i64::from(resend_count)),
        )
        .with_some(keys::SERVICE_PEER_NAME, request.peer.clone())
        .with_some(keys::PEER_SERVICE, request.peer.clone())
}
