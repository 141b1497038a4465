//! What a store of time series does, whatever its engine.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::*;

/// The same store in memory, in files and on InfluxDB.
async fn each() -> ([TimeSeries; 3], tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let url = blocking(|| InfluxDb::shared().new_database()).await;
    let embedded = TimeSeries::embedded(directory.path());
    let stores = [TimeSeries::in_memory(), embedded, store_at(&url)];
    (stores, directory)
}

#[tokio::test]
async fn what_was_written_is_read_by_series_field_and_time() {
    let (stores, _directory) = each().await;
    for store in stores {
        store.check().await.unwrap();
        let daily = measurement(&store, "daily");
        let (zec, btc) = (Tags::new([("asset", "ZEC")]), Tags::new([("asset", "BTC")]));
        let runs = vec![
            run(zec.clone(), "value", &[(20, 2.0), (-10, 1.0), (30, 3.0)]),
            run(zec.clone(), "other", &[(20, 9.0)]),
            run(btc.clone(), "value", &[(20, -0.1)]),
        ];
        daily.write(runs).await.unwrap();
        // Once more, and otherwise.
        let again = vec![run(zec.clone(), "value", &[(20, 2.5)])];
        daily.write(again).await.unwrap();
        let within = Range {
            from_ns: -10,
            to_ns: 20,
            ..all(zec.clone(), "value")
        };
        let ranges = [within, all(btc, "value"), all(zec.clone(), "third")];
        let read = daily.read(&ranges).await.unwrap();
        let read: Vec<_> = read.iter().map(|samples| pairs(samples)).collect();
        assert_eq!(
            read,
            [vec![(-10, 1.0), (20, 2.5)], vec![(20, -0.1)], vec![]]
        );
        let hourly = measurement(&store, "hourly");
        let elsewhere = hourly.read(&[all(zec, "value")]).await.unwrap();
        assert_eq!(elsewhere, [vec![]]);
    }
}

#[tokio::test]
async fn a_span_says_which_server_it_was() {
    let url = blocking(|| InfluxDb::shared().new_database()).await;
    let (telemetry, spans) = Telemetry::for_test("data_retrieval_agent");
    let daily = store_at(&url)
        .scoped(&telemetry.root())
        .measurement("daily");
    let tags = Tags::new([("asset", "ZEC")]);
    daily
        .write(vec![run(tags.clone(), "value", &[(20, 2.0)])])
        .await
        .unwrap();
    daily.read(&[all(tags, "value")]).await.unwrap();
    let spans = spans.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 2);
    for span in spans {
        let value = |key: &str| {
            let mut attributes = span.attributes.iter();
            let found = attributes.find(|attribute| attribute.key.as_str() == key);
            found.map(|attribute| attribute.value.to_string())
        };
        assert_eq!(value("network.peer.address").as_deref(), Some("127.0.0.1"));
        assert_eq!(value("network.peer.port"), value("server.port"));
        assert!(value("network.peer.port").is_some());
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let (stores, _directory) = each().await;
    for store in stores {
        let check = async |name: &str, tag: &str, field: &str, value: f64, expected: &str| {
            let run = run(Tags::new([("tag", tag)]), field, &[(1, value)]);
            let error = measurement(&store, name).write(vec![run]).await;
            let error = error.unwrap_err();
            let found = (error.error_type(), error.is_transient());
            assert_eq!(found, (expected, false));
        };
        check("", "a", "f", 1.0, "invalid_name").await;
        check("#m", "a", "f", 1.0, "invalid_name").await;
        check("m", "a\nm f=2", "f", 1.0, "invalid_name").await;
        check("m", "", "f", 1.0, "invalid_name").await;
        check("m", "a\\", "f", 1.0, "invalid_name").await;
        check("m", "a", "time", 1.0, "invalid_name").await;
        check("m", "a", "tag", 1.0, "invalid_name").await;
        check("m", "a", "f", f64::NAN, "not_finite").await;
        check("m", "a", "f", f64::INFINITY, "not_finite").await;
    }
}

/// A name of one to a few letters, the awkward ones among them. The first is plain, for some names are reserved.
fn name() -> impl Strategy<Value = String> {
    let writable = |c: &char| !c.is_control() && *c != '\\';
    let letter = prop_oneof![
        proptest::sample::select(vec![',', '=', ' ', '"', '\'', ';', '#', 'é']),
        any::<char>().prop_filter("cannot be written", writable),
    ];
    let letters = proptest::collection::vec(letter, 0..8);
    letters.prop_map(|letters| format!("n{}", String::from_iter(letters)))
}

fn value() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("is no number", |value| value.is_finite())
}

/// Times and the very bits of their values.
fn bits(pairs: &[(i64, f64)]) -> Vec<(i64, u64)> {
    let pairs = pairs.iter();
    pairs.map(|(at, value)| (*at, value.to_bits())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_numbers_come_back_as_they_were() {
    let (stores, _directory) = each().await;
    let runtime = tokio::runtime::Handle::current();
    let times = -1_000_000_000_i64..1_000_000_000;
    let samples = proptest::collection::btree_map(times, value(), 1..6);
    let series = (name(), name(), name(), name(), samples);
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    let running = blocking(move || {
        let mut runner = TestRunner::new(config);
        let result = runner.run(&series, |(name, tag, value, field, samples)| {
            // Of one case each, so that no two share a series.
            let case = uuid::Uuid::now_v7().to_string();
            // A field must not be called like a tag.
            let (tag, field) = (format!("t{tag}"), format!("f{field}"));
            let tags = Tags::new([("case", &case), (&tag, &value)]);
            let samples: Vec<_> = samples.into_iter().collect();
            for store in &stores {
                let measurement = measurement(store, &name);
                let runs = vec![run(tags.clone(), &field, &samples)];
                let ranges = [all(tags.clone(), &field)];
                let read = runtime.block_on(async {
                    measurement.write(runs).await.unwrap();
                    measurement.read(&ranges).await.unwrap()
                });
                prop_assert_eq!(bits(&pairs(&read[0])), bits(&samples));
            }
            Ok(())
        });
        result.map_err(|error| error.to_string())
    });
    running.await.unwrap();
}
