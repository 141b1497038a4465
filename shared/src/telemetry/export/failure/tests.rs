use super::*;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Layer(&'static str, #[source] Option<Box<Layer>>);

fn layers(texts: &[&'static str]) -> Layer {
    let (first, rest) = texts.split_first().unwrap();
    let below = (!rest.is_empty()).then(|| Box::new(layers(rest)));
    Layer(first, below)
}

#[test]
fn the_whole_chain_is_on_one_line() {
    let check =
        |texts: &[&'static str], expected: &str| assert_eq!(chain(&layers(texts)), expected);
    check(&["one"], "one");
    check(
        &["cannot connect", "tcp", "refused\n(os error 111)"],
        "cannot connect: tcp: refused (os error 111)",
    );
    // Some errors say their source, too.
    check(&["sending: refused", "refused"], "sending: refused");
}

#[test]
fn a_page_is_cut() {
    let failure = Failure::status(
        &Answer {
            status: 502,
            retry_after: None,
            body: bytes::Bytes::new(),
        },
        &"x ".repeat(10_000),
    );
    assert!(failure.cause.len() < MAX_CAUSE + 20);
    assert!(
        failure
            .cause
            .starts_with("it answered 502 Bad Gateway: x x")
    );
}
