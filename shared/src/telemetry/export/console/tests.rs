use std::sync::{Arc, Mutex};

use opentelemetry::trace::SpanKind;

use super::*;
use crate::telemetry::{KeyValue, SpanStart, Telemetry};

/// What was written.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl io::Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    /// The lines, durations as `…` and ids as `<id>`.
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(anonymous).collect()
    }
}

fn anonymous(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let bare = word.trim_end_matches(',');
        let number = bare.trim_end_matches(['n', 'µ', 'm', 's']);
        if number.len() < bare.len() && number.parse::<f64>().is_ok() {
            "…".to_owned()
        } else if bare.len() == 32 {
            "<id>".to_owned()
        } else {
            bare.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn console(has_colours: bool) -> (Console, Screen) {
    let screen = Screen::default();
    let console = Console {
        service: "svc".to_owned(),
        traces: HashMap::new(),
        has_colours,
        output: Box::new(screen.clone()),
    };
    (console, screen)
}

fn work(telemetry: &Telemetry) {
    let root = telemetry
        .root()
        .start(SpanStart::new(SpanKind::Server, "POST /q"));
    let first = SpanStart::new(SpanKind::Client, "GET").with(KeyValue::new("k", "a\nb\x1b[31m"));
    let first = root.scope().start(first);
    first.event("retry", vec![KeyValue::new("n", 2)]);
    let below = first
        .scope()
        .start(SpanStart::new(SpanKind::Internal, "parse"));
    below.end();
    first.fail("timeout", "no answer");
    first.end();
    root.scope()
        .start(SpanStart::new(SpanKind::Producer, "publish"))
        .end();
    root.end();
}

fn spans() -> Vec<SpanData> {
    let (telemetry, spans) = Telemetry::for_test("svc");
    work(&telemetry);
    spans.get_finished_spans().unwrap()
}

#[test]
fn a_trace_is_a_tree_when_its_root_ends() {
    let (mut console, screen) = console(false);
    let mut spans = spans();
    let root = spans.pop().unwrap();
    for span in spans {
        console.take(span);
        assert!(screen.lines().is_empty());
    }
    console.take(root);
    assert_eq!(
        screen.lines(),
        [
            "trace <id> of svc 4 spans in … 1 failed",
            "└─ POST /q SERVER …",
            "   ├─ GET CLIENT … ERROR no answer k=a b [31m error.type=timeout",
            "   │  │  • retry n=2",
            "   │  └─ parse INTERNAL …",
            "   └─ publish PRODUCER …",
        ]
    );
    assert!(console.traces.is_empty());
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let drawn = |has_colours| {
        let (mut console, screen) = console(has_colours);
        spans().into_iter().for_each(|span| console.take(span));
        String::from_utf8(screen.0.lock().unwrap().clone()).unwrap()
    };
    assert!(!drawn(false).contains('\x1b'));
    let painted = drawn(true);
    assert!(
        painted.contains(tree_red()) && !painted.contains("b\x1b[31m"),
        "{painted}"
    );
}

fn tree_red() -> &'static str {
    "\x1b[31mERROR no answer\x1b[0m"
}

#[test]
fn a_recursion_without_end_is_cut() {
    let template = spans().remove(0);
    let chain = (1..=MAX_WAITING as u64).map(|number| {
        let mut span = template.clone();
        span.span_context = opentelemetry::trace::SpanContext::new(
            TraceId::from(1),
            SpanId::from(number),
            span.span_context.trace_flags(),
            false,
            Default::default(),
        );
        span.parent_span_id = SpanId::from(number - 1);
        span
    });
    let text = tree::draw("svc", &chain.collect::<Vec<_>>(), false);
    assert_eq!(text.lines().count(), 1 + 64 + 1);
    let last = text.lines().last().unwrap_or_default();
    assert_eq!(last.trim_start(), "└─ … 9936 more");
}

#[test]
fn what_waits_for_no_end_is_bounded_and_shown() {
    let (mut console, screen) = console(false);
    let template = spans().remove(0);
    for number in 0..MAX_WAITING as u64 + 2_000 {
        let mut span = template.clone();
        span.span_context = opentelemetry::trace::SpanContext::new(
            TraceId::from(u128::from(number / 10) + 1),
            SpanId::from(number + 1),
            span.span_context.trace_flags(),
            false,
            Default::default(),
        );
        span.parent_span_id = SpanId::from(u64::MAX);
        console.take(span);
        if number % 500 == 0 {
            console.tidy();
        }
    }
    console.tidy();
    let held: usize = console.traces.values().map(|trace| trace.spans.len()).sum();
    assert!(held <= MAX_WAITING, "{held}");
    let shown = screen
        .lines()
        .iter()
        .filter(|line| line.starts_with("trace"))
        .count();
    assert_eq!(shown, 200);
    console.finish();
    assert!(console.traces.is_empty());
}
