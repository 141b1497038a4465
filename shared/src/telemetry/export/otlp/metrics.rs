//! Collections of metrics by OTLP.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

use super::{
    super::{
        failure::Failure,
        queue::{Export, Taken},
        retry::Patience,
    },
    Otlp,
};

impl Export<ExportMetricsServiceRequest> for Otlp {
    async fn export(
        &mut self,
        batch: Vec<ExportMetricsServiceRequest>,
        patience: &Patience,
    ) -> Result<Taken, Failure> {
        let resource_metrics = batch
            .into_iter()
            .flat_map(|request| request.resource_metrics);
        let request = ExportMetricsServiceRequest {
            resource_metrics: resource_metrics.collect(),
        };
        self.send(&request, patience).await
    }
}
