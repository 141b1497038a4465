//! What the W3C Trace Context validation suite (<https://github.com/w3c/trace-context>, `test/test.py`) sends and expects,
//! as a table. The unit tests go through it on headers alone, the end-to-end tests on messages over each bus.

/// The trace and the span that the suite's headers name.
pub(crate) const TRACE: &str = "12345678901234567890123456789012";
pub(crate) const SPAN: &str = "1234567890123456";

/// Headers that come in, and what is to go out for them.
#[derive(Debug)]
pub(crate) struct Case {
    /// The suite's name of the test.
    pub(crate) test: &'static str,
    pub(crate) incoming: Vec<(String, String)>,
    pub(crate) expected: Expected,
}

/// What goes out for what came in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expected {
    /// A trace of our own, without a `tracestate`.
    NewTrace,
    /// The trace that came in, without a `tracestate`.
    Joined,
    /// The trace that came in, with its random flag.
    Random,
    /// The trace that came in with this `tracestate`.
    With(String),
}

use Expected::{Joined, NewTrace, Random, With};

/// Every test of the suite is here with each of its requests.
pub(crate) fn cases() -> Vec<Case> {
    let lists = [
        traceparents(),
        names(),
        tracestates(),
        lonely_tracestates(),
        allowed_characters(),
        limits(),
    ];
    lists.into_iter().flatten().collect()
}

/// `values` are those of headers called `traceparent`.
fn parent(test: &'static str, values: &[&str], expected: Expected) -> Case {
    let incoming = values.iter().map(|value| ("traceparent", *value));
    case(test, &incoming.collect::<Vec<_>>(), expected)
}

/// `values` are those of headers called `tracestate` beside a valid `traceparent`.
fn state(test: &'static str, values: &[&str], expected: Expected) -> Case {
    let states = values.iter().map(|value| ("tracestate", *value));
    let incoming: Vec<_> = [("traceparent", "00-{T}-{S}-00")]
        .into_iter()
        .chain(states)
        .collect();
    case(test, &incoming, expected)
}

fn case(test: &'static str, incoming: &[(&str, &str)], expected: Expected) -> Case {
    let full = |value: &str| value.replace("{T}", TRACE).replace("{S}", SPAN);
    let incoming = incoming
        .iter()
        .map(|(name, value)| ((*name).to_owned(), full(value)));
    Case {
        test,
        incoming: incoming.collect(),
        expected,
    }
}

