use serde_json::json;

use super::*;
use crate::attribute;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A span named after its id, that runs from `start` to `end`, in milliseconds. Parent 0 is none.
fn span(id: u64, parent: u64, kind: Kind, (start, end): (u64, u64)) -> Span {
    let hex = |id: u64| format!("{id:016x}");
    let parent_span_id = (parent != 0).then(|| hex(parent));
    let link = |parent: &String| Link {
        trace_id: TRACE.to_owned(),
        span_id: parent.clone(),
        attributes: Attributes::default(),
    };
    let links = parent_span_id.iter().map(link).collect();
    Span {
        trace_id: TRACE.to_owned(),
        span_id: hex(id),
        parent_span_id,
        service: "s".to_owned(),
        name: id.to_string(),
        kind,
        start_ns: start * 1_000_000,
        duration_ns: (end - start) * 1_000_000,
        status: Status::Unset,
        status_message: String::new(),
        attributes: Attributes::default(),
        events: Vec::new(),
        links: if kind == Kind::Consumer {
            links
        } else {
            Vec::new()
        },
        ends_before_start: false,
    }
}

fn internal(id: u64, parent: u64, range: (u64, u64)) -> Span {
    span(id, parent, Kind::Internal, range)
}

/// `name` indented by its depth, `? id` for a gap.
fn drawn(spans: Vec<Span>) -> Vec<String> {
    let trace = Trace::from_spans(spans);
    let line = |row: &Row| match row {
        Row::Span { index, depth } => {
            format!("{}{}", " ".repeat(*depth), trace.spans()[*index].name)
        }
        Row::Gap { span_id } => format!("? {}", span_id.trim_start_matches('0')),
    };
    trace.rows().iter().map(line).collect()
}

#[test]
fn the_tree_is_sorted_and_tolerant() {
    #[track_caller]
    fn check(spans: Vec<Span>, expected: &[&str]) {
        assert_eq!(drawn(spans), expected);
    }
    check(vec![], &[]);
    check(
        vec![
            internal(4, 2, (2, 3)),
            internal(3, 1, (5, 6)),
            internal(2, 1, (1, 4)),
            internal(1, 0, (0, 9)),
        ],
        &["1", " 2", "  4", " 3"],
    );
    let later = Span {
        name: "later".to_owned(),
        ..internal(1, 0, (0, 9))
    };
    check(vec![internal(1, 0, (0, 9)), later], &["later"]);
    // Two orphans of one missing parent stand under one gap, after the roots.
    check(
        vec![
            internal(5, 7, (0, 1)),
            internal(6, 7, (1, 2)),
            internal(8, 6, (1, 2)),
            internal(1, 0, (3, 4)),
        ],
        &["1", "? 7", " 5", " 6", "  8"],
    );
    check(vec![internal(1, 1, (0, 1))], &["? 1", " 1"]);
    // A ring of parents is cut once, and nothing is lost.
    check(
        vec![
            internal(1, 3, (0, 1)),
            internal(2, 1, (1, 2)),
            internal(3, 2, (2, 3)),
            internal(4, 2, (4, 5)),
        ],
        &["? 1", " 2", "  3", "   1", "  4"],
    );
}

#[test]
fn a_chain_of_twenty_thousand_spans_does_not_overflow_the_stack() {
    let chain = (1..=20_000).map(|id| internal(id, id - 1, (id, 40_001 - id)));
    let trace = Trace::from_spans(chain.collect());
    assert_eq!(trace.rows().len(), 20_000);
    assert_eq!(trace.critical_path().len(), 39_999);
    assert!(trace.problems().is_empty());
}

/// `id:start-end` per section in milliseconds, `~` before one in a queue.
fn path(spans: Vec<Span>) -> String {
    let trace = Trace::from_spans(spans);
    let section = |section: &Section| {
        let queue = if section.in_queue { "~" } else { "" };
        let name = &trace.spans()[section.span].name;
        let (start, end) = (section.start_ns / 1_000_000, section.end_ns / 1_000_000);
        format!("{queue}{name}:{start}-{end}")
    };
    let sections: Vec<_> = trace.critical_path().iter().map(section).collect();
    sections.join(" ")
}

