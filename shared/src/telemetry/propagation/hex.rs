//! Ids as lower-case hexadecimal digits.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The digits of the longest id.
const LONGEST: usize = 32;

/// The bytes that `digits` spell, twice as many. No digit waits for another one, and none is looked up, so that the compiler
/// reads many at once.
pub(super) fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    const { assert!(2 * N <= LONGEST) };
    if digits.len() != 2 * N {
        return None;
    }
    let (mut values, mut bytes) = ([0; LONGEST], [0; N]);
    let mut is_wrong = false;
    for (value, digit) in values.iter_mut().zip(digits) {
        let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
        let (is_number, is_letter) = (number < 10, letter < 6);
        *value = if is_number {
            number
        } else {
            letter.wrapping_add(10)
        };
        is_wrong |= !(is_number | is_letter);
    }
    for (byte, pair) in bytes.iter_mut().zip(values.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    (!is_wrong).then_some(bytes)
}

/// The number that at most 16 digits spell; upper case is not valid, which is why the standard library cannot do it.
pub(super) fn parse(digits: &[u8]) -> Option<u64> {
    let (number, seen) = digits.iter().fold((0, 0), |(number, seen), digit| {
        let value = VALUES[usize::from(*digit)];
        (number << 4 | u64::from(value & 0xf), seen | value)
    });
    (seen & 0xf0 == 0).then_some(number)
}

/// The same for at most 32 digits.
pub(super) fn parse_long(digits: &[u8]) -> Option<u128> {
    let (high, low) = digits.split_at(digits.len().saturating_sub(16));
    Some(u128::from(parse(high)?) << 64 | u128::from(parse(low)?))
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

/// Writes `bytes` as digits. Formatting through `fmt` costs ten times as much, and this runs once per message.
pub(super) fn write(target: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in target.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_digits_are_numbers() {
        assert_eq!(parse(b"00ff"), Some(0xff));
        assert_eq!(parse(b""), Some(0));
        for text in ["0F", "0x1", "+1", " 1", "g"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(bytes(b"00ff1a"), Some([0, 0xff, 0x1a]));
        assert_eq!(bytes::<1>(b"0g"), None);
        assert_eq!(bytes::<1>(b"g0"), None);
        assert_eq!(bytes::<1>(b"000"), None);
        assert_eq!(bytes::<1>(b"0000"), None);
        assert_eq!(parse_long(b"1"), Some(1));
        assert_eq!(parse_long(b"10000000000000002"), Some((1 << 64) + 2));
        assert_eq!(parse_long(&[b'f'; 32]), Some(u128::MAX));
    }
}
