//! Log records by OTLP.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    common::v1::InstrumentationScope,
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
};
use opentelemetry_sdk::Resource;

use super::{
    super::{
        failure::Failure,
        queue::{Export, Taken},
        retry::Patience,
    },
    Otlp,
};
use crate::telemetry::{keys, logs::Record};

impl Export<Record> for Otlp {
    fn describe(&mut self, resource: &Resource) {
        self.set_resource(resource);
    }

    async fn export(&mut self, batch: Vec<Record>, patience: &Patience) -> Result<Taken, Failure> {
        let request = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(self.resource()),
                scope_logs: by_scope(batch),
                schema_url: self.resource.schema_url.clone().unwrap_or_default(),
            }],
        };
        self.send(&request, patience).await
    }
}

/// The records of each module together: it is their scope.
fn by_scope(batch: Vec<Record>) -> Vec<ScopeLogs> {
    let mut scopes = BTreeMap::<&str, Vec<LogRecord>>::new();
    for Record { target, record } in batch {
        scopes.entry(target).or_default().push(record);
    }
    let scopes = scopes.into_iter().map(|(name, log_records)| ScopeLogs {
        scope: Some(InstrumentationScope {
            name: name.to_owned(),
            ..InstrumentationScope::default()
        }),
        log_records,
        schema_url: keys::SCHEMA_URL.to_owned(),
    });
    scopes.collect()
}