fn traceparents() -> Vec<Case> {
    const VALID: &str = "00-{T}-{S}-01";
    let zeros = "00-00000000000000000000000000000000-{S}-01";
    let one = |test, value, expected| parent(test, &[value], expected);
    vec![
        parent("both_traceparent_and_tracestate_missing", &[], NewTrace),
        parent("multiple_requests_without_traceparent", &[], NewTrace),
        one("traceparent_included_tracestate_missing", VALID, Joined),
        one("multiple_requests_with_valid_traceparent", VALID, Joined),
        parent("traceparent_duplicated", &[VALID, VALID], NewTrace),
        parent(
            "traceparent_duplicated",
            &["00-12345678901234567890123456789011-{S}-01", VALID],
            NewTrace,
        ),
        one("traceparent_version_0x00", "00-{T}-{S}-01.", NewTrace),
        one(
            "traceparent_version_0x00",
            "00-{T}-{S}-01-what-the-future-will-be-like",
            NewTrace,
        ),
        one("traceparent_version_0xcc", "cc-{T}-{S}-01", Joined),
        one(
            "traceparent_version_0xcc",
            "cc-{T}-{S}-01-what-the-future-will-be-like",
            Joined,
        ),
        one(
            "traceparent_version_0xcc",
            "cc-{T}-{S}-01.what-the-future-will-be-like",
            NewTrace,
        ),
        one("traceparent_version_0xff", "ff-{T}-{S}-01", NewTrace),
        one(
            "traceparent_version_illegal_characters",
            ".0-{T}-{S}-01",
            NewTrace,
        ),
        one(
            "traceparent_version_illegal_characters",
            "0.-{T}-{S}-01",
            NewTrace,
        ),
        one("traceparent_version_too_long", "000-{T}-{S}-01", NewTrace),
        one("traceparent_version_too_long", "0000-{T}-{S}-01", NewTrace),
        one("traceparent_version_too_short", "0-{T}-{S}-01", NewTrace),
        one("traceparent_trace_id_all_zero", zeros, NewTrace),
        one(
            "multiple_requests_with_illegal_traceparent",
            zeros,
            NewTrace,
        ),
        one(
            "traceparent_trace_id_illegal_characters",
            "00-.2345678901234567890123456789012-{S}-01",
            NewTrace,
        ),
        one(
            "traceparent_trace_id_illegal_characters",
            "00-1234567890123456789012345678901.-{S}-01",
            NewTrace,
        ),
        one("traceparent_trace_id_too_long", "00-{T}3-{S}-01", NewTrace),
        one(
            "traceparent_trace_id_too_short",
            "00-1234567890123456789012345678901-{S}-01",
            NewTrace,
        ),
        one(
            "traceparent_parent_id_all_zero",
            "00-{T}-0000000000000000-01",
            NewTrace,
        ),
        one(
            "traceparent_parent_id_illegal_characters",
            "00-{T}-.234567890123456-01",
            NewTrace,
        ),
        one(
            "traceparent_parent_id_illegal_characters",
            "00-{T}-123456789012345.-01",
            NewTrace,
        ),
        one("traceparent_parent_id_too_long", "00-{T}-{S}7-01", NewTrace),
        one(
            "traceparent_parent_id_too_short",
            "00-{T}-123456789012345-01",
            NewTrace,
        ),
        one(
            "traceparent_trace_flags_illegal_characters",
            "00-{T}-{S}-.0",
            NewTrace,
        ),
        one(
            "traceparent_trace_flags_illegal_characters",
            "00-{T}-{S}-0.",
            NewTrace,
        ),
        one(
            "traceparent_trace_flags_too_long",
            "00-{T}-{S}-001",
            NewTrace,
        ),
        one(
            "traceparent_trace_flags_too_short",
            "00-{T}-{S}-1",
            NewTrace,
        ),
        one("traceparent_ows_handling", " 00-{T}-{S}-01", Joined),
        one("traceparent_ows_handling", "\t00-{T}-{S}-01", Joined),
        one("traceparent_ows_handling", "00-{T}-{S}-01 ", Joined),
        one("traceparent_ows_handling", "00-{T}-{S}-01\t", Joined),
        one("traceparent_ows_handling", "\t 00-{T}-{S}-01 \t", Joined),
        one("propagates_random_flag", "00-{T}-{S}-02", Random),
    ]
}

fn names() -> Vec<Case> {
    let parent = ("traceparent", "00-{T}-{S}-00");
    let mut cases = Vec::new();
    for name in ["trace-parent", "trace.parent"] {
        let test = "traceparent_header_name";
        cases.push(case(test, &[(name, parent.1)], NewTrace));
    }
    for name in ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        let test = "traceparent_header_name_valid_casing";
        cases.push(case(test, &[(name, parent.1)], Joined));
    }
    for name in ["trace-state", "trace.state"] {
        let test = "tracestate_header_name";
        cases.push(case(test, &[parent, (name, "foo=1")], Joined));
    }
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        let test = "tracestate_header_name_valid_casing";
        let expected = With("foo=1".to_owned());
        cases.push(case(test, &[parent, (name, "foo=1")], expected));
    }
    cases
}

fn lonely_tracestates() -> Vec<Case> {
    let test = "tracestate_included_traceparent_missing";
    let broken = ("traceparent", "00-x");
    vec![
        case(test, &[("tracestate", "foo=1")], NewTrace),
        case(test, &[("tracestate", "foo=1,bar=2")], NewTrace),
        case(test, &[broken, ("tracestate", "foo=1")], NewTrace),
    ]
}

