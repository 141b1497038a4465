//! Every attribute key that Chimera records, in one place.
//!
//! Keys of the semantic conventions are the constants of their crate; what it lags behind and what is Chimera's own
//! stands below with its source.

pub use opentelemetry_semantic_conventions::attribute::{
    DB_COLLECTION_NAME, DB_NAMESPACE, DB_OPERATION_BATCH_SIZE, DB_OPERATION_NAME, DB_QUERY_TEXT,
    DB_RESPONSE_STATUS_CODE, DB_SYSTEM_NAME, ERROR_TYPE, EXCEPTION_MESSAGE, EXCEPTION_TYPE,
    HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL, HTTP_REQUEST_RESEND_COUNT,
    HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, MESSAGING_CLIENT_ID, MESSAGING_DESTINATION_ANONYMOUS,
    MESSAGING_DESTINATION_NAME, MESSAGING_DESTINATION_TEMPORARY, MESSAGING_MESSAGE_BODY_SIZE,
    MESSAGING_MESSAGE_CONVERSATION_ID, MESSAGING_MESSAGE_ID, MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE, MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
    MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG, MESSAGING_SYSTEM, NETWORK_PROTOCOL_VERSION,
    SERVER_ADDRESS, SERVER_PORT, URL_FULL, URL_PATH, URL_QUERY, URL_SCHEME, URL_TEMPLATE,
    USER_AGENT_ORIGINAL,
};

pub use opentelemetry_semantic_conventions::resource::{
    HOST_ARCH, HOST_NAME, OS_TYPE, PROCESS_EXECUTABLE_NAME, PROCESS_EXECUTABLE_PATH, PROCESS_PID,
    PROCESS_RUNTIME_NAME, SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION,
    TELEMETRY_DISTRO_NAME, TELEMETRY_DISTRO_VERSION,
};

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
/// The logical name of the service at the other end of a call.
///
/// `peer.service` until semantic conventions 1.39; both are set while tools still look for the older one.
pub const PEER_SERVICE: &str = "peer.service";
/// Its successor. Source: <https://opentelemetry.io/docs/specs/semconv/registry/attributes/service/>.
pub const SERVICE_PEER_NAME: &str = "service.peer.name";
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
