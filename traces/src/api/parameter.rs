//! Reading the parameters of a request.

use std::{borrow::Cow, time::Duration};

use axum::http::Uri;
use opentelemetry::TraceId;
use serde_json::Value;

use crate::store::Query;

/// A parameter that cannot be understood, in Jaeger's words.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("malformed parameter {name}: {reason}")]
    Parameter {
        name: &'static str,
        reason: Cow<'static, str>,
    },
    #[error("query.start_time_min and query.start_time_max are required")]
    NoTimes,
    #[error("search depth must be greater than 0 and less than max traces ({MAX_TRACES})")]
    SearchDepth,
}

/// As many as Jaeger's own pages ask for at most.
const MAX_TRACES: usize = 1_500;
const DEFAULT_TRACES: usize = 20;

pub(super) type Pairs = Vec<(String, String)>;

/// Names and values of a query string, decoded.
pub(super) fn pairs(query: Option<&str>) -> Pairs {
    let uri: Result<Uri, _> = format!("/?{}", query.unwrap_or_default()).parse();
    let decoded = uri
        .ok()
        .and_then(|uri| axum::extract::Query::try_from_uri(&uri).ok());
    decoded.map_or_else(Pairs::new, |axum::extract::Query(pairs)| pairs)
}

/// The first value under one of the names; an empty one counts as absent, as it does for Jaeger.
pub(super) fn find<'a>(pairs: &'a Pairs, names: &[&str]) -> Option<&'a str> {
    let (_, value) = pairs
        .iter()
        .find(|(name, value)| names.contains(&name.as_str()) && !value.is_empty())?;
    Some(value)
}

/// 1 to 32 hex digits; shorter ones are filled with zeros on the left.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Malformed> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let reason = match text.len() {
        1..=32 if is_hex => {
            let number =
                u128::from_str_radix(text, 16).expect("at most 32 hex digits were checked");
            return Ok(TraceId::from(number));
        }
        33.. => format!("TraceID cannot be longer than 32 hex characters: {text}"),
        _ => format!("`{text}` is not 1 to 32 hex digits"),
    };
    Err(malformed("trace_id", reason))
}

/// The query that a search's parameters make.
pub(super) fn search(pairs: &Pairs) -> Result<Query, Malformed> {
    let start_min = find(pairs, &["query.start_time_min", "query.startTimeMin"]);
    let start_max = find(pairs, &["query.start_time_max", "query.startTimeMax"]);
    let (Some(start_min), Some(start_max)) = (start_min, start_max) else {
        return Err(Malformed::NoTimes);
    };
    let mut query = Query {
        service: find(pairs, &["query.service_name", "query.serviceName"]).map(str::to_owned),
        operation: find(pairs, &["query.operation_name", "query.operationName"]).map(str::to_owned),
        start_min_ns: time("query.start_time_min", start_min)?,
        start_max_ns: time("query.start_time_max", start_max)?,
        limit: limit(pairs)?,
        ..Query::default()
    };
    if let Some(text) = find(pairs, &["query.duration_min", "query.durationMin"]) {
        query.duration_min = duration("query.duration_min", text)?;
    }
    if let Some(text) = find(pairs, &["query.duration_max", "query.durationMax"]) {
        query.duration_max = duration("query.duration_max", text)?;
    }
    add_attributes(&mut query, pairs)?;
    Ok(query)
}

fn limit(pairs: &Pairs) -> Result<usize, Malformed> {
    let names = [
        "query.num_traces",
        "query.numTraces",
        "query.search_depth",
        "query.searchDepth",
    ];
    let Some(text) = find(pairs, &names) else {
        return Ok(DEFAULT_TRACES);
    };
    let number: i64 = text.parse().map_err(|_| {
        malformed(
            "query.num_traces",
            format!("`{text}` is not a whole number"),
        )
    })?;
    usize::try_from(number)
        .ok()
        .filter(|limit| (1..=MAX_TRACES).contains(limit))
        .ok_or(Malformed::SearchDepth)
}