fn tracestates() -> Vec<Case> {
    let kept = |test, values: &[&str], kept: &str| state(test, values, With(kept.to_owned()));
    let lost = |test, value| state(test, &[value], Joined);
    let mut cases = vec![
        kept(
            "tracestate_included_traceparent_included",
            &["foo=1,bar=2"],
            "foo=1,bar=2",
        ),
        lost("tracestate_empty_header", ""),
        kept("tracestate_empty_header", &["foo=1", ""], "foo=1"),
        kept("tracestate_empty_header", &["", "foo=1"], "foo=1"),
        kept(
            "tracestate_multiple_headers_different_keys",
            &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
            "foo=1,bar=2,rojo=1,congo=2,baz=3",
        ),
        kept("tracestate_duplicated_keys", &["foo=1,foo=1"], "foo=1"),
        kept("tracestate_duplicated_keys", &["foo=1,foo=2"], "foo=1"),
        kept("tracestate_duplicated_keys", &["foo=1", "foo=1"], "foo=1"),
        kept("tracestate_duplicated_keys", &["foo=1", "foo=2"], "foo=1"),
        kept(
            "tracestate_ows_handling",
            &["foo=1 \t , \t bar=2, \t baz=3"],
            "foo=1,bar=2,baz=3",
        ),
        kept(
            "tracestate_ows_handling",
            &["foo=1\t \t,\t \tbar=2,\t \tbaz=3"],
            "foo=1,bar=2,baz=3",
        ),
        lost("tracestate_key_illegal_characters", "foo =1"),
        lost("tracestate_key_illegal_characters", "FOO=1"),
        lost("tracestate_key_illegal_characters", "foo.bar=1"),
        lost("tracestate_key_illegal_vendor_format", "@foo=1,bar=2"),
        lost("tracestate_value_illegal_characters", "foo=bar=baz"),
        lost("tracestate_value_illegal_characters", "foo=,bar=3"),
    ];
    for value in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        cases.push(kept("tracestate_ows_handling", &[value], "foo=1"));
    }
    for value in ["foo@=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2"] {
        cases.push(kept(
            "tracestate_key_illegal_vendor_format",
            &[value],
            value,
        ));
    }
    cases
}

fn allowed_characters() -> Vec<Case> {
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let value: String = (' '..='~').filter(|char| !",=".contains(*char)).collect();
    [key.to_owned(), format!("{key}@a-z0-9_-*/")]
        .map(|key| {
            let member = format!("{key}={value}");
            let test = "tracestate_all_allowed_characters";
            state(test, &[&member], With(member.clone()))
        })
        .into()
}

fn limits() -> Vec<Case> {
    let mut cases = Vec::new();
    for (count, is_kept) in [(32, true), (33, false)] {
        let members: Vec<_> = (1..=count).map(|n| format!("bar{n:02}={n:02}")).collect();
        let headers: Vec<_> = members.chunks(10).map(|part| part.join(",")).collect();
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        let expected = if is_kept {
            With(members.join(","))
        } else {
            Joined
        };
        cases.push(state("tracestate_member_count_limit", &headers, expected));
    }
    for key in [
        "z".repeat(256),
        format!("{}@{}", "t".repeat(241), "v".repeat(14)),
        format!("{}@v", "t".repeat(242)),
        format!("t@{}", "v".repeat(15)),
    ] {
        let member = format!("{key}=1");
        let expected = With(format!("foo=1,{member}"));
        let test = "tracestate_key_length_limit";
        cases.push(state(test, &["foo=1", &member], expected));
    }
    let too_long = format!("{}=1", "z".repeat(257));
    let test = "tracestate_key_length_limit";
    cases.push(state(test, &["foo=1", &too_long], Joined));
    cases
}
