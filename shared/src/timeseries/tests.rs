use opentelemetry_sdk::trace::InMemorySpanExporter;
use tempfile::TempDir;

use super::*;
use crate::telemetry::Telemetry;

const DAY_NS: i64 = 24 * 60 * 60 * 1_000_000_000;

struct Store {
    all: TimeSeries,
    daily: Measurement,
    spans: InMemorySpanExporter,
    directory: TempDir,
}

fn store() -> Store {
    let directory = tempfile::tempdir().unwrap();
    let all = TimeSeries::embedded(&directory.path().join("timeseries"));
    store_of(all, directory)
}

fn store_of(all: TimeSeries, directory: TempDir) -> Store {
    let (telemetry, spans) = Telemetry::for_test("data_retrieval_agent");
    Store {
        daily: all.scoped(&telemetry.root()).measurement("daily"),
        all,
        spans,
        directory,
    }
}

fn run(asset: &str, samples: &[(i64, f64)]) -> Run {
    let samples = samples.iter();
    Run {
        tags: Tags::new([("asset", asset)]),
        field: "value".to_owned(),
        samples: samples
            .map(|(day, value)| Sample {
                at_ns: day * DAY_NS,
                value: *value,
            })
            .collect(),
    }
}

fn range(asset: &str, from: i64, to: i64) -> Range {
    Range {
        tags: Tags::new([("asset", asset)]),
        field: "value".to_owned(),
        from_ns: from * DAY_NS,
        to_ns: to * DAY_NS,
    }
}

async fn days(daily: &Measurement, range: Range) -> Vec<(i64, f64)> {
    let found = daily.read(&[range]).await.unwrap().remove(0);
    let pair = |sample: Sample| (sample.at_ns / DAY_NS, sample.value);
    found.into_iter().map(pair).collect()
}

#[tokio::test]
async fn blocks_before_and_after_the_epoch_are_in_order() {
    let in_memory = store_of(TimeSeries::in_memory(), tempfile::tempdir().unwrap());
    for store in [store(), in_memory] {
        let samples: Vec<_> = (-100..100).map(|day| (day, day as f64 / 3.0)).collect();
        store.daily.write(vec![run("ZEC", &samples)]).await.unwrap();
        let check = async |from: i64, to: i64| {
            let wanted = |(day, _): &&(i64, f64)| (from..=to).contains(day);
            let expected: Vec<_> = samples.iter().filter(wanted).copied().collect();
            assert_eq!(days(&store.daily, range("ZEC", from, to)).await, expected);
        };
        check(-200, 200).await;
        check(-33, -31).await;
        check(0, 0).await;
        check(31, 32).await;
        check(5, 4).await;
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_the_files_were_closed() {
    let store = store();
    store
        .daily
        .write(vec![run("ZEC", &[(1, 1.0)])])
        .await
        .unwrap();
    store.all.close().await;
    assert_eq!(days(&store.daily, range("ZEC", 0, 9)).await, [(1, 1.0)]);
}

#[tokio::test]
async fn files_that_cannot_be_opened_are_named() {
    let store = store();
    let path = store.directory.path().join("timeseries");
    std::fs::write(&path, "not a directory").unwrap();
    let error = store.daily.read(&[range("ZEC", 0, 1)]).await.unwrap_err();
    assert_eq!(
        (error.error_type(), error.is_transient()),
        ("storage", true)
    );
    assert_eq!(
        error.to_string(),
        format!("time series in {}", path.display())
    );
    std::fs::remove_file(path).unwrap();
    assert_eq!(days(&store.daily, range("ZEC", 0, 1)).await, []);
}

#[tokio::test]
async fn each_operation_has_its_span() {
    let store = store();
    store
        .daily
        .write(vec![run("ZEC", &[(1, 1.0)])])
        .await
        .unwrap();
    let two = [range("ZEC", 0, 1), range("BTC", 0, 1)];
    store.daily.read(&two).await.unwrap();
    store
        .daily
        .write(vec![run("ZEC", &[(1, f64::NAN)])])
        .await
        .unwrap_err();
    let spans = store.spans.get_finished_spans().unwrap();
    let spans: Vec<_> = spans
        .iter()
        .map(|span| {
            let attributes = span.attributes.iter();
            let attributes = attributes.map(|one| format!(" {}={}", one.key, one.value));
            format!(
                "{:?} {}:{}",
                span.span_kind,
                span.name,
                attributes.collect::<String>()
            )
        })
        .collect();
    let of = |operation: &str| {
        format!(
            "Client {operation} daily: db.system.name=fjall db.operation.name={operation} db.collection.name=daily"
        )
    };
    assert_eq!(
        spans,
        [
            of("write"),
            format!("{} db.operation.batch.size=2", of("BATCH SELECT")),
            format!("{} error.type=not_finite", of("write")),
        ]
    );
}
