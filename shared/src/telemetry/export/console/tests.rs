use std::{io, sync::Mutex};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceId};
use tokio::time::advance;

use super::{
    board::{Entry, MAX_WAITING, Screen},
    tree::{self, Look},
    *,
};
use crate::telemetry::{KeyValue, SpanStart, Telemetry};

/// What was written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    /// The lines, durations as `…` and ids as `<id>`.
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(anonymous).collect()
    }
}

fn anonymous(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut is_time = false;
    for word in line.split(' ').rev() {
        let is_unit = ["ns", "µs", "ms", "s"].contains(&word);
        match word {
            _ if is_unit => {}
            _ if is_time => words.push("…"),
            // What aligns the time, however long it is.
            "" if words.last() == Some(&"…") => {}
            id if id.len() == 32 => words.push("<id>"),
            other => words.push(other),
        }
        is_time = is_unit;
    }
    words.reverse();
    words.join(" ")
}

const SECOND: Duration = Duration::from_secs(1);

fn board(has_colours: bool) -> (Arc<Board>, Written) {
    let written = Written::default();
    let board = Board::on(Screen {
        has_colours,
        columns: Some(100),
        output: Box::new(written.clone()),
    });
    (Arc::new(board), written)
}

/// `spans` as those of `service`, drawn.
fn draw(service: &str, spans: Vec<SpanData>, columns: usize) -> String {
    let service: Arc<str> = service.into();
    let entries = spans.into_iter().map(|span| Entry {
        service: Arc::clone(&service),
        span,
    });
    let look = Look {
        has_colours: false,
        columns,
    };
    tree::draw(&entries.collect::<Vec<_>>(), look)
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

/// The same span with other ids.
fn with_ids(span: &SpanData, trace: u128, id: u64, parent: u64) -> SpanData {
    let mut span = span.clone();
    let flags = span.span_context.trace_flags();
    let trace = TraceId::from(trace);
    span.span_context = SpanContext::new(trace, SpanId::from(id), flags, false, Default::default());
    span.parent_span_id = SpanId::from(parent);
    span
}

#[tokio::test(start_paused = true)]
async fn a_trace_is_a_tree_when_its_root_ended() {
    let (board, written) = board(false);
    let service = Arc::from("svc");
    let mut spans = spans();
    let root = spans.pop().unwrap();
    board.take(&service, spans);
    advance(SECOND).await;
    board.show_due();
    assert!(written.lines().is_empty());
    let due = board.take(&service, vec![root]).unwrap();
    assert!(written.lines().is_empty());
    advance(due - Instant::now()).await;
    assert_eq!(board.show_due(), None);
    assert_eq!(
        written.lines(),
        [
            "trace <id> · … · 4 spans · 1 failed · svc",
            "…  └─POST /q SERVER",
            "…    ├─GET CLIENT ERROR no answer k=a b [31m error.type=timeout",
            "           │ │ • retry n=2",
            "…    │ └─parse INTERNAL",
            "…    └─publish PRODUCER",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_siblings_are_one_tree() {
    let (board, written) = board(false);
    let (api, agent) = (
        Telemetry::for_test("api"),
        Telemetry::for_test("agent_of_time"),
    );
    let start = |name| SpanStart::new(SpanKind::Internal, name);
    let root = api.0.root().start(start("ask"));
    let remote = crate::telemetry::Scope::new(agent.0.clone(), {
        use opentelemetry::trace::TraceContextExt as _;
        let span = root.context();
        let span = SpanContext::new(
            span.trace_id(),
            span.span_id(),
            span.trace_flags(),
            true,
            Default::default(),
        );
        opentelemetry::Context::new().with_remote_span_context(span)
    });
    let work = remote.start(start("work"));
    work.scope().start(start("think")).end();
    work.end();
    root.end();
    for (name, spans) in [("agent_of_time", agent.1), ("api", api.1)] {
        board.take(&name.into(), spans.get_finished_spans().unwrap());
    }
    advance(SECOND).await;
    board.show_due();
    assert_eq!(
        written.lines(),
        [
            "trace <id> · … · 3 spans · agent_of_time, api",
            "api …  └─ask INTERNAL",
            "agent_of_time …    └─work INTERNAL",
            "…      └─think INTERNAL",
        ]
    );
}

#[test]
fn the_last_one_to_go_shows_what_is_left() {
    let (board, written) = board(false);
    let mut spans = spans();
    spans.pop();
    board.take(&"svc".into(), spans);
    let mut consoles = [Console::new(Arc::clone(&board)), Console::new(board)];
    for console in &mut consoles {
        assert!(written.lines().is_empty());
        console.finish();
    }
    assert_eq!(
        written.lines()[0],
        "trace <id> · … · 3 spans · 1 failed · svc"
    );
}

#[tokio::test(start_paused = true)]
async fn a_trace_does_not_wait_for_ever() {
    let (board, written) = board(false);
    let template = spans().remove(0);
    let service = Arc::from("svc");
    for number in 1..=20 {
        board.take(&service, vec![with_ids(&template, 1, number, 0)]);
        advance(SECOND * 3 / 10).await;
    }
    board.show_due();
    assert!(
        written.lines()[0].contains("· 18 spans ·"),
        "{:?}",
        written.lines()
    );
    // One whose root never comes.
    board.take(&service, vec![with_ids(&template, 2, 1, 7)]);
    let before = written.lines().len();
    advance(SECOND * 59).await;
    board.show_due();
    advance(SECOND).await;
    assert_eq!(board.show_due(), None);
    let lines = written.lines();
    assert!(lines[lines.len() - 2].contains("· 1 span ·"));
    assert!(lines.len() > before);
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let drawn = |has_colours| {
        let (board, written) = board(has_colours);
        board.take(&"svc".into(), spans());
        drop(board);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    };
    assert!(!drawn(false).contains('\x1b'));
    let painted = drawn(true);
    assert!(
        painted.contains("\x1b[31mERROR no answer\x1b[0m") && !painted.contains("b\x1b[31m"),
        "{painted}"
    );
}

#[test]
fn lines_end_where_the_screen_does_and_do_not_repeat_the_name() {
    let mut span = spans().remove(0);
    span.name = "insert queries".into();
    span.attributes = vec![
        KeyValue::new("db.operation.name", "insert"),
        KeyValue::new("db.system.name", "fjall"),
        KeyValue::new("db.query.text", "x".repeat(10_000)),
    ];
    let text = draw("svc", vec![span], 60);
    let line = text.lines().nth(1).unwrap();
    assert!(line.contains("  └─insert queries INTERNAL "), "{line}");
    assert!(
        !line.contains("db.operation.name") && line.contains("fjall"),
        "{line}"
    );
    assert_eq!(line.chars().count(), 60, "{line}");
    assert!(line.ends_with('…'));
}

#[test]
fn a_recursion_without_end_is_cut() {
    let template = spans().remove(0);
    let chain = (1..=MAX_WAITING as u64).map(|number| with_ids(&template, 1, number, number - 1));
    let text = draw("svc", chain.collect(), 1_000);
    assert_eq!(text.lines().count(), 66);
    assert!(text.ends_with("… 9936 more\n"), "{text}");
}

/// Each span is looked at a few times, however deep it is: the reverse order is the one in which looking for the children
/// of what is known, again and again, would take a round for each.
#[test]
fn a_long_chain_takes_no_square_of_its_length() {
    let (board, written) = board(false);
    let template = spans().remove(0);
    let count = MAX_WAITING as u64 - 1;
    let chain = (1..=count)
        .rev()
        .map(|number| with_ids(&template, 1, number, number - 1));
    board.take(&"svc".into(), chain.collect());
    drop(board);
    assert!(written.lines()[0].contains("9999 spans"));
}

#[test]
fn what_waits_is_bounded() {
    let (board, written) = board(false);
    let template = spans().remove(0);
    let service = Arc::from("svc");
    let spans = (0..MAX_WAITING as u64 + 2_000)
        .map(|number| with_ids(&template, u128::from(number / 10) + 1, number + 1, u64::MAX));
    for batch in spans.collect::<Vec<_>>().chunks(500) {
        board.take(&service, batch.to_vec());
    }
    let titles = || {
        let lines = written.lines();
        lines
            .iter()
            .filter(|line| line.starts_with("trace"))
            .count()
    };
    assert_eq!(titles(), 200);
    drop(board);
    assert_eq!(titles(), 1_200);
}
