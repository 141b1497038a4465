//! Numbers as a person reads them.

use chimera_questions::{Fact, Ticker, Unit, answer::FactValue};

/// Digits that a number below 1 is told with.
const SIGNIFICANT: i32 = 4;
/// From here on decimals tell nothing.
const LARGE: f64 = 1e6;
/// A p below this is not told as a number.
const TINY_P: f64 = 1e-4;

/// A fact's number with its unit: `4,293.37 USD`.
pub(crate) fn with_unit(fact: &Fact) -> String {
    let FactValue::Number(value) = fact.value else {
        return String::new();
    };
    let number = readable(value, fact.unit);
    match unit_name(fact.unit, fact.asset.as_ref()).as_str() {
        "" => number,
        unit => format!("{number} {unit}"),
    }
}

/// The same with a plus sign before a rise: `+6.61 USD`.
pub(crate) fn signed(fact: &Fact) -> String {
    let text = with_unit(fact);
    match fact.value {
        FactValue::Number(value) if value > 0.0 => format!("+{text}"),
        _ => text,
    }
}

/// A probability, in words where it is too small to read.
pub(crate) fn probability(p: f64) -> String {
    if p < TINY_P {
        "p close to zero".to_owned()
    } else {
        format!("p = {}", trimmed(&format!("{p:.4}"), 0))
    }
}

/// What a number of `asset` is counted in, as it stands behind the number; nothing for a mere count.
pub fn unit_name(unit: Unit, asset: Option<&Ticker>) -> String {
    let coin = asset.map_or("coins", Ticker::as_str);
    let name = match unit {
        Unit::Usd => "USD",
        Unit::UsdPerDay => "USD per day",
        Unit::Native => coin,
        Unit::NativePerDay => return format!("{coin} per day"),
        Unit::Bytes => "bytes",
        Unit::BytesPerDay => "bytes per day",
        Unit::Percent => "%",
        Unit::PercentagePoints => "percentage points",
        Unit::Days => "days",
        Unit::Blocks => "blocks",
        Unit::CountPerDay | Unit::PerDay => "per day",
        Unit::Count | Unit::None => "",
    };
    name.to_owned()
}

/// A number rounded for reading, with its thousands separated: `4,293.37`, `0.0000116`.
pub fn readable(value: f64, unit: Unit) -> String {
    let size = value.abs();
    let money = matches!(unit, Unit::Usd | Unit::UsdPerDay);
    // Money and per cent have their cents even when they are whole; of the rest a whole number stays whole.
    let least = if money || unit == Unit::Percent { 2 } else { 0 };
    let text = if size == 0.0 {
        "0".to_owned()
    } else if size >= LARGE {
        format!("{value:.0}")
    } else if size >= 1.0 || (unit == Unit::Percent && size >= 0.01) {
        trimmed(&format!("{value:.2}"), least)
    } else {
        let decimals = SIGNIFICANT - 1 - size.log10().floor() as i32;
        let decimals = usize::try_from(decimals).unwrap_or_default();
        trimmed(&format!("{value:.decimals$}"), least)
    };
    with_separators(&text)
}

/// Without trailing zeros, except for `least` decimals.
fn trimmed(text: &str, least: usize) -> String {
    let Some((whole, decimals)) = text.split_once('.') else {
        return text.to_owned();
    };
    let kept = decimals.trim_end_matches('0').len().max(least);
    let point = usize::from(kept > 0);
    text[..whole.len() + point + kept].to_owned()
}

fn with_separators(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut out = sign.to_owned();
    for (i, digit) in digits.char_indices() {
        if i > 0 && i < whole && (whole - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_for_reading() {
        let check = |value, unit, expected| assert_eq!(readable(value, unit), expected, "{value}");
        check(4293.37, Unit::Usd, "4,293.37");
        check(57.0, Unit::Usd, "57.00");
        check(0.0, Unit::Usd, "0");
        check(-0.0, Unit::Percent, "0");
        check(0.5, Unit::Usd, "0.50");
        check(0.000_123_456, Unit::Usd, "0.0001235");
        check(9.905_89e-19, Unit::Usd, "0.0000000000000000009906");
        check(-0.235_678, Unit::UsdPerDay, "-0.2357");
        check(357_751_000.097, Unit::Usd, "357,751,000");
        check(999_999.994, Unit::Usd, "999,999.99");
        check(999.999, Unit::Usd, "1,000.00");
        check(0.99999, Unit::None, "1");
        check(3597.0, Unit::Count, "3,597");
        check(3597.419, Unit::Count, "3,597.42");
        check(3597.5, Unit::Count, "3,597.5");
        check(-1_234_567.8, Unit::Bytes, "-1,234,568");
        check(1.16e-5, Unit::Native, "0.0000116");
        check(-11.713_627, Unit::Percent, "-11.71");
        check(0.234_5, Unit::Percent, "0.23");
        check(-0.001_25, Unit::Percent, "-0.00125");
        check(100.0, Unit::None, "100");
    }

    #[test]
    fn a_probability_too_small_to_read_is_told_in_words() {
        let check = |p, expected| assert_eq!(probability(p), expected);
        check(1.0, "p = 1");
        check(0.0312, "p = 0.0312");
        check(0.000_1, "p = 0.0001");
        check(0.000_099, "p close to zero");
        check(0.0, "p close to zero");
    }
}
