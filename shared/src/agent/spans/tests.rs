use super::*;

#[test]
fn a_destination_leaves_out_what_is_empty() {
    let check = |exchange: &Exchange, routing_key: &str, expected: &str| {
        assert_eq!(destination(exchange, routing_key), expected);
    };
    check(&Exchange::EVENTS, "a.b", "chimera.events:a.b");
    check(&Exchange::EVENTS, "", "chimera.events");
    check(&Exchange::DEFAULT, "queue", "queue");
    check(&Exchange::DEFAULT, "", "amq.default");
}