#[test]
fn the_critical_path_is_what_the_end_waited_for() {
    use Kind::{Client, Consumer, Producer, Server};
    #[track_caller]
    fn check(spans: Vec<Span>, expected: &str) {
        assert_eq!(path(spans), expected);
    }
    check(vec![], "");
    check(vec![internal(1, 0, (0, 9))], "1:0-9");
    // Children one after the other.
    check(
        vec![
            internal(1, 0, (0, 10)),
            internal(2, 1, (1, 4)),
            internal(3, 1, (5, 9)),
        ],
        "1:0-1 2:1-4 1:4-5 3:5-9 1:9-10",
    );
    // Children at once: the last to finish counts.
    check(
        vec![
            internal(1, 0, (0, 10)),
            internal(2, 1, (1, 9)),
            internal(3, 1, (1, 6)),
        ],
        "1:0-1 2:1-9 1:9-10",
    );
    // A child that overlaps the next one on the path is skipped.
    check(
        vec![
            internal(1, 0, (0, 10)),
            internal(2, 1, (1, 5)),
            internal(3, 1, (4, 9)),
        ],
        "1:0-4 3:4-9 1:9-10",
    );
    // A child is cut to its parent: clocks differ.
    check(
        vec![internal(1, 0, (2, 10)), internal(2, 1, (1, 12))],
        "2:2-10",
    );
    // What begins after its parent was over is not waited for.
    check(
        vec![internal(1, 0, (0, 5)), internal(2, 1, (6, 9))],
        "1:0-5",
    );
    // Request and reply over the bus.
    check(
        vec![
            span(1, 0, Server, (0, 10)),
            span(2, 1, Client, (1, 9)),
            span(3, 2, Consumer, (3, 8)),
        ],
        "1:0-1 2:1-3 3:3-8 2:8-9 1:9-10",
    );
    // The same, and the consumer says how long its message waited.
    let mut waited = span(3, 2, Consumer, (3, 8));
    let wait = (attribute::QUEUE_WAIT_MS.to_owned(), 1.0.into());
    waited.attributes.0.push(wait);
    check(
        vec![
            span(1, 0, Server, (0, 10)),
            span(2, 1, Client, (1, 9)),
            waited,
        ],
        "1:0-1 2:1-2 ~3:2-3 3:3-8 2:8-9 1:9-10",
    );
    // A consumer that is busy a moment longer than its requester waited does not hide what was waited for.
    check(
        vec![
            span(1, 0, Server, (0, 10)),
            span(2, 1, Client, (1, 6)),
            span(3, 2, Consumer, (2, 7)),
            internal(4, 3, (3, 5)),
            internal(5, 1, (6, 9)),
        ],
        "1:0-1 2:1-2 3:2-3 4:3-5 3:5-6 5:6-9 1:9-10",
    );
    // An event: the path crosses the bus, past the end of the sender.
    check(
        vec![
            span(1, 0, Server, (0, 3)),
            span(2, 1, Producer, (1, 2)),
            span(3, 2, Consumer, (5, 9)),
            internal(4, 3, (6, 8)),
        ],
        "1:0-1 2:1-2 ~3:2-5 3:5-6 4:6-8 3:8-9",
    );
    // A retry: the second attempt is a consumer below the first one's publish.
    check(
        vec![
            span(1, 0, Producer, (0, 1)),
            span(2, 1, Consumer, (2, 4)),
            span(3, 2, Producer, (3, 4)),
            span(4, 3, Consumer, (8, 9)),
        ],
        "1:0-1 ~2:1-2 2:2-3 3:3-4 ~4:4-8 4:8-9",
    );
    // The sender of what was handled last still waits for the broker's confirm when its receiver goes on.
    let agent = |span: Span| Span {
        service: "agent".to_owned(),
        ..span
    };
    check(
        vec![
            span(1, 0, Server, (0, 20)),
            span(2, 1, Producer, (1, 2)),
            agent(span(3, 2, Consumer, (3, 18))),
            agent(span(4, 3, Producer, (9, 17))),
            span(5, 4, Consumer, (11, 13)),
            span(6, 1, Client, (14, 19)),
        ],
        "1:0-1 2:1-2 ~3:2-3 3:3-9 4:9-11 5:11-13 1:13-14 6:14-19 1:19-20",
    );
    // What another service handled lets nobody here go on.
    check(
        vec![
            span(1, 0, Server, (0, 20)),
            span(2, 1, Producer, (1, 2)),
            agent(span(3, 2, Consumer, (3, 18))),
            span(6, 1, Client, (14, 19)),
        ],
        "1:0-14 6:14-19 1:19-20",
    );
    // Of several roots and orphans the one that reaches furthest.
    check(
        vec![internal(1, 0, (0, 3)), internal(2, 9, (1, 8))],
        "2:1-8",
    );
}

#[test]
fn the_traces_of_a_search() {
    let other = |span: Span| Span {
        trace_id: "f".repeat(32),
        ..span
    };
    let spans = vec![
        internal(1, 0, (0, 9)),
        other(internal(1, 0, (5, 6))),
        internal(2, 1, (1, 2)),
    ];
    let traces = Trace::each_of(spans);
    let ids: Vec<_> = traces.iter().map(Trace::trace_id).collect();
    assert_eq!(ids, [&"f".repeat(32), TRACE]);
    assert_eq!(traces[1].spans().len(), 2);
}

#[test]
fn totals_per_service() {
    let mut failed = span(3, 2, Kind::Consumer, (3, 8));
    failed.service = "agent".to_owned();
    failed.status = Status::Error;
    let trace = Trace::from_spans(vec![
        span(1, 0, Kind::Server, (0, 10)),
        span(2, 1, Kind::Client, (1, 9)),
        failed,
    ]);
    let total = |service: &str, spans, errors, critical_ms: u64| ServiceTotal {
        service: service.to_owned(),
        spans,
        errors,
        critical_ns: critical_ms * 1_000_000,
    };
    assert_eq!(
        trace.services(),
        [total("s", 2, 0, 5), total("agent", 1, 1, 5)]
    );
    assert_eq!((trace.errors(), trace.duration_ns()), (1, 10_000_000));
}