fn time(name: &'static str, text: &str) -> Result<u64, Malformed> {
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        malformed(
            name,
            format!("`{text}` is not an RFC 3339 time such as 2026-11-21T10:00:00Z"),
        )
    })?;
    let ns = time.as_nanosecond();
    Ok(u64::try_from(ns).unwrap_or(if ns < 0 { 0 } else { u64::MAX }))
}

/// A duration as Go writes it: numbers with units, `1m30s`, `1.5ms`, or `0`.
/// Source: <https://pkg.go.dev/time#ParseDuration>
fn duration(name: &'static str, text: &str) -> Result<Duration, Malformed> {
    go_duration(text).ok_or_else(|| {
        malformed(
            name,
            format!("`{text}` is not a duration such as 1.5ms or 1m30s"),
        )
    })
}

fn go_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut total_ns = 0.0;
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let unit_at =
            rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let end = tail
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        total_ns += number.parse::<f64>().ok()? * unit_ns(unit)?;
        rest = tail;
    }
    Some(Duration::from_nanos(total_ns.round() as u64))
}

fn unit_ns(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        _ => return None,
    })
}

/// `error` is not an attribute but the status, as it is for Jaeger.
fn add_attributes(query: &mut Query, pairs: &Pairs) -> Result<(), Malformed> {
    const NAME: &str = "query.attributes";
    let mut attributes = Vec::new();
    for (name, value) in pairs {
        if name == NAME {
            let Ok(Value::Object(fields)) = serde_json::from_str(value) else {
                return Err(malformed(
                    NAME,
                    "not a JSON object such as {\"error\":\"true\"}",
                ));
            };
            attributes.extend(fields.into_iter().map(|(key, value)| (key, text(value))));
        } else if let Some(key) = name
            .strip_prefix(NAME)
            .and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'))
        {
            attributes.push((key.to_owned(), value.clone()));
        }
    }
    let is_error = |(key, value): &(String, String)| key == "error" && value == "true";
    query.errors_only = attributes.iter().any(is_error);
    attributes.retain(|attribute| !is_error(attribute));
    query.attributes = attributes;
    Ok(())
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn malformed(name: &'static str, reason: impl Into<Cow<'static, str>>) -> Malformed {
    Malformed::Parameter {
        name,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_writes_them() {
        #[track_caller]
        fn check(text: &str, expected_ns: impl Into<Option<u64>>) {
            assert_eq!(
                go_duration(text),
                expected_ns.into().map(Duration::from_nanos),
                "{text}"
            );
        }
        check("0", 0);
        check("15ns", 15);
        check("3us", 3_000);
        check("3µs", 3_000);
        check("1.5ms", 1_500_000);
        check("+2s", 2_000_000_000);
        check("1m30s", 90_000_000_000);
        check("2h", 7_200_000_000_000);
        for wrong in ["", "1", "ms", "-1s", "1 s", "1d", "1.2.3s", "+", "1s2"] {
            check(wrong, None);
        }
    }

    #[test]
    fn trace_ids_may_be_short() {
        assert_eq!(trace_id("7").unwrap(), TraceId::from(7));
        assert_eq!(trace_id(&"F".repeat(32)).unwrap(), TraceId::from(u128::MAX));
        for wrong in ["", "xyz", "+7", &"0".repeat(33)] {
            assert!(trace_id(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn attributes_in_both_forms() {
        let pairs = pairs(Some(
            "query.startTimeMin=2026-01-01T00:00:00Z&query.startTimeMax=2026-01-02T00:00:00%2B01:00\
             &query.attributes=%7B%22error%22:true,%22n%22:1%7D&query.attributes[asset]=ZEC&query.numTraces=7",
        ));
        let query = search(&pairs).unwrap();
        assert!(query.errors_only);
        assert_eq!(
            query.attributes,
            [
                ("n".to_owned(), "1".to_owned()),
                ("asset".to_owned(), "ZEC".to_owned())
            ]
        );
        assert_eq!(
            (query.limit, query.start_max_ns),
            (7, 1_767_308_400_000_000_000)
        );
    }
}
