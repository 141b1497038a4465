//! Every attribute key that Chimera records, in one place.
//!
//! Keys of the semantic conventions are the constants of their crate, which has them as of 1.42; in those that are recorded
//! here, 1.43 and 1.44 changed nothing. What is no key of the conventions any more, and what is Chimera's own, stands below
//! with its source.

/// Takes keys over from the crate of the conventions, and lists them.
macro_rules! conventions {
    ($($module:ident: $($key:ident,)+;)+) => {
        $(pub use opentelemetry_semantic_conventions::$module::{$($key,)+};)+

        /// The keys of the conventions that are recorded.
        pub const CONVENTIONS: &[&str] = &[$($($key,)+)+];
    };
}

conventions! {
    attribute:
        CLIENT_ADDRESS, DB_COLLECTION_NAME, DB_NAMESPACE, DB_OPERATION_BATCH_SIZE,
        DB_OPERATION_NAME, DB_QUERY_TEXT, DB_RESPONSE_STATUS_CODE, DB_SYSTEM_NAME, ERROR_TYPE,
        EXCEPTION_MESSAGE, EXCEPTION_TYPE, HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL,
        HTTP_REQUEST_RESEND_COUNT, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, MESSAGING_CLIENT_ID,
        MESSAGING_DESTINATION_ANONYMOUS, MESSAGING_DESTINATION_NAME,
        MESSAGING_DESTINATION_TEMPORARY, MESSAGING_MESSAGE_BODY_SIZE,
        MESSAGING_MESSAGE_CONVERSATION_ID, MESSAGING_MESSAGE_ID, MESSAGING_OPERATION_NAME,
        MESSAGING_OPERATION_TYPE, MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
        MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG, MESSAGING_SYSTEM, NETWORK_PEER_ADDRESS,
        NETWORK_PEER_PORT, NETWORK_PROTOCOL_VERSION, SERVER_ADDRESS, SERVER_PORT, SERVICE_PEER_NAME,
        URL_FULL, URL_PATH, URL_QUERY, URL_SCHEME, URL_TEMPLATE, USER_AGENT_ORIGINAL,
    ;
    resource:
        HOST_ARCH, HOST_ID, HOST_NAME, OS_TYPE, PROCESS_CREATION_TIME, PROCESS_EXECUTABLE_NAME,
        PROCESS_EXECUTABLE_PATH, PROCESS_OWNER, PROCESS_PID, PROCESS_RUNTIME_NAME, SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION,
        TELEMETRY_DISTRO_NAME, TELEMETRY_DISTRO_VERSION, TELEMETRY_SDK_LANGUAGE, TELEMETRY_SDK_NAME,
        TELEMETRY_SDK_VERSION,
    ;
}

/// The version of the conventions that is followed; the crate's own constant is of the version that it has.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Keys that the conventions replaced, and that are recorded beside their successors while tools still look for them, with
/// their sources.
pub const REPLACED: &[(&str, &str)] = &[(
    PEER_SERVICE,
    "https://opentelemetry.io/docs/specs/semconv/registry/attributes/peer/",
)];

/// Keys that the layer between `tracing` and OpenTelemetry records with the events of its macros.
pub const OF_TRACING: &[&str] = &["level", "target", "return"];

/// The logical name of the service at the other end of a call: [`SERVICE_PEER_NAME`] since semantic conventions 1.39.
pub const PEER_SERVICE: &str = "peer.service";

/// Which attempt at a message this is, from 1. Chimera's own.
pub const CHIMERA_ATTEMPT: &str = "chimera.attempt";
/// How long a message was ready in its queue before its handler was called, milliseconds. Chimera's own.
pub const CHIMERA_QUEUE_WAIT_MS: &str = "chimera.queue.wait_ms";
/// What became of a delivery: `ack`, `retry`, `dead_letter`, `expired` or `requeue`. Chimera's own.
pub const CHIMERA_OUTCOME: &str = "chimera.outcome";
/// Whether a published message reached no queue. Chimera's own.
pub const CHIMERA_UNROUTED: &str = "chimera.unrouted";
/// Whether a cache lookup found something. Chimera's own.
pub const CHIMERA_CACHE_HIT: &str = "chimera.cache.hit";
/// What a link is for: `creation` (the sender's span) or `previous_attempt`. Chimera's own.
pub const CHIMERA_LINK: &str = "chimera.link";
/// Whether a span took longer than the threshold for its name. Set on those that did. Chimera's own.
pub const CHIMERA_SLOW: &str = "chimera.slow";
/// That threshold, milliseconds. Chimera's own.
pub const CHIMERA_SLOW_THRESHOLD_MS: &str = "chimera.slow.threshold_ms";
/// Which of the ready-made kinds a span is: `orchestrator`, `agent` and so on. Chimera's own.
pub const CHIMERA_KIND: &str = "chimera.kind";
/// What an orchestrator runs. Chimera's own.
pub const CHIMERA_WORKFLOW_NAME: &str = "chimera.workflow.name";
/// Whose step it is. Chimera's own.
pub const CHIMERA_AGENT_NAME: &str = "chimera.agent.name";
/// Which step. Chimera's own.
pub const CHIMERA_AGENT_OPERATION: &str = "chimera.agent.operation";
/// What somebody else's service is asked to do. Chimera's own.
pub const CHIMERA_OPERATION_NAME: &str = "chimera.operation.name";

/// Whether the conventions, or Chimera, define `key`: whether it is a key that may be recorded.
pub fn is_defined(key: &str) -> bool {
    CONVENTIONS.contains(&key)
        || REPLACED.iter().any(|(replaced, _)| *replaced == key)
        || OF_TRACING.contains(&key)
        || key.starts_with("chimera.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_listed_once_and_look_like_keys() {
        let mut keys = CONVENTIONS.to_vec();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), CONVENTIONS.len());
        for key in keys {
            let is_key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
            assert!(key.chars().all(is_key) && key.contains('.'), "{key}");
            assert!(is_defined(key) && !key.starts_with("chimera."), "{key}");
        }
        assert!(!is_defined("messaging.url"));
    }
}
