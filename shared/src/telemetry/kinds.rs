//! Ready-made kinds of spans: names, kinds and attributes for what agents usually do.
//!
//! Each is a [`SpanStart`] to be given to [`Scope::call`](super::Scope::call), [`Context::call`](crate::Context::call) or
//! `start`; further attributes are added with [`SpanStart::with`]. `docs/instrumentation.md` has them as a table. The bus,
//! documents, cache, time series and HTTP of Chimera have spans already and need none of these.

use opentelemetry::{KeyValue, StringValue, trace::SpanKind};

use super::{SpanStart, keys};

/// Work that others do parts of: `orchestrate {workflow}`, INTERNAL.
pub fn orchestrator(workflow: &str) -> SpanStart {
    SpanStart::new(SpanKind::Internal, format!("orchestrate {workflow}"))
        .with(text(keys::CHIMERA_KIND, "orchestrator"))
        .with(text(keys::CHIMERA_WORKFLOW_NAME, workflow))
}

/// A step of an agent's work: `{operation} {agent}`, INTERNAL.
pub fn agent(agent: &str, operation: &str) -> SpanStart {
    SpanStart::new(SpanKind::Internal, format!("{operation} {agent}"))
        .with(text(keys::CHIMERA_KIND, "agent"))
        .with(text(keys::CHIMERA_AGENT_NAME, agent))
        .with(text(keys::CHIMERA_AGENT_OPERATION, operation))
}

/// A question to a knowledge graph, which `system` keeps as `graph`: `{operation} {graph}`, CLIENT.
///
/// `system` is a name of `db.system.name`, such as `neo4j`. Source:
/// <https://opentelemetry.io/docs/specs/semconv/db/database-spans/>.
pub fn knowledge_graph(system: &str, operation: &str, graph: &str) -> SpanStart {
    called_database(system, operation, graph)
        .with(text(keys::CHIMERA_KIND, "knowledge_graph"))
        .with(text(keys::DB_NAMESPACE, graph))
}

/// A request that is answered: `{method} {route}`, SERVER. `route` is the template, `path` what was asked for.
///
/// Only what the server is to blame for is an error: a status of 5xx. Source:
/// <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>.
pub fn api(method: &str, route: &str, path: &str) -> SpanStart {
    SpanStart::new(SpanKind::Server, format!("{method} {route}"))
        .with(text(keys::CHIMERA_KIND, "api"))
        .with(text(keys::HTTP_REQUEST_METHOD, method))
        .with(text(keys::HTTP_ROUTE, route))
        .with(text(keys::URL_PATH, path))
        .with(text(keys::URL_SCHEME, "http"))
}

/// A command to a cache, such as `GET`: `{command}`, CLIENT. Whether it found something is added with [`cache_hit`].
pub fn cache(system: &str, command: &str) -> SpanStart {
    SpanStart::new(SpanKind::Client, command.to_owned())
        .with(text(keys::CHIMERA_KIND, "cache"))
        .with(text(keys::DB_SYSTEM_NAME, system))
        .with(text(keys::DB_OPERATION_NAME, command))
}

/// Whether a lookup in a cache found something.
pub fn cache_hit(found: bool) -> KeyValue {
    KeyValue::new(keys::CHIMERA_CACHE_HIT, found)
}

/// An operation on a collection or table of a database: `{operation} {collection}`, CLIENT.
pub fn database(system: &str, operation: &str, collection: &str) -> SpanStart {
    called_database(system, operation, collection)
        .with(text(keys::CHIMERA_KIND, "database"))
        .with(text(keys::DB_COLLECTION_NAME, collection))
}

/// A call of somebody else's service, by the name of who is called: `{operation} {service}`, CLIENT.
///
/// Add where it is: [`keys::SERVER_ADDRESS`] and [`keys::SERVER_PORT`].
pub fn external_service(service: &str, operation: &str) -> SpanStart {
    SpanStart::new(SpanKind::Client, format!("{operation} {service}"))
        .with(text(keys::CHIMERA_KIND, "external_service"))
        .with(text(keys::SERVICE_PEER_NAME, service))
        .with(text(keys::PEER_SERVICE, service))
        .with(text(keys::CHIMERA_OPERATION_NAME, operation))
}

fn called_database(system: &str, operation: &str, target: &str) -> SpanStart {
    SpanStart::new(SpanKind::Client, format!("{operation} {target}"))
        .with(text(keys::DB_SYSTEM_NAME, system))
        .with(text(keys::DB_OPERATION_NAME, operation))
}

fn text(key: &'static str, value: &str) -> KeyValue {
    KeyValue::new(key, StringValue::from(value.to_owned()))
}
