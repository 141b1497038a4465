//! What headers may look like, written down again from the specifications and by other means than the propagator's.

use regex::Regex;

const MAX_BAGGAGE: usize = 8_192;
const MAX_MEMBERS: usize = 64;
const MAX_STATES: usize = 32;

/// The grammars, compiled.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// <https://www.w3.org/TR/trace-context-2/#traceparent-header>
    parent: Regex,
    /// Of any version, for what is only passed on.
    any_parent: Regex,
    /// <https://www.w3.org/TR/trace-context-2/#tracestate-header>
    state: Regex,
    /// <https://www.w3.org/TR/baggage/#baggage-http-header-format>
    member: Regex,
    b3: Regex,
    id: Regex,
    long_id: Regex,
    jaeger: Regex,
    value: Regex,
}

impl Grammar {
    pub(crate) fn new() -> Self {
        let regex = |text: &str| Regex::new(text).expect("written below");
        let token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
        let octets = r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*";
        let ows = "[ \t]*";
        let property = format!("{ows};{ows}{token}(?:{ows}={ows}{octets})?");
        Self {
            parent: regex(r"\A00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]\z"),
            any_parent: regex(
                r"\A(?:00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[\t\x20-\x7e]*)?)\z",
            ),
            state: regex(
                r"\A[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]\z",
            ),
            member: regex(&format!(r"\A{token}{ows}={ows}{octets}(?:{property})*\z")),
            b3: regex(r"\A[0-9a-f]{32}-[0-9a-f]{16}-[01d]\z"),
            id: regex(r"\A[0-9a-f]{16}\z"),
            long_id: regex(r"\A[0-9a-f]{32}\z"),
            jaeger: regex(r"\A[0-9a-f]{32}:[0-9a-f]{16}:0:[013]\z"),
            value: regex(&format!(r"\A{octets}\z")),
        }
    }

    /// What is wrong with a header; `as_it_came` allows what only passes through.
    pub(crate) fn breach(&self, name: &str, value: &str, as_it_came: bool) -> Option<&'static str> {
        let is = |regex: &Regex| regex.is_match(value);
        let is_right = match name.to_ascii_lowercase().as_str() {
            "traceparent" if as_it_came => is(&self.any_parent) && names_a_span(value),
            "traceparent" => is(&self.parent) && names_a_span(value),
            "tracestate" => return self.wrong_state(value, as_it_came),
            "baggage" => return self.wrong_baggage(value),
            "b3" => is(&self.b3) && !value.starts_with(&"0".repeat(32)),
            "x-b3-traceid" => is(&self.long_id) && value != "0".repeat(32),
            "x-b3-spanid" => is(&self.id) && value != "0".repeat(16),
            "x-b3-sampled" => value == "0" || value == "1",
            "x-b3-flags" => value == "1",
            "uber-trace-id" => is(&self.jaeger),
            other if other.starts_with("uberctx-") => is(&self.value) && other.len() > 8,
            _ => return Some("it is nobody's"),
        };
        (!is_right).then_some("it does not match its grammar")
    }

    fn wrong_state(&self, value: &str, as_it_came: bool) -> Option<&'static str> {
        let members: Vec<_> = value
            .split(',')
            .map(|member| member.trim_matches([' ', '\t']))
            .collect();
        let filled: Vec<_> = members.iter().filter(|member| !member.is_empty()).collect();
        let keys: Vec<_> = filled
            .iter()
            .filter_map(|member| member.split('=').next())
            .collect();
        let is_repeated = |(at, key): (usize, &&str)| keys[..at].contains(key);
        if filled.is_empty() {
            Some("it is empty")
        } else if filled.len() > MAX_STATES {
            Some("it has too many members")
        } else if !as_it_came && value.len() > 512 {
            Some("it is too long")
        } else if keys.iter().enumerate().any(is_repeated) {
            Some("a key comes twice")
        } else {
            let is_wrong = |member: &&&str| !self.state.is_match(member);
            filled
                .iter()
                .any(is_wrong)
                .then_some("a member does not match its grammar")
        }
    }

    fn wrong_baggage(&self, value: &str) -> Option<&'static str> {
        let members: Vec<_> = value.split(',').collect();
        if value.len() > MAX_BAGGAGE + 2 * members.len() * usize::from(value.contains([' ', '\t']))
        {
            return Some("it is too long");
        }
        if members.len() > MAX_MEMBERS {
            return Some("it has too many members");
        }
        let is_wrong = |member: &&str| !self.member.is_match(member.trim_matches([' ', '\t']));
        members
            .iter()
            .any(is_wrong)
            .then_some("a member does not match its grammar")
    }
}

/// Ids of zeros alone name nothing.
fn names_a_span(parent: &str) -> bool {
    let names = |id: Option<&str>| id.is_some_and(|id| id.bytes().any(|digit| digit != b'0'));
    !parent.starts_with("ff") && names(parent.get(3..35)) && names(parent.get(36..52))
}
