//! `traceparent`: `version "-" trace-id "-" parent-id "-" trace-flags`, all in lower-case hexadecimal.
//!
//! Source: <https://www.w3.org/TR/trace-context-2/#traceparent-header>.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

use super::{RANDOM, hex};

/// How long version 00 is, and the part of any later version that is known.
const LENGTH: usize = 55;

#[derive(Debug, PartialEq)]
pub(super) struct Traceparent {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) flags: TraceFlags,
    /// Whether it is written as it was read.
    pub(super) is_plain: bool,
}

/// `None` when `text` is not a valid `traceparent`. White space around it is not part of it, as in an HTTP field.
pub(super) fn parse(text: &str) -> Option<Traceparent> {
    let bytes = text.trim_matches([' ', '\t']).as_bytes();
    let (known, rest) = bytes.split_at_checked(LENGTH)?;
    let known: &[u8; LENGTH] = known.try_into().ok()?;
    if known[2] != b'-' || known[35] != b'-' || known[52] != b'-' {
        return None;
    }
    let [version] = hex::bytes(&known[..2])?;
    match version {
        0 if rest.is_empty() => {}
        1..=0xfe if rest.is_empty() || rest[0] == b'-' => {}
        _ => return None,
    }
    let trace_id = TraceId::from_bytes(hex::bytes(&known[3..35])?);
    let span_id = SpanId::from_bytes(hex::bytes(&known[36..52])?);
    let [flags] = hex::bytes(&known[53..])?;
    // Bits that this version does not define must not be passed on.
    let (all_flags, known_flags) = (TraceFlags::new(flags), TraceFlags::SAMPLED | RANDOM);
    let flags = all_flags & known_flags;
    if trace_id == TraceId::INVALID || span_id == SpanId::INVALID {
        return None;
    }
    Some(Traceparent {
        trace_id,
        span_id,
        flags,
        is_plain: version == 0 && flags == all_flags && text.len() == LENGTH,
    })
}

/// The header of a span context, which has a fixed length and so needs no memory of its own.
pub(super) struct Text([u8; LENGTH]);

impl Text {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and hyphens are ASCII")
    }
}

/// The header of a valid span context.
pub(super) fn text(span: &SpanContext) -> Text {
    let flags = span.trace_flags() & (TraceFlags::SAMPLED | RANDOM);
    let mut text = [b'-'; LENGTH];
    hex::write(&mut text[..2], &[0]);
    hex::write(&mut text[3..35], &span.trace_id().to_bytes());
    hex::write(&mut text[36..52], &span.span_id().to_bytes());
    hex::write(&mut text[53..], &[flags.to_u8()]);
    Text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-12345678901234567890123456789012-1234567890123456-01";

    fn check(text: &str, expected: Option<&str>) {
        let parsed = parse(text).map(|parent| {
            let written = super::text(&SpanContext::new(
                parent.trace_id,
                parent.span_id,
                parent.flags,
                true,
                opentelemetry::trace::TraceState::NONE,
            ));
            assert_eq!(parent.is_plain, written.as_str() == text, "{text:?}");
            written.as_str().to_owned()
        });
        assert_eq!(parsed.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn what_is_valid_comes_out_as_version_zero() {
        let cases = [
            (
                "",
                "00-12345678901234567890123456789012-1234567890123456-01",
            ),
            (
                "01",
                "00-12345678901234567890123456789012-1234567890123456-01",
            ),
            (
                "fe",
                "00-12345678901234567890123456789012-1234567890123456-01",
            ),
        ];
        for (version, expected) in cases {
            check(
                &format!("{version}{}", &VALID[version.len()..]),
                Some(expected),
            );
        }
        check(&format!("cc{}-more", &VALID[2..]), Some(VALID));
    }

    #[test]
    fn unknown_flags_are_cleared_and_known_ones_kept() {
        for (flags, expected) in [
            ("00", "00"),
            ("02", "02"),
            ("03", "03"),
            ("ff", "03"),
            ("fc", "00"),
        ] {
            let text = format!("{}{flags}", &VALID[..53]);
            let expected = format!("{}{expected}", &VALID[..53]);
            check(&text, Some(&expected));
        }
    }

    #[test]
    fn what_is_not_exactly_the_grammar_is_refused() {
        for text in [
            "",
            "00",
            "ff-12345678901234567890123456789012-1234567890123456-01",
            "00-12345678901234567890123456789012-1234567890123456-01-",
            "cc-12345678901234567890123456789012-1234567890123456-01.x",
            "00-1234567890123456789012345678901A-1234567890123456-01",
            "00_12345678901234567890123456789012-1234567890123456-01",
            "00-00000000000000000000000000000000-1234567890123456-01",
            "00-12345678901234567890123456789012-0000000000000000-01",
            "00-12345678901234567890123456789012-1234567890123456-0é",
            "é0-12345678901234567890123456789012-1234567890123456-1",
        ] {
            check(text, None);
        }
    }
}
