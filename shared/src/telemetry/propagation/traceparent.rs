//! `traceparent`: `version "-" trace-id "-" parent-id "-" trace-flags`, all in lower-case hexadecimal.
//!
//! Source: <https://www.w3.org/TR/trace-context-2/#traceparent-header>.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

use super::RANDOM;

/// How long version 00 is, and the part of any later version that is known.
const LENGTH: usize = 55;

#[derive(Debug, PartialEq)]
pub(super) struct Traceparent {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) flags: TraceFlags,
}

/// `None` when `text` is not a valid `traceparent`. White space around it is not part of it, as in an HTTP field.
pub(super) fn parse(text: &str) -> Option<Traceparent> {
    let bytes = text.trim_matches([' ', '\t']).as_bytes();
    let (known, rest) = bytes.split_at_checked(LENGTH)?;
    let known: &[u8; LENGTH] = known.try_into().ok()?;
    if known[2] != b'-' || known[35] != b'-' || known[52] != b'-' {
        return None;
    }
    match hex(&known[..2])? {
        0 if rest.is_empty() => {}
        1..=0xfe if rest.is_empty() || rest[0] == b'-' => {}
        _ => return None,
    }
    let (high, low) = (hex(&known[3..19])?, hex(&known[19..35])?);
    let trace_id = TraceId::from(u128::from(high) << 64 | u128::from(low));
    let span_id = SpanId::from(hex(&known[36..52])?);
    let flags = TraceFlags::new(u8::try_from(hex(&known[53..])?).ok()?);
    if trace_id == TraceId::INVALID || span_id == SpanId::INVALID {
        return None;
    }
    Some(Traceparent {
        trace_id,
        span_id,
        // Bits that this version does not define must not be passed on.
        flags: flags & (TraceFlags::SAMPLED | RANDOM),
    })
}

/// The number that at most 16 digits spell; upper case is not valid, which is why the standard library cannot do it.
fn hex(digits: &[u8]) -> Option<u64> {
    let (number, seen) = digits.iter().fold((0, 0), |(number, seen), digit| {
        let value = VALUES[usize::from(*digit)];
        (number << 4 | u64::from(value & 0xf), seen | value)
    });
    (seen & 0xf0 == 0).then_some(number)
}

/// The value of each digit, and 0xff for what is none.
const VALUES: [u8; 256] = {
    let mut values = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value as usize] as usize] = value;
        value += 1;
    }
    values
};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The header of a valid span context.
pub(super) fn header(span: &SpanContext) -> String {
    let flags = span.trace_flags() & (TraceFlags::SAMPLED | RANDOM);
    let mut text = [b'-'; LENGTH];
    write_hex(&mut text[..2], &[0]);
    write_hex(&mut text[3..35], &span.trace_id().to_bytes());
    write_hex(&mut text[36..52], &span.span_id().to_bytes());
    write_hex(&mut text[53..], &[flags.to_u8()]);
    String::from_utf8(text.to_vec()).expect("digits and hyphens are ASCII")
}

/// Formatting through `fmt` costs ten times as much, and this runs once per message.
fn write_hex(target: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in target.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-12345678901234567890123456789012-1234567890123456-01";

    fn check(text: &str, expected: Option<&str>) {
        let parsed = parse(text).map(|parent| {
            header(&SpanContext::new(
                parent.trace_id,
                parent.span_id,
                parent.flags,
                true,
                opentelemetry::trace::TraceState::NONE,
            ))
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