#[test]
fn problems_are_found() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut Vec<Span>), expected: &[&str]) {
        let mut spans = vec![
            span(1, 0, Kind::Producer, (0, 2)),
            span(2, 1, Kind::Consumer, (3, 4)),
        ];
        change(&mut spans);
        let problems = Trace::from_spans(spans).problems();
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, expected);
    }
    check(|_| {}, &[]);
    check(Vec::clear, &[]);
    check(
        |spans| {
            spans[1].trace_id = "f".repeat(32);
            spans[1].links[0].trace_id = "f".repeat(32);
        },
        &["`s: 2` belongs to another trace, ffffffffffffffffffffffffffffffff"],
    );
    check(
        |spans| spans.push(internal(3, 9, (1, 2))),
        &["the parent 0000000000000009 of `s: 3` is missing"],
    );
    check(
        |spans| spans.push(internal(3, 0, (1, 2))),
        &["several spans are roots: s: 1, s: 3"],
    );
    check(
        |spans| drop(spans.remove(0)),
        &[
            "the parent 0000000000000001 of `s: 2` is missing",
            "no span is a root",
        ],
    );
    check(
        |spans| spans[0].service.clear(),
        &["`1` has no service name"],
    );
    check(
        |spans| spans[1].links.clear(),
        &["`s: 2` has no link to the span that sent its message"],
    );
    check(
        |spans| spans[1].ends_before_start = true,
        &["`s: 2` ends before it starts"],
    );
}

#[test]
fn otlp_json_of_any_writer() {
    let json = json!({ "result": { "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "query_agent" } }] },
        "scopeSpans": [{ "scope": {}, "spans": [{
            "traceId": TRACE, "spanId": "00f067aa0ba902b7", "parentSpanId": "", "name": "work", "kind": 5,
            "startTimeUnixNano": "1700000000000000001", "endTimeUnixNano": "1700000000012345679",
            "attributes": [
                { "key": "text", "value": { "stringValue": "a" } },
                { "key": "number", "value": { "intValue": "42" } },
                { "key": "plain number", "value": { "intValue": 42 } },
                { "key": "half", "value": { "doubleValue": 0.5 } },
                { "key": "flag", "value": { "boolValue": true } },
                { "key": "none", "value": {} },
                { "key": "empty", "value": { "arrayValue": {} } },
                { "key": "list", "value": { "arrayValue": { "values": [{ "intValue": "1" }, { "stringValue": "b" }] } } },
                { "key": "map", "value": { "kvlistValue": { "values": [{ "key": "k", "value": { "boolValue": false } }] } } },
                { "key": "bytes", "value": { "bytesValue": "AP8=" } },
                { "key": "not a number", "value": { "doubleValue": "NaN" } },
                { "key": "@jaeger@warnings", "value": { "arrayValue": { "values": [{ "stringValue": "skew" }] } } },
                { "value": { "stringValue": "of the empty key" } },
                { "key": "chimera.queue.wait_ms", "value": { "doubleValue": 1.5 } }
            ],
            "events": [{ "timeUnixNano": "1700000000000000002", "name": "exception" }],
            "links": [{ "traceId": TRACE, "spanId": "00f067aa0ba902b8" }],
            "status": { "code": 2, "message": "broke" }
        }] }]
    }] } });
    let spans = spans_from_otlp_json(json.to_string().as_bytes()).unwrap();
    assert_eq!(spans[0].queue_wait_ms(), Some(1.5));
    let expected = json!([{
        "trace_id": TRACE, "span_id": "00f067aa0ba902b7", "parent_span_id": null,
        "service": "query_agent", "name": "work", "kind": "CONSUMER",
        "start": "2023-11-14T22:13:20.000000001Z", "duration": 12_345_678, "status": "ERROR", "status_message": "broke",
        "attributes": {
            "text": "a", "number": 42, "plain number": 42, "half": 0.5, "flag": true, "none": null, "empty": [],
            "list": [1, "b"], "map": { "k": false }, "bytes": "00ff", "not a number": "NaN",
            "": "of the empty key", "chimera.queue.wait_ms": 1.5
        },
        "events": [{ "name": "exception", "time": "2023-11-14T22:13:20.000000002Z", "attributes": {} }],
        "links": [{ "trace_id": TRACE, "span_id": "00f067aa0ba902b8", "attributes": {} }]
    }]);
    assert_eq!(serde_json::to_value(&spans).unwrap(), expected);
    // Without the envelope, and with nothing in it.
    let bare = &json["result"];
    assert_eq!(
        spans_from_otlp_json(bare.to_string().as_bytes()).unwrap(),
        spans
    );
    assert_eq!(spans_from_otlp_json(b"{}").unwrap(), []);
    assert_eq!(spans_from_otlp_json(br#"{"result":{}}"#).unwrap(), []);
    assert!(spans_from_otlp_json(b"[1").is_err());
    assert!(spans_from_otlp_json(br#"{"resourceSpans":7}"#).is_err());
}
