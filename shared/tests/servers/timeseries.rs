//! Time series on both engines, and InfluxDB in bad surroundings.

mod behaviour;
mod faults;

use std::{future::Future, time::Duration};

use chimera_servers::InfluxDb;
use chimera_shared::{
    config::RedactedUrl,
    telemetry::Telemetry,
    timeseries::{InfluxDbSettings, Measurement, Range, Run, Sample, Tags, TimeSeries},
};
use tokio::time::{Instant, sleep};

fn settings(url: &str) -> InfluxDbSettings {
    InfluxDbSettings {
        url: RedactedUrl::parse(url, &["influxdb", "influxdbs"]).unwrap(),
        ca_file: None,
        connect_timeout: Duration::from_secs(10),
        timeout: Duration::from_secs(10),
    }
}

fn store_at(url: &str) -> TimeSeries {
    TimeSeries::influxdb(&settings(url)).unwrap()
}

/// The measurement as a handler has it.
fn measurement(store: &TimeSeries, name: &str) -> Measurement {
    let (telemetry, _) = Telemetry::for_test("data_retrieval_agent");
    store.scoped(&telemetry.root()).measurement(name)
}

fn run(tags: Tags, field: &str, samples: &[(i64, f64)]) -> Run {
    let samples = samples.iter();
    Run {
        tags,
        field: field.to_owned(),
        samples: samples
            .map(|&(at_ns, value)| Sample { at_ns, value })
            .collect(),
    }
}

fn all(tags: Tags, field: &str) -> Range {
    // A century around the epoch, which every engine can tell.
    const FAR: i64 = 3_000_000_000_000_000_000;
    Range {
        tags,
        field: field.to_owned(),
        from_ns: -FAR,
        to_ns: FAR,
    }
}

fn pairs(samples: &[Sample]) -> Vec<(i64, f64)> {
    let samples = samples.iter();
    samples.map(|sample| (sample.at_ns, sample.value)).collect()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Tries until it is so, for a while.
async fn eventually<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < until, "it is not so after 20 s");
        sleep(Duration::from_millis(10)).await;
    }
}
