use super::*;
use crate::tree::spans_from_otlp_json;

const QUESTION: &[u8] = include_bytes!("../../fixtures/question.json");

fn question() -> Vec<Span> {
    spans_from_otlp_json(QUESTION).unwrap()
}

fn drawn(spans: Vec<Span>, options: Options) -> String {
    let drawn = render(&Trace::from_spans(spans), &options);
    if options.names == Names::Fitted && options.colors == Colors::Off {
        let waterfall = drawn
            .lines()
            .take_while(|line| !line.starts_with(['✗', '!']));
        let longest = waterfall.map(width).max().unwrap();
        assert!(
            longest <= options.width.max(MIN_WIDTH),
            "{longest} columns:\n{drawn}"
        );
    }
    drawn
}

#[test]
fn a_question_in_100_columns() {
    insta::assert_snapshot!(drawn(question(), Options::default()));
}

#[test]
fn a_question_in_160_columns() {
    let width = 160;
    insta::assert_snapshot!(drawn(
        question(),
        Options {
            width,
            ..Options::default()
        }
    ));
}

#[test]
fn a_question_in_80_ascii_columns() {
    let (width, glyphs) = (80, Glyphs::Ascii);
    let drawn = drawn(
        question(),
        Options {
            width,
            glyphs,
            ..Options::default()
        },
    );
    assert!(drawn.is_ascii());
    insta::assert_snapshot!(drawn);
}

#[test]
fn whole_names() {
    let names = Names::Full;
    let drawn = drawn(
        question(),
        Options {
            names,
            ..Options::default()
        },
    );
    assert!(
        drawn.contains(
            "└─process chimera.events:data_retrieval.request:data_retrieval_agent  24.3 ms"
        ),
        "{drawn}"
    );
}

/// Two spans of the question: an error below a parent that is missing.
#[test]
fn a_gap_and_an_error_in_colors() {
    let spans = question()
        .into_iter()
        .filter(|span| span.is_error() || span.parent_span_id.is_none())
        .collect();
    let colors = Colors::Ansi;
    let drawn = drawn(
        spans,
        Options {
            colors,
            ..Options::default()
        },
    );
    insta::assert_snapshot!(drawn.replace('\u{1b}', "^"));
}

#[test]
fn what_is_hostile_or_deep_stays_in_its_columns() {
    let mut spans = question();
    for span in &mut spans {
        span.service = format!("\u{1b}[31m{}", "s".repeat(300));
        span.name = format!("取得\r\n{}", "n".repeat(300));
    }
    for width in [0, 60, 100, 300] {
        let drawn = drawn(
            spans.clone(),
            Options {
                width,
                ..Options::default()
            },
        );
        assert!(!drawn.contains(['\u{1b}', '\r']), "{drawn}");
    }
    let mut chain = question();
    let ids: Vec<_> = (1..=200).map(|id| format!("{id:016x}")).collect();
    let template = chain.remove(0);
    let link = |(place, id): (usize, &String)| Span {
        span_id: id.clone(),
        parent_span_id: place.checked_sub(1).map(|above| ids[above].clone()),
        duration_ns: template.duration_ns - place as u64,
        start_ns: template.start_ns + place as u64,
        ..template.clone()
    };
    let drawn = drawn(
        ids.iter().enumerate().map(link).collect(),
        Options::default(),
    );
    assert!(drawn.contains("… "), "{drawn}");
}

#[test]
fn nothing_and_no_time() {
    assert_eq!(drawn(vec![], Options::default()), "no spans\n");
    let mut instant = question().remove(0);
    instant.duration_ns = 0;
    let drawn = drawn(vec![instant], Options::default());
    assert!(drawn.contains("0 ns"), "{drawn}");
}
