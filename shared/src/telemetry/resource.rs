//! What a service says about itself with every span.

mod host;
mod process;

use std::collections::BTreeMap;

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::{Resource, resource::TelemetryResourceDetector};
use uuid::Uuid;

use super::{keys, redact};

/// The resource of `service`. `extra` (from `telemetry.resource_attributes`, hence `OTEL_RESOURCE_ATTRIBUTES`) beats what
/// was found out, and never the service's name: several services share a process, and with it that variable.
pub(super) fn describe(
    service: &str,
    version: Option<&str>,
    extra: &BTreeMap<String, String>,
) -> Resource {
    let found = found(version).into_iter();
    let extra = extra.iter().filter(|(key, _)| *key != keys::SERVICE_NAME);
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(found.map(|(key, value)| KeyValue::new(key, value)))
        .with_attributes(
            extra.map(|(key, value)| {
                KeyValue::new(key.clone(), redact::value(key, value).into_owned())
            }),
        )
        .with_attribute(KeyValue::new(keys::SERVICE_NAME, service.to_owned()))
        .with_schema_url([], keys::SCHEMA_URL)
        .build()
}

/// The name of the service that `resource` describes.
pub(super) fn service_name(resource: &Resource) -> String {
    let name = resource.get(&keys::SERVICE_NAME.into());
    name.map(|name| name.to_string()).unwrap_or_default()
}

fn found(version: Option<&str>) -> Vec<(&'static str, Value)> {
    let mut found: Vec<(&'static str, Value)> = vec![
        (keys::SERVICE_INSTANCE_ID, Uuid::now_v7().to_string().into()),
        (keys::TELEMETRY_DISTRO_NAME, "chimera".into()),
        (
            keys::TELEMETRY_DISTRO_VERSION,
            env!("CARGO_PKG_VERSION").into(),
        ),
        (keys::HOST_ARCH, host::arch().into()),
        (keys::HOST_NAME, host::name().into()),
        (keys::OS_TYPE, host::os_type().into()),
        (keys::PROCESS_PID, i64::from(std::process::id()).into()),
        (keys::PROCESS_RUNTIME_NAME, "rust".into()),
    ];
    let (name, path) = process::executable();
    // The command line is left out: people pass secrets in it.
    let where_known = [
        (keys::SERVICE_VERSION, version.map(str::to_owned)),
        (keys::HOST_ID, host::id()),
        (keys::PROCESS_OWNER, process::owner()),
        (keys::PROCESS_CREATION_TIME, process::creation_time()),
        (keys::PROCESS_EXECUTABLE_NAME, name),
        (keys::PROCESS_EXECUTABLE_PATH, path),
    ];
    let where_known = where_known.into_iter();
    found.extend(where_known.filter_map(|(key, value)| Some((key, value?.into()))));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(resource: &Resource, key: &'static str) -> Option<String> {
        resource.get(&key.into()).map(|value| value.to_string())
    }

    #[test]
    fn the_service_keeps_its_name_and_the_rest_can_be_overridden() {
        let extra = [
            ("service.name", "other"),
            ("host.name", "h"),
            ("deployment.environment.name", "test"),
        ];
        let extra = extra
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let resource = describe("svc", Some("1.2.3"), &extra);
        let check =
            |key, expected: &str| assert_eq!(value(&resource, key).as_deref(), Some(expected));
        check(keys::SERVICE_NAME, "svc");
        check(keys::SERVICE_VERSION, "1.2.3");
        check(keys::HOST_NAME, "h");
        check("deployment.environment.name", "test");
        check("telemetry.sdk.language", "rust");
        check(keys::PROCESS_PID, &std::process::id().to_string());
        assert_eq!(resource.schema_url(), Some(keys::SCHEMA_URL));
    }

    #[test]
    fn each_service_is_an_instance_of_its_own() {
        let id = || {
            value(
                &describe("svc", None, &BTreeMap::new()),
                keys::SERVICE_INSTANCE_ID,
            )
        };
        assert_ne!(id(), id());
    }

    #[test]
    fn it_says_what_the_conventions_ask_for_and_nothing_else() {
        let resource = describe("svc", Some("1.2.3"), &BTreeMap::new());
        for (key, value) in resource.iter() {
            assert!(keys::CONVENTIONS.contains(&key.as_str()), "{key}");
            assert_ne!(value.to_string(), "", "{key}");
        }
        for key in [
            keys::SERVICE_NAME,
            keys::SERVICE_VERSION,
            keys::SERVICE_INSTANCE_ID,
            keys::HOST_NAME,
            keys::HOST_ARCH,
            keys::OS_TYPE,
            keys::PROCESS_PID,
            keys::PROCESS_RUNTIME_NAME,
            keys::PROCESS_EXECUTABLE_NAME,
            keys::TELEMETRY_SDK_NAME,
            keys::TELEMETRY_SDK_LANGUAGE,
            keys::TELEMETRY_SDK_VERSION,
            keys::TELEMETRY_DISTRO_NAME,
            keys::TELEMETRY_DISTRO_VERSION,
        ] {
            assert!(value(&resource, key).is_some(), "{key}");
        }
        // Some systems have no id and no list of users, and only Linux tells when a process began.
        let has = |key| value(&resource, key).is_some();
        assert_eq!(has(keys::HOST_ID), host::id().is_some());
        assert_eq!(has(keys::PROCESS_OWNER), process::owner().is_some());
        assert_eq!(has(keys::PROCESS_CREATION_TIME), cfg!(target_os = "linux"));
    }
}
