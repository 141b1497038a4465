use axum::{
    body::{Body, to_bytes},
    http::{Request, header::CONTENT_TYPE},
};
use chimera_questions::{Metric, Ticker};
use jiff::civil::date;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::wire::{
    coin_metrics::{AssetMetrics, CatalogAsset, ErrorBody, Page},
    zcash,
};

/// Status and body of the answer, which must say that it is recorded.
async fn send(request: Request<Body>) -> (StatusCode, String) {
    let response = router(Recording::bundled())
        .oneshot(request)
        .await
        .expect("an answer");
    assert_eq!(response.headers()[RECORDED_UNTIL], "2019-03-28");
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("a body");
    (status, String::from_utf8(body.into()).expect("text"))
}

async fn get_text(path: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("host", "127.0.0.1:1234");
    send(request.body(Body::empty()).expect("a request")).await
}

async fn get<T: DeserializeOwned>(path: &str) -> T {
    let (status, body) = get_text(path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).expect("the wire format")
}

async fn metrics(parameters: &str) -> Page<AssetMetrics> {
    get(&format!(
        "/coinmetrics/v4/timeseries/asset-metrics?{parameters}"
    ))
    .await
}

fn days(page: &Page<AssetMetrics>) -> Vec<String> {
    page.data
        .iter()
        .map(|row| format!("{} {}", row.asset, row.time))
        .collect()
}

#[tokio::test]
async fn daily_values_have_the_documented_shape() {
    let path = "/coinmetrics/v4/timeseries/asset-metrics?assets=zec,eth&metrics=PriceUSD,CapRealUSD,FeeMedNtv\
                &start_time=2019-01-01&end_time=2019-01-02&frequency=1d&page_size=3&paging_from=start";
    insta::assert_snapshot!(get_text(path).await.1);
}

#[tokio::test]
async fn every_metric_of_every_asset_is_served_exactly() {
    let recording = Recording::bundled();
    for ticker in recording.tickers() {
        for (metric, points) in recording.metrics(ticker) {
            let name = metric.coin_metrics().expect("a name in the API");
            let page = metrics(&format!(
                "assets={}&metrics={name}&page_size=10000",
                ticker.to_lower()
            ))
            .await;
            assert_eq!(page.next_page_token, None);
            let served: Vec<_> = page
                .data
                .iter()
                .map(|row| {
                    (
                        row.time,
                        row.values[name]
                            .as_deref()
                            .and_then(|value| value.parse().ok()),
                    )
                })
                .collect();
            let recorded: Vec<_> = points
                .iter()
                .map(|&(day, value)| (day, Some(value)))
                .collect();
            assert_eq!(served, recorded, "{ticker} {metric}");
            assert!(!page.data.iter().any(|row| {
                row.values[name]
                    .as_deref()
                    .is_some_and(|v| v.contains(['e', 'E']))
            }));
        }
    }
}

#[tokio::test]
async fn pages_lead_from_either_side_to_the_other() {
    let path = "/coinmetrics/v4/timeseries/asset-metrics?assets=zec,btc&metrics=PriceUSD&start_time=2019-01-01\
                &end_time=2019-01-31&page_size=7";
    for from in ["start", "end"] {
        let (mut pages, mut next) = (Vec::new(), Some(format!("{path}&paging_from={from}")));
        while let Some(url) = next {
            let page: Page<AssetMetrics> =
                get(url.strip_prefix("http://127.0.0.1:1234").unwrap_or(&url)).await;
            next = page.next_page_url.clone();
            assert_eq!(next.is_some(), page.next_page_token.is_some());
            pages.push(days(&page));
        }
        assert_eq!(pages.len(), 9);
        if from == "end" {
            assert_eq!(pages[0].last().expect("a row"), "zec 2019-01-31");
            pages.reverse();
        }
        let all: Vec<String> = pages.concat();
        assert_eq!(all.len(), 62);
        assert_eq!(
            (all[0].as_str(), all[31].as_str()),
            ("btc 2019-01-01", "zec 2019-01-01")
        );
        assert!(all.is_sorted());
    }
}

#[tokio::test]
async fn ranges_are_inclusive_unless_said() {
    let check = async |parameters: &str, expected: &[&str]| {
        let page = metrics(&format!("assets=zec&metrics=TxCnt&{parameters}")).await;
        let days: Vec<_> = page.data.iter().map(|row| row.time.to_string()).collect();
        assert_eq!(days, expected, "{parameters}");
    };
    check("start_time=2019-03-27", &["2019-03-27", "2019-03-28"]).await;
    check(
        "start_time=20190327T000000Z&start_inclusive=false",
        &["2019-03-28"],
    )
    .await;
    check(
        "start_time=2019-03-26T12:00:00.5&end_time=2019-03-28&end_inclusive=false",
        &["2019-03-27"],
    )
    .await;
    check("end_time=20161029", &["2016-10-28", "2016-10-29"]).await;
    check("start_time=2019-04-01", &[]).await;
    check("limit_per_asset=1", &["2019-03-28"]).await;
    let page = metrics("assets=*&metrics=TxCnt&limit_per_asset=1&sort=time").await;
    assert_eq!(
        days(&page),
        ["btc 2019-03-28", "eth 2019-03-28", "zec 2019-03-28"]
    );
}

