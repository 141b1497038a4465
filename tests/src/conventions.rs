//! The semantic conventions as a check: the attributes, kind, name and status of every span of ours.
//!
//! Version 1.44: <https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/>, `…/db/mongodb/`, `…/db/redis/`,
//! `…/http/http-spans/`, `…/exceptions/exceptions-spans/`, `…/general/recording-errors/`.

use chimera_shared::telemetry::keys;
use chimera_traces::tree::{Attributes, Event, Kind, Span, Status};

/// What the spans of an operation are and have.
struct Operation {
    /// The key that only spans of this kind of operation have; its values are `names`, or any.
    key: &'static str,
    names: &'static [&'static str],
    kind: Kind,
    required: &'static [&'static str],
}

const MESSAGING: [&str; 4] = [
    keys::MESSAGING_SYSTEM,
    keys::MESSAGING_DESTINATION_NAME,
    keys::MESSAGING_OPERATION_NAME,
    keys::MESSAGING_OPERATION_TYPE,
];

const MESSAGE: [&str; 2] = [
    keys::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
    keys::MESSAGING_MESSAGE_BODY_SIZE,
];

/// Of a destination whose name is made up at run time.
const MADE_UP: [&str; 2] = [
    keys::MESSAGING_DESTINATION_ANONYMOUS,
    keys::MESSAGING_DESTINATION_TEMPORARY,
];

const HTTP: [&str; 1] = [keys::HTTP_REQUEST_METHOD];

const OPERATIONS: [Operation; 7] = [
    Operation {
        key: keys::MESSAGING_OPERATION_NAME,
        names: &["publish"],
        kind: Kind::Producer,
        required: &MESSAGE,
    },
    Operation {
        key: keys::MESSAGING_OPERATION_NAME,
        names: &["request"],
        kind: Kind::Client,
        required: &[
            keys::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
            keys::MESSAGING_MESSAGE_BODY_SIZE,
            keys::MESSAGING_MESSAGE_CONVERSATION_ID,
        ],
    },
    Operation {
        key: keys::MESSAGING_OPERATION_NAME,
        names: &["process"],
        kind: Kind::Consumer,
        required: &[
            keys::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
            keys::MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG,
            keys::MESSAGING_MESSAGE_BODY_SIZE,
            keys::CHIMERA_ATTEMPT,
            keys::CHIMERA_OUTCOME,
        ],
    },
    Operation {
        key: keys::MESSAGING_OPERATION_NAME,
        names: &["ack", "nack", "reject", "retry", "dead_letter"],
        kind: Kind::Client,
        required: &[
            keys::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
            keys::MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG,
        ],
    },
    // Work of an agent may name the system that it is about; only calls have an operation.
    Operation {
        key: keys::DB_OPERATION_NAME,
        names: &[],
        kind: Kind::Client,
        required: &[keys::DB_SYSTEM_NAME],
    },
    Operation {
        key: keys::URL_FULL,
        names: &[],
        kind: Kind::Client,
        required: &[
            keys::HTTP_REQUEST_METHOD,
            keys::SERVER_ADDRESS,
            keys::SERVER_PORT,
        ],
    },
    Operation {
        key: keys::URL_PATH,
        names: &[],
        kind: Kind::Server,
        required: &[
            keys::HTTP_REQUEST_METHOD,
            keys::URL_SCHEME,
            keys::HTTP_ROUTE,
        ],
    },
];

/// What of `span` is not as the conventions have it.
pub fn breaches(span: &Span) -> Vec<String> {
    let mut found = unknown_keys(span);
    found.extend(ports_without_addresses(span));
    found.extend(status(span));
    found.extend(operation(span));
    found
        .into_iter()
        .map(|what| format!("`{}: {}` {what}", span.service, span.name))
        .collect()
}

fn unknown_keys(span: &Span) -> Vec<String> {
    let events = span.events.iter().map(|event| &event.attributes);
    let links = span.links.iter().map(|link| &link.attributes);
    let all = [&span.attributes].into_iter().chain(events).chain(links);
    let keys = all.flat_map(|Attributes(pairs)| pairs.iter().map(|(key, _)| key));
    keys.filter(|key| !keys::is_defined(key))
        .map(|key| format!("has the key `{key}`, which nobody defines"))
        .collect()
}

