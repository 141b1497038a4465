//! Credentials reach the source, and nobody else.

use chimera_shared::config::Secret;

use crate::{
    harness::{Retrieval, question},
    server::{Answer, Server},
};

/// `Basic` and `user:pa:ss@word/%` in base 64.
const AUTHORIZATION: &str = "Basic dXNlcjpwYTpzc0B3b3JkLyU=";

#[tokio::test]
async fn the_node_is_given_its_user_and_password() {
    for answer in [
        Answer::ok(r#"{"result":505720,"error":null,"id":1}"#),
        Answer::status(401, ""),
        Answer::status(500, "out of order"),
    ] {
        let status = answer.status;
        let (others, node) = (Server::recorded().await, Server::scripted([answer]).await);
        let retrieval = Retrieval::start(&others, |sources| {
            sources.zcash.source.url = node.url("");
            sources.zcash.source.max_attempts = 1.try_into().unwrap();
            sources.zcash.user = Some("user".to_owned());
            sources.zcash.password = Some(Secret::new("pa:ss@word/%"));
        })
        .await;
        let (fetched, spans) = retrieval.fetch(&question()).await;
        assert_eq!(node.seen()[0].authorization.as_deref(), Some(AUTHORIZATION));
        assert_eq!(fetched.heights.len(), usize::from(status == 200));
        let shown = format!("{fetched:?} {}", spans.text());
        for secret in ["pa:ss", "word/", "dXNlcjpw", "pa%3A"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        retrieval.stop().await;
    }
}

#[tokio::test]
async fn those_of_a_url_are_used_and_not_shown() {
    let (others, source) = (
        Server::recorded().await,
        Server::scripted([Answer::status(403, "no")]).await,
    );
    let retrieval = Retrieval::start(&others, |sources| {
        for url in [
            &mut sources.coinmetrics.url,
            &mut sources.coinbase.url,
            &mut sources.zcash.source.url,
        ] {
            *url = source.url_with("user:pa%3Ass%40word%2F%25");
        }
    })
    .await;
    let (fetched, spans) = retrieval.fetch(&question()).await;
    assert_eq!(fetched.errors.len(), 3);
    assert_eq!(source.requests(), 3);
    for seen in source.seen() {
        assert_eq!(seen.authorization.as_deref(), Some(AUTHORIZATION));
    }
    let shown = format!("{fetched:?} {}", spans.text());
    for secret in ["pa:ss", "pa%3Ass", "word", "dXNlcjpw"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    retrieval.stop().await;
}