#[tokio::test]
async fn a_value_that_is_not_known_is_null_and_one_not_supported_is_absent() {
    let page = metrics("assets=eth,zec&metrics=CapRealUSD,PriceUSD&end_time=2016-10-28&paging_from=end&page_size=2").await;
    assert_eq!(days(&page), ["eth 2016-10-28", "zec 2016-10-28"]);
    assert!(!page.data[0].values.contains_key("CapRealUSD"));
    assert_eq!(page.data[1].values["PriceUSD"], None);
}

#[tokio::test]
async fn bad_parameters_are_refused_in_the_documented_form() {
    let check = async |parameters: &str, message: &str| {
        let (status, body) = get_text(&format!(
            "/coinmetrics/v4/timeseries/asset-metrics?{parameters}"
        ))
        .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{parameters}");
        let ErrorBody { error } = serde_json::from_str(&body).expect("an error");
        assert_eq!(error.kind, "bad_parameter");
        assert!(error.message.starts_with(message), "{}", error.message);
    };
    let good = "assets=zec&metrics=PriceUSD";
    check("metrics=PriceUSD", "Bad parameter 'assets'.").await;
    check("assets=zec", "Bad parameter 'metrics'.").await;
    check(
        "assets=zec,sdvwbtc&metrics=PriceUSD",
        "Bad parameter 'assets'. Value 'sdvwbtc' is not supported.",
    )
    .await;
    check(
        "assets=zec&metrics=asdgwav",
        "Bad parameter 'metrics'. Value 'asdgwav' is not supported.",
    )
    .await;
    check(
        "assets=eth&metrics=CapRealUSD",
        "Bad parameter 'metrics'. Value 'CapRealUSD' is not supported.",
    )
    .await;
    check(
        &format!("{good}&page_size=10001"),
        "Bad parameter 'page_size'. Must be at most 10000.",
    )
    .await;
    for size in ["0", "-1"] {
        check(
            &format!("{good}&page_size={size}"),
            "Bad parameter 'page_size'. Must be at least 1.",
        )
        .await;
    }
    check(
        &format!("{good}&page_size=many"),
        "Bad parameter 'page_size'. Value 'many'",
    )
    .await;
    for time in [
        "yesterday",
        "2019-02-30",
        "2019-01-01T00:00:00%2B02:00",
        "2019-01-01[Europe/Berlin]",
    ] {
        check(
            &format!("{good}&start_time={time}"),
            "Bad parameter 'start_time'. Incorrect time format '",
        )
        .await;
    }
    for parameter in [
        "frequency=1h",
        "timezone=America/New_York",
        "format=csv",
        "null_as_zero=true",
        "start_height=7",
        "paging_from=middle",
        "sort=height",
        "next_page_token=x",
        "start_time=2019-01-01%26start_inclusive=maybe",
        "limit_per_asset=0",
    ] {
        let name = parameter.split('=').next().expect("a name");
        check(
            &format!("{good}&{parameter}"),
            &format!("Bad parameter '{name}'. "),
        )
        .await;
    }
}

#[tokio::test]
async fn unsupported_things_can_be_ignored() {
    let page =
        metrics("assets=zec,xyz&metrics=PriceUSD,Nope&ignore_unsupported_errors=true&page_size=1")
            .await;
    assert_eq!(days(&page), ["zec 2019-03-28"]);
    assert_eq!(page.data[0].values["PriceUSD"].as_deref(), Some("57.73"));
}

#[tokio::test]
async fn the_catalog_says_what_can_be_had_from_when_to_when() {
    let path = "/coinmetrics/v4/catalog-v2/asset-metrics";
    insta::assert_snapshot!(
        get_text(&format!("{path}?assets=zec&metrics=PriceUSD,AdrActCnt"))
            .await
            .1
    );
    let mut found = Vec::new();
    let mut next = Some(format!("{path}?page_size=2"));
    while let Some(url) = next {
        let page: Page<CatalogAsset> =
            get(url.strip_prefix("http://127.0.0.1:1234").unwrap_or(&url)).await;
        next = page.next_page_url;
        found.extend(page.data);
    }
    let recording = Recording::bundled();
    let assets: Vec<_> = found.iter().map(|entry| entry.asset.as_str()).collect();
    assert_eq!(assets, ["btc", "eth", "zec"]);
    for entry in found {
        let ticker = Ticker::new(&entry.asset);
        assert_eq!(entry.metrics.len(), recording.metrics(&ticker).count());
        for found in entry.metrics {
            let metric = Metric::from_coin_metrics(&found.metric).expect("a metric");
            let period = recording.period(&ticker, metric).expect("a period");
            assert_eq!(
                (found.frequencies[0].min_time, found.frequencies[0].max_time),
                (period.from, period.to)
            );
        }
    }
}