/// A port says nothing without its address, and one at the other end belongs to each address.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/general/attributes/>.
fn ports_without_addresses(span: &Span) -> Vec<String> {
    let has = |key| span.attributes.get(key).is_some();
    let mut found = Vec::new();
    if has(keys::SERVER_PORT) && !has(keys::SERVER_ADDRESS) {
        found.push("has the port of a server without its address".to_owned());
    }
    if has(keys::NETWORK_PEER_PORT) != has(keys::NETWORK_PEER_ADDRESS) {
        found.push("has only one of the address and the port of its peer".to_owned());
    }
    found
}

/// A failure has a type and a success has none and no status; an exception is recorded once, and completely.
fn status(span: &Span) -> Vec<String> {
    let mut found = Vec::new();
    let has_type = span.attributes.get(keys::ERROR_TYPE).is_some();
    match span.status {
        Status::Ok => found.push("says that it succeeded".to_owned()),
        Status::Unset if has_type => found.push("has an error.type without a failure".to_owned()),
        Status::Error if !has_type => found.push("failed without an error.type".to_owned()),
        Status::Unset | Status::Error => {}
    }
    let exceptions: Vec<&Event> = span
        .events
        .iter()
        .filter(|event| event.name == "exception")
        .collect();
    if exceptions.len() > 1 {
        found.push("records an exception twice".to_owned());
    }
    let is_whole = |event: &&Event| {
        [keys::EXCEPTION_TYPE, keys::EXCEPTION_MESSAGE]
            .iter()
            .any(|key| event.attributes.get(key).is_some())
    };
    if !exceptions.iter().all(is_whole) {
        found.push("records an exception without type and message".to_owned());
    }
    found
}

fn operation(span: &Span) -> Vec<String> {
    let Some(operation) = OPERATIONS.iter().find(|operation| operation.is_of(span)) else {
        return match span.kind {
            Kind::Internal => Vec::new(),
            other => vec![format!("is {other:?} of no operation that is known")],
        };
    };
    let mut found = operation.missing(span);
    if span.kind != operation.kind {
        found.push(format!("is {:?}, not {:?}", span.kind, operation.kind));
    }
    if let Some(name) = expected_name(span)
        && name != span.name
    {
        found.push(format!("is not called `{name}`"));
    }
    found
}

impl Operation {
    fn is_of(&self, span: &Span) -> bool {
        let value = span.attributes.get(self.key);
        match self.names {
            [] => value.is_some(),
            names => value
                .and_then(|value| value.as_str())
                .is_some_and(|name| names.contains(&name)),
        }
    }

    fn missing(&self, span: &Span) -> Vec<String> {
        let family: &[&str] = match self.key {
            keys::MESSAGING_OPERATION_NAME => &MESSAGING,
            keys::URL_FULL | keys::URL_PATH => &HTTP,
            _ => &[],
        };
        // MongoDB and Redis differ here: what has collections names them.
        let collection = span.attributes.text(keys::DB_SYSTEM_NAME) == Some("mongodb");
        let collection = collection.then_some(&keys::DB_COLLECTION_NAME);
        // What was answered has a status, unless nobody waited for it.
        let answered = self.key.starts_with("url.") && span.status != Status::Error;
        let answered = answered.then_some(&keys::HTTP_RESPONSE_STATUS_CODE);
        let destination = span.attributes.text(keys::MESSAGING_DESTINATION_NAME);
        let is_made_up = destination.is_some_and(|name| name.ends_with("(temporary)"));
        let made_up: &[&str] = if is_made_up { &MADE_UP } else { &[] };
        let required = self.required.iter().chain(family).chain(made_up);
        required
            .chain(collection)
            .chain(answered)
            .filter(|key| span.attributes.get(key).is_none())
            .map(|key| format!("has no `{key}`"))
            .collect()
    }
}

/// The name that follows from the attributes, where one does.
fn expected_name(span: &Span) -> Option<String> {
    let text = |key| span.attributes.text(key);
    if let Some(operation) = text(keys::MESSAGING_OPERATION_NAME) {
        let destination = text(keys::MESSAGING_DESTINATION_NAME)?;
        return match operation {
            "publish" | "request" | "process" => Some(format!("{operation} {destination}")),
            settled => Some(settled.to_owned()),
        };
    }
    if let Some(operation) = text(keys::DB_OPERATION_NAME) {
        let collection = text(keys::DB_COLLECTION_NAME).map(|name| format!(" {name}"));
        return Some(format!("{operation}{}", collection.unwrap_or_default()));
    }
    let method = match text(keys::HTTP_REQUEST_METHOD)? {
        "_OTHER" => "HTTP",
        known => known,
    };
    let target = text(keys::HTTP_ROUTE).or(text(keys::URL_TEMPLATE));
    Some(target.map_or_else(|| method.to_owned(), |target| format!("{method} {target}")))
}
