//! Answers that are not what they should be: each is a failure of its source that a person understands.

use chimera_questions::{Metric, messages::Fetched};
use chimera_shared::config::SourcesConfig;

use crate::{
    harness::{Retrieval, question, series},
    server::{Answer, Server},
};

/// What is fetched for the question when one source, which `choose` points at `server`, gives `answer`.
async fn fetched(answer: Answer, choose: fn(&mut SourcesConfig, &Server)) -> Fetched {
    let (others, server) = (Server::recorded().await, Server::scripted([answer]).await);
    let retrieval = Retrieval::start(&others, |sources| {
        choose(sources, &server);
        for source in [
            &mut sources.coinmetrics,
            &mut sources.coinbase,
            &mut sources.zcash.source,
        ] {
            source.max_attempts = 1.try_into().unwrap();
        }
    })
    .await;
    let (fetched, _) = retrieval.fetch(&question()).await;
    retrieval.stop().await;
    fetched
}

/// The one error that there is; it does not name a host, whose port differs from run to run.
fn message(fetched: &Fetched, source: &str) -> String {
    assert_eq!(fetched.errors.len(), 1, "{:?}", fetched.errors);
    let error = &fetched.errors[0];
    assert_eq!(error.source, source);
    let words = error.message.split(' ');
    let words = words.map(|word| {
        if word.starts_with("127.0.0.1:") {
            "HOST"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn of_the_exchange() {
    let check = async |answer: Answer, expected: &str| {
        let fetched = fetched(answer, |sources, server| {
            sources.coinbase.url = server.url("");
        })
        .await;
        assert_eq!(message(&fetched, "coinbase"), expected);
        assert_eq!(
            (fetched.quotes.len(), fetched.series[0].points.len()),
            (0, 31)
        );
    };
    let page = "\n <!DOCTYPE html><title>Just a moment...</title>";
    check(
        Answer::ok(page),
        "it answered with a web page instead of JSON",
    )
    .await;
    check(Answer::status(503, page), "HOST answered with status 503").await;
    check(
        Answer::ok(""),
        "reading the response from HOST at `.`: EOF while parsing a value at line 1 column 0",
    )
    .await;
    check(
        Answer::ok(r#"{"price":"#),
        "reading the response from HOST at `price`: EOF while parsing a value at line 1 column 9",
    )
    .await;
    check(
        Answer::ok(r#"{"price":54.31,"time":"2026-11-20T00:00:00Z"}"#),
        "reading the response from HOST at `price`: invalid type: floating point `54.31`, expected a string at line 1 column 14",
    )
    .await;
    check(
        Answer::ok("{}"),
        "reading the response from HOST at `.`: missing field `price` at line 1 column 2",
    )
    .await;
    for price in ["NaN", "inf", "1e999", "54,31", ""] {
        let body: &'static str =
            Box::leak(format!(r#"{{"price":"{price}","time":"2026-11-20T00:00:00Z"}}"#).into());
        check(
            Answer::ok(body),
            &format!("its value `{price}` of the price is not a number"),
        )
        .await;
    }
    check(
        Answer::ok(r#"{"price":"54.31","time":"yesterday"}"#),
        "its value `yesterday` of the time of the trade is not a UTC time",
    )
    .await;
    check(
        Answer::status(400, r#"{"message":"Unsupported"}"#),
        "it answered with status 400: Unsupported",
    )
    .await;
}

#[tokio::test]
async fn of_the_node() {
    let check = async |answer: Answer, expected: &str| {
        let fetched = fetched(answer, |sources, server| {
            sources.zcash.source.url = server.url("");
        })
        .await;
        assert_eq!(message(&fetched, "zcash"), expected);
        assert_eq!(
            (fetched.heights.len(), fetched.series[0].points.len()),
            (0, 31)
        );
    };
    let loading =
        r#"{"result":null,"error":{"code":-28,"message":"Loading block index..."},"id":1}"#;
    check(
        Answer::status(500, loading),
        "it answered with status 500: Loading block index... (-28)",
    )
    .await;
    let unknown = r#"{"result":null,"error":{"code":-32601,"message":"Method not found"},"id":1}"#;
    check(
        Answer::status(404, unknown),
        "it answered with status 404: Method not found (-32601)",
    )
    .await;
    let hint = "it wants other credentials: set `sources.zcash.user` and `sources.zcash.password`";
    check(Answer::status(401, ""), hint).await;
    check(
        Answer::ok(r#"{"result":null,"error":null,"id":1}"#),
        "it did not tell its height",
    )
    .await;
    check(
        Answer::ok(r#"{"result":-1,"error":null,"id":1}"#),
        "reading the response from HOST at `result`: invalid value: integer `-1`, expected u64 at line 1 column 12",
    )
    .await;
}

#[tokio::test]
async fn of_coin_metrics() {
    let check = async |answer: Answer, expected: &str| {
        let fetched = fetched(answer, |sources, server| {
            sources.coinmetrics.url = server.url("");
        })
        .await;
        assert_eq!(message(&fetched, "coinmetrics"), expected);
        assert_eq!((fetched.series.len(), fetched.quotes.len()), (0, 1));
        assert_eq!(fetched.errors[0].wanted, "ZEC price_usd");
    };
    let forbidden = r#"{"error":{"type":"forbidden","message":"Requested metric is not available with supplied credentials."}}"#;
    check(
        Answer::status(403, forbidden),
        "it answered with status 403: Requested metric is not available with supplied credentials.",
    )
    .await;
    check(Answer::ok("[]"), "reading the response from HOST at `.`: invalid length 0, expected struct Page with 3 elements at line 1 column 2").await;
    check(
        Answer::ok(
            r#"{"data":[{"asset":"zec","time":"2019-01-01T00:00:00.000000000Z","PriceUSD":"56.43"},
            {"asset":"zec","time":"2019-01-02T00:00:00.000000000Z","PriceUSD":"-"}]}"#,
        ),
        "its value `-` of price_usd on 2019-01-02 is not a number",
    )
    .await;
    check(
        Answer::ok(r#"{"data":[{"asset":"zec","time":"2019-01-01","PriceUSD":56.43}]}"#),
        "reading the response from HOST at `data[0]`: invalid type: floating point `56.43`, expected a string at line 1 column 61",
    )
    .await;
}

#[tokio::test]
async fn days_without_a_value_are_not_zeros() {
    let body = r#"{"data":[{"asset":"zec","time":"2019-01-01T00:00:00.000000000Z","PriceUSD":"56.43"},
        {"asset":"zec","time":"2019-01-02T00:00:00.000000000Z","PriceUSD":null},
        {"asset":"zec","time":"2019-01-03T00:00:00.000000000Z"},
        {"asset":"btc","time":"2019-01-04T00:00:00.000000000Z","PriceUSD":"3000"},
        {"asset":"zec","time":"2019-01-05T00:00:00.000000000Z","PriceUSD":"0"}]}"#;
    let fetched = fetched(Answer::ok(body), |sources, server| {
        sources.coinmetrics.url = server.url("");
    })
    .await;
    assert_eq!(fetched.errors, []);
    let points: Vec<_> = fetched.series[0]
        .points
        .iter()
        .map(|(day, value)| (day.to_string(), *value))
        .collect();
    assert_eq!(
        points,
        [
            ("2019-01-01".to_owned(), 56.43),
            ("2019-01-05".to_owned(), 0.0)
        ]
    );
    assert!(!fetched.sources[0].recorded);
}

#[tokio::test]
async fn what_an_asset_does_not_have_is_a_series_without_points() {
    let server = Server::recorded().await;
    let retrieval = Retrieval::start(&server, |_| {}).await;
    for (asset, metric) in [("ETH", Metric::RealizedCapUsd), ("NOPE", Metric::PriceUsd)] {
        let (fetched, _) = retrieval
            .fetch(&series(asset, metric, "2019-01-01", "2019-01-31"))
            .await;
        assert_eq!(fetched.errors, [], "{asset} {metric}");
        assert_eq!(fetched.series[0].points, [], "{asset} {metric}");
        assert_eq!(
            (fetched.sources[0].from, fetched.sources[0].points),
            (None, 0)
        );
    }
    retrieval.stop().await;
}
