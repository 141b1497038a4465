//! What only the embedded engine has: files.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_paused_clock_stands_still_while_a_write_is_under_way() {
    let fixture = Fixture::embedded().await;
    let queries = fixture.collection("queries");
    for n in 0..20 {
        let (id, document) = (n.to_string(), query("pending"));
        let insert = queries.insert(&id, &document);
        let in_time = tokio::time::timeout(Duration::from_millis(1), insert).await;
        in_time.expect("no time passes").unwrap();
    }
}

#[tokio::test]
async fn a_directory_is_opened_once() {
    let fixture = Fixture::embedded().await;
    let directory = match &fixture.place {
        Place::Directory(directory) => directory,
        #[cfg(feature = "servers")]
        Place::Server(_) => unreachable!("it is embedded"),
    };
    let second = Documents::open_embedded(directory.path()).await;
    assert!(
        matches!(second, Err(OpenError::Locked { .. })),
        "{second:?}"
    );
}

#[tokio::test]
async fn a_document_does_not_grow_over_the_limit() {
    let fixture = Fixture::embedded().await;
    let queries = fixture.collection("queries");
    let fits = serde_json::json!({ "text": "x".repeat(MAX_DOCUMENT_BYTES - 11) });
    queries.insert("q", &fits).await.unwrap();
    let grown = queries
        .update::<serde_json::Value>("q", Filter::all(), Changes::set("more", 1))
        .await;
    assert!(matches!(grown, Err(DocumentError::TooLarge { .. })));
}
