//! `tracestate`: what other tracing systems keep with the trace. Chimera passes it on and adds nothing.
//!
//! Source: <https://www.w3.org/TR/trace-context-2/#tracestate-header>.

use opentelemetry::{
    Context as OtelContext,
    trace::{SpanContext, TraceId, TraceState},
};

const MAX_MEMBERS: usize = 32;
/// What is longer in all is cut by the rules of section 3.3.1.5, "tracestate Limits".
const MAX_LENGTH: usize = 512;
/// Members longer than this go first when something has to.
const LONG_MEMBER: usize = 128;
const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 256;

/// The members of one or several `tracestate` headers, in their order, each key once.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Members {
    all: Vec<(String, String)>,
    /// Whether every member had a key of its own.
    pub(super) is_whole: bool,
}

/// `None` when anything about `headers` is invalid: then all of it is.
pub(super) fn parse(headers: &[&str]) -> Option<Members> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let mut count = 0;
    for member in headers.iter().flat_map(|header| header.split(',')) {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        count += 1;
        if count > MAX_MEMBERS || !is_key(key) || !is_value(value) {
            return None;
        }
        if members.iter().all(|(known, _)| *known != key) {
            members.push((key, value));
        }
    }
    let is_whole = members.len() == count;
    cut(&mut members);
    let owned = members
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    Some(Members {
        all: owned.collect(),
        is_whole,
    })
}

fn is_key(key: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_further = |byte: u8| is_first(byte) || b"_-*/@".contains(&byte);
    key.len() <= MAX_KEY
        && key.as_bytes().first().is_some_and(|&byte| is_first(byte))
        && key.bytes().all(is_further)
}

/// Spaces at the end have been taken for white space between members by now.
fn is_value(value: &str) -> bool {
    (1..=MAX_VALUE).contains(&value.len())
        && value
            .bytes()
            .all(|byte| matches!(byte, 0x20..=0x7e) && byte != b'=')
}

fn cut(members: &mut Vec<(&str, &str)>) {
    let length = |member: &(&str, &str)| member.0.len() + 1 + member.1.len();
    let excess = |members: &[(&str, &str)]| {
        let commas = members.len().saturating_sub(1);
        members.iter().map(length).sum::<usize>() + commas > MAX_LENGTH
    };
    while excess(members) {
        match members
            .iter()
            .rposition(|member| length(member) > LONG_MEMBER)
        {
            Some(at) => drop(members.remove(at)),
            None => drop(members.pop()),
        }
    }
}

/// What the SDK's `TraceState` cannot hold: its keys have one `@` at most, those of Level 2 any number.
pub(super) struct Foreign {
    trace_id: TraceId,
    known_to_sdk: TraceState,
    all: String,
    unknown_to_sdk: String,
}

impl Members {
    /// The header of all.
    pub(super) fn joined(&self) -> String {
        joined(&self.all)
    }

    /// The members that the SDK's type can hold; samplers and exporters see these.
    pub(super) fn known_to_sdk(&self) -> TraceState {
        TraceState::from_key_value(self.all.iter().cloned())
            .or_else(|_| TraceState::from_key_value(self.only(|is_known| is_known)))
            .unwrap_or_default()
    }

    /// What the context must hold beside `span`, where that could not hold all members.
    pub(super) fn foreign_to_sdk(&self, span: &SpanContext) -> Option<Foreign> {
        let known_to_sdk = span.trace_state();
        (known_to_sdk.into_iter().len() < self.all.len()).then(|| Foreign {
            trace_id: span.trace_id(),
            known_to_sdk: known_to_sdk.clone(),
            all: joined(&self.all),
            unknown_to_sdk: joined(&self.only(|is_known| !is_known)),
        })
    }

    fn only(&self, wanted: fn(bool) -> bool) -> Vec<(String, String)> {
        let is_known =
            |(key, value): &&(String, String)| TraceState::from_key_value([(key, value)]).is_ok();
        let members = self.all.iter().filter(|member| wanted(is_known(member)));
        members.cloned().collect()
    }
}

fn joined(members: &[(String, String)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    members.join(",")
}

/// The header of `span`, the active span of `context`; empty when there is nothing to pass on.
pub(super) fn header(context: &OtelContext, span: &SpanContext) -> String {
    let state = span.trace_state();
    match context
        .get::<Foreign>()
        .filter(|foreign| foreign.trace_id == span.trace_id())
    {
        Some(foreign) if foreign.known_to_sdk == *state => foreign.all.clone(),
        // A sampler changed its own member; by the specification that one moves to the front.
        Some(foreign) => [state.header(), foreign.unknown_to_sdk.clone()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(","),
        None if *state == TraceState::NONE => String::new(),
        None => state.header(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[&str], expected: Option<&str>) {
        let parsed = parse(headers).map(|members| members.joined());
        assert_eq!(parsed.as_deref(), expected, "{headers:?}");
    }

    #[test]
    fn members_keep_their_order_and_each_key_is_kept_once() {
        check(&["b=2,a=1"], Some("b=2,a=1"));
        check(&["b=2", "", "a=1,b=3"], Some("b=2,a=1"));
        check(&[" a=1 \t,\t b= x "], Some("a=1,b= x"));
        check(&[",,a=1,, ,"], Some("a=1"));
        check(&[""], Some(""));
    }

    #[test]
    fn anything_invalid_drops_all_of_it() {
        for header in [
            "a", "a=", "=1", "A=1", "a=1=2", "a b=1", "@a=1", "a=\t1", "a=é", "ok=1,a",
        ] {
            check(&[header], None);
        }
        check(&[&format!("a={}", "x".repeat(257))], None);
        check(&[&format!("{}=1", "x".repeat(257))], None);
        let many = |count| {
            (0..count)
                .map(|n| format!("k{n}=v"))
                .collect::<Vec<_>>()
                .join(",")
        };
        check(&[&many(32)], Some(&many(32)));
        check(&[&many(33)], None);
    }

    #[test]
    fn what_is_too_long_loses_whole_members_long_ones_first() {
        let long = format!("long={}", "x".repeat(200));
        let short = |n: usize| format!("s{n}={}", "y".repeat(100));
        let all = [short(1), long, short(2), short(3), short(4)].join(",");
        check(
            &[&all],
            Some(&[short(1), short(2), short(3), short(4)].join(",")),
        );
        let all: Vec<_> = (0..6).map(short).collect();
        check(&[&all.join(",")], Some(&all[..4].join(",")));
        check(
            &[&format!("{}={}", "k".repeat(256), "v".repeat(256))],
            Some(""),
        );
    }

    #[test]
    fn a_length_of_exactly_512_is_kept() {
        let member = |key: &str, length: usize| format!("{key}={}", "v".repeat(length - 2));
        let fits = [
            member("a", 128),
            member("b", 128),
            member("c", 128),
            member("d", 125),
        ]
        .join(",");
        assert_eq!(fits.len(), 512);
        check(&[&fits], Some(&fits));
    }
}
