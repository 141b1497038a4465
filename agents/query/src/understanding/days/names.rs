//! The words that name days and counts.

use jiff::civil::Weekday;

use super::Unit;
use crate::understanding::phrases::List;

/// Month names, January first, with their abbreviations.
const MONTHS: [&[&str]; 12] = [
    &["january", "jan"],
    &["february", "feb"],
    &["march", "mar"],
    &["april", "apr"],
    &["may"],
    &["june", "jun"],
    &["july", "jul"],
    &["august", "aug"],
    &["september", "sept", "sep"],
    &["october", "oct"],
    &["november", "nov"],
    &["december", "dec"],
];

/// Names of the days of the week, and their abbreviations.
const WEEKDAYS: [(Weekday, &[&str]); 7] = [
    (Weekday::Monday, &["monday", "mon"]),
    (Weekday::Tuesday, &["tuesday", "tue", "tues"]),
    (Weekday::Wednesday, &["wednesday", "wed"]),
    (Weekday::Thursday, &["thursday", "thu", "thur", "thurs"]),
    (Weekday::Friday, &["friday", "fri"]),
    (Weekday::Saturday, &["saturday", "sat"]),
    (Weekday::Sunday, &["sunday", "sun"]),
];

/// Unit names, with how many of which unit they are.
const UNITS: &[(&str, i32, Unit)] = &[
    ("day", 1, Unit::Day),
    ("days", 1, Unit::Day),
    ("d", 1, Unit::Day),
    ("week", 1, Unit::Week),
    ("weeks", 1, Unit::Week),
    ("wk", 1, Unit::Week),
    ("wks", 1, Unit::Week),
    ("w", 1, Unit::Week),
    ("fortnight", 2, Unit::Week),
    ("fortnights", 2, Unit::Week),
    ("month", 1, Unit::Month),
    ("months", 1, Unit::Month),
    ("mo", 1, Unit::Month),
    ("mos", 1, Unit::Month),
    ("m", 1, Unit::Month),
    ("quarter", 1, Unit::Quarter),
    ("quarters", 1, Unit::Quarter),
    ("year", 1, Unit::Year),
    ("years", 1, Unit::Year),
    ("yr", 1, Unit::Year),
    ("yrs", 1, Unit::Year),
    ("y", 1, Unit::Year),
    ("decade", 10, Unit::Year),
    ("decades", 10, Unit::Year),
];

const NUMBERS: &[(&str, u32)] = &[
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("fourteen", 14),
    ("fifteen", 15),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("ninety", 90),
    ("hundred", 100),
    ("dozen", 12),
    ("couple", 2),
    ("few", 3),
];

const ORDINALS: &[(&str, u32)] = &[
    ("first", 1),
    ("second", 2),
    ("third", 3),
    ("fourth", 4),
    ("fifth", 5),
    ("sixth", 6),
    ("seventh", 7),
    ("eighth", 8),
    ("ninth", 9),
    ("tenth", 10),
    ("eleventh", 11),
    ("twelfth", 12),
];

/// Other words of day expressions, known to the spelling.
pub(in crate::understanding) const WORDS: List = List(
    "spring, summer, autumn, winter, yesterday, today, tomorrow, currently, current, since, before, after, until, between, during, \
     around, early, beginning, start, middle, quarter, quarters, week, weeks, month, months, years, \
     previous, hours, recent, decade, fortnight, half, year, date, time, ever, past, last, next, late, \
     mid, end, ytd, mtd, qtd, wtd, now, ago, inception, launch, history",
);

/// The month that `word` names, 1 to 12.
pub(in crate::understanding) fn month(word: &str) -> Option<i8> {
    let position = MONTHS.iter().position(|names| names.contains(&word))?;
    i8::try_from(position + 1).ok()
}

/// Whether `word` names a month.
pub(in crate::understanding) fn is_month_name(word: &str) -> bool {
    month(word).is_some()
}

/// The English name of a month, 1 to 12.
pub(in crate::understanding) fn month_name(month: i8) -> String {
    let position = usize::try_from(month - 1).unwrap_or_default();
    let name = MONTHS.get(position).map_or("", |names| names[0]);
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

/// The day of the week that `word` names, and whether it is written out.
pub(in crate::understanding) fn weekday(word: &str) -> Option<(Weekday, bool)> {
    WEEKDAYS.iter().find_map(|(weekday, names)| {
        let position = names.iter().position(|name| *name == word)?;
        Some((*weekday, position == 0))
    })
}

/// How many of which unit `word` names.
pub(in crate::understanding) fn unit(word: &str) -> Option<(i32, Unit)> {
    UNITS
        .iter()
        .find(|(name, ..)| *name == word)
        .map(|(_, count, unit)| (*count, *unit))
}

/// Whether `word` names hours, of which daily data knows nothing finer than a day.
pub(in crate::understanding) fn is_hours(word: &str) -> bool {
    matches!(word, "hour" | "hours" | "hr" | "hrs" | "h")
}

/// Whether `word` is a unit that a number may be written together with, as in `30d`.
pub(in crate::understanding) fn is_unit_name(word: &str) -> bool {
    unit(word).is_some() || is_hours(word)
}

/// The count that `word` names.
pub(in crate::understanding) fn number(word: &str) -> Option<u32> {
    NUMBERS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, number)| *number)
}

/// The place in an order that `word` names.
pub(in crate::understanding) fn ordinal(word: &str) -> Option<u32> {
    ORDINALS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, number)| *number)
}

/// The quarter or half of a year that `word` names, as in `q3` and `h1`.
pub(in crate::understanding) fn letter_part(word: &str) -> Option<super::YearPart> {
    match word {
        "q1" | "q2" | "q3" | "q4" => Some(super::YearPart::Quarter(last_digit(word))),
        "h1" | "h2" => Some(super::YearPart::Half(last_digit(word))),
        _ => None,
    }
}

/// The season that `word` names, as the three months that it is taken for.
pub(in crate::understanding) fn season(word: &str) -> Option<super::YearPart> {
    let first_month = match word {
        "spring" => 3,
        "summer" => 6,
        "autumn" => 9,
        "winter" => 12,
        _ => return None,
    };
    Some(super::YearPart::Season(first_month))
}

fn last_digit(word: &str) -> i8 {
    word.bytes()
        .next_back()
        .and_then(|digit| i8::try_from(digit - b'0').ok())
        .unwrap_or_default()
}

/// Whether a hyphen before or after `word` can stand for "to".
pub(in crate::understanding) fn is_range_end(word: &str) -> bool {
    is_month_name(word)
        || letter_part(word).is_some()
        || matches!(word, "now" | "today" | "present" | "yesterday")
}

/// Every word of this module.
pub(in crate::understanding) fn all() -> impl Iterator<Item = &'static str> {
    let months = MONTHS.iter().flat_map(|names| names.iter().copied());
    let weekdays = WEEKDAYS.iter().flat_map(|(_, names)| names.iter().copied());
    let units = UNITS.iter().map(|(name, ..)| *name);
    let numbers = NUMBERS.iter().chain(ORDINALS).map(|(name, _)| *name);
    months
        .chain(weekdays)
        .chain(units)
        .chain(numbers)
        .chain(WORDS.iter())
}