#[tokio::test]
async fn the_exchange_has_the_last_day_and_nothing_else() {
    insta::assert_snapshot!("products", get_text("/coinbase/products").await.1);
    insta::assert_snapshot!("product", get_text("/coinbase/products/zec-usd").await.1);
    insta::assert_snapshot!(
        "ticker",
        get_text("/coinbase/products/ZEC-USD/ticker").await.1
    );
    for unknown in [
        "/coinbase/products/XYZ-USD",
        "/coinbase/products/ZEC-EUR/ticker",
        "/coinbase/products/ZEC-USD/candles?granularity=86400",
        "/coinbase/orders",
    ] {
        let (status, body) = get_text(unknown).await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::NOT_FOUND, r#"{"message":"NotFound"}"#),
            "{unknown}"
        );
    }
}

async fn call(body: &str) -> (StatusCode, String) {
    let request = Request::post("/zcash/")
        .header(CONTENT_TYPE, "text/plain")
        .body(Body::from(body.to_owned()));
    send(request.expect("a request")).await
}

#[tokio::test]
async fn the_node_answers_as_zcashd_does() {
    let check = async |body: &str, status: u16, expected: Value| {
        let (found, reply) = call(body).await;
        assert_eq!(found.as_u16(), status, "{body}");
        assert!(reply.ends_with('\n'));
        assert_eq!(
            serde_json::from_str::<Value>(&reply).expect("JSON"),
            expected,
            "{body}"
        );
    };
    let failed = |code: i64, message: &str, id: Value| json!({ "result": null, "error": { "code": code, "message": message }, "id": id });
    let request =
        serde_json::to_string(&zcash::Request::new(zcash::GET_BLOCK_COUNT, "a")).expect("JSON");
    check(
        &request,
        200,
        json!({ "result": 505_720, "error": null, "id": "a" }),
    )
    .await;
    check(
        r#"{"id":2,"method":"getblockchaininfo"}"#,
        200,
        json!({ "result": { "chain": "main", "blocks": 505_720 }, "error": null, "id": 2 }),
    )
    .await;
    check(
        r#"{"id":3,"method":"stop","params":[]}"#,
        404,
        failed(-32_601, "Method not found", json!(3)),
    )
    .await;
    check(
        r#"{"id":4,"params":[]}"#,
        400,
        failed(-32_600, "Missing method", json!(4)),
    )
    .await;
    check(
        r#"{"id":5,"method":7}"#,
        400,
        failed(-32_600, "Method must be a string", json!(5)),
    )
    .await;
    check(
        r#"{"id":6,"method":"getblockcount","params":{}}"#,
        400,
        failed(-32_600, "Params must be an array", json!(6)),
    )
    .await;
    let text = "Too many parameters for method `getblockcount`. Needed exactly 0, but received 1";
    check(
        r#"{"id":7,"method":"getblockcount","params":[1]}"#,
        500,
        failed(-32_602, text, json!(7)),
    )
    .await;
    check("{", 500, failed(-32_700, "Parse error", Value::Null)).await;
    check("", 500, failed(-32_700, "Parse error", Value::Null)).await;
    check(
        "7",
        500,
        failed(-32_700, "Top-level object parse error", Value::Null),
    )
    .await;
    check(
        r#"[{"id":8,"method":"getblockcount"},9]"#,
        200,
        json!([{ "result": 505_720, "error": null, "id": 8 }, failed(-32_600, "Invalid Request object", Value::Null)]),
    )
    .await;
}

#[tokio::test]
async fn the_node_takes_posts_only() {
    let (status, body) = get_text("/zcash").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(body, "JSONRPC server handles only POST requests");
}

#[tokio::test]
async fn a_recording_without_blocks_of_zec_has_no_height() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(
        directory.path().join("ltc.csv"),
        "date,price(USD),exchangeVolume(USD)\n2019-01-05,30,60\n",
    )
    .expect("a file");
    let recording = Recording::load(directory.path()).expect("a recording");
    assert_eq!(recording.last_day(), date(2019, 1, 5));
    let app = router(recording);
    let request = Request::post("/zcash")
        .body(Body::from(r#"{"id":1,"method":"getblockcount"}"#))
        .expect("a request");
    let response = app.clone().oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()[RECORDED_UNTIL], "2019-01-05");
    let request = Request::get("/coinbase/products/LTC-USD/ticker")
        .body(Body::empty())
        .expect("a request");
    let body = to_bytes(
        app.oneshot(request).await.expect("an answer").into_body(),
        1_000,
    )
    .await
    .expect("a body");
    assert_eq!(
        body,
        r#"{"price":"30","time":"2019-01-05T00:00:00Z","volume":"2.00000000"}"#
    );
}
