//! Days, months, quarters, halves and years that are said by their number or name.

use super::names::{letter_part, month, ordinal, season};
use super::{Stretch, Turn, Year, YearPart};
use crate::understanding::phrases::List;
use crate::understanding::words::{Kind, Words};
use chimera_questions::Day;

/// A stretch, and the token after it.
pub(super) type Read = Option<(Stretch, usize)>;

/// Years that a bare number is taken for. Others are counts.
const BARE_YEARS: std::ops::RangeInclusive<u32> = 1970..=2100;

/// Reads a date, month, part of a year or year that begins at `at`.
pub(super) fn read(words: &Words, at: usize) -> Read {
    numeric_day(words, at)
        .or_else(|| numeric_month(words, at))
        .or_else(|| year_first(words, at))
        .or_else(|| day_first(words, at))
        .or_else(|| month_first(words, at))
        .or_else(|| holiday(words, at))
        .or_else(|| lettered_part(words, at))
        .or_else(|| counted_part(words, at))
        .or_else(|| bare_year(words, at))
}

/// A number at `at`, how it was written included.
fn number(words: &Words, at: usize) -> Option<(u32, usize)> {
    match words.kind(at)? {
        Kind::Number(number) => Some((number, words.tokens[at].text.len())),
        _ => None,
    }
}

/// A number, glued to a mark, glued to a number.
fn joined(words: &Words, at: usize) -> Option<(char, u32, usize)> {
    let Kind::Mark(mark @ ('-' | '/' | '.')) = words.kind(at)? else {
        return None;
    };
    let glued = words.tokens[at].glued && words.tokens.get(at + 1)?.glued;
    let (number, width) = number(words, at + 1)?;
    glued.then_some((mark, number, width))
}

/// `2018-12-17`, `2018/12/17`, `12/17/2018`, `17.12.2018`, `17.12.18`.
fn numeric_day(words: &Words, at: usize) -> Read {
    let (first, first_width) = number(words, at)?;
    let (mark, second, second_width) = joined(words, at + 1)?;
    let (other_mark, third, third_width) = joined(words, at + 3)?;
    if mark != other_mark || second_width > 2 {
        return None;
    }
    let stretch = match (first_width, third_width) {
        (4, 1 | 2) => day(first, second, third, false),
        (1 | 2, 2 | 4) => {
            let year = if third_width == 2 {
                2000 + third
            } else {
                third
            };
            match mark {
                '.' => day(year, second, first, false),
                _ if first > 12 => day(year, second, first, false),
                // American order, as the dollar prices suggest; where both orders make a day, that is said.
                _ => day(year, first, second, second <= 12 && first != second),
            }
        }
        _ => return None,
    };
    Some((stretch, at + 5))
}

fn day(year: u32, month: u32, day: u32, ambiguous: bool) -> Stretch {
    day_of(
        i16::try_from(year).ok().map(Year::Said),
        month,
        day,
        ambiguous,
    )
}

/// A day of a year, or a day that does not exist.
fn day_of(year: Option<Year>, month: u32, day: u32, ambiguous: bool) -> Stretch {
    let year = year.unwrap_or(Year::Unsaid(Turn::Nearest));
    let said = match year {
        Year::Said(said) => Some(said),
        _ => None,
    };
    // Without a year every day that some year has is one; 2000 has them all.
    let exists = i8::try_from(month)
        .ok()
        .zip(i8::try_from(day).ok())
        .filter(|(month, day)| Day::new(said.unwrap_or(2000), *month, *day).is_ok());
    match exists {
        Some((month, day)) => Stretch::OfYear {
            part: YearPart::Day { month, day },
            year,
            ambiguous,
        },
        None => Stretch::NoSuchDay {
            year: said,
            month,
            day,
        },
    }
}

/// `2018-12`, `12/2018`.
fn numeric_month(words: &Words, at: usize) -> Read {
    let (first, first_width) = number(words, at)?;
    let (mark, second, second_width) = joined(words, at + 1)?;
    if joined(words, at + 3).is_some_and(|(other_mark, ..)| other_mark == mark) {
        return None;
    }
    let (year, month) = match (first_width, second_width) {
        (4, 1 | 2) => (first, second),
        (1 | 2, 4) => (second, first),
        _ => return None,
    };
    let month = i8::try_from(month).ok().filter(|m| (1..=12).contains(m))?;
    let year = i16::try_from(year).ok()?;
    Some((
        Stretch::of_year(YearPart::Month(month), Year::Said(year)),
        at + 3,
    ))
}

/// A year written with four digits at `at`.
fn year_number(words: &Words, at: usize) -> Option<i16> {
    let (number, width) = number(words, at)?;
    i16::try_from(number).ok().filter(|_| width == 4)
}

/// The year said after a part of it: `2018`, `of 2018`, `, 2018`, `last year`; and the token after it.
fn year_after(words: &Words, at: usize) -> (Year, usize) {
    let mut next = at;
    while next < at + 2
        && (words.is_any(next, &["of", "in", "the", "year"])
            || (words.is_mark(next, ',') || words.is_mark(next, '/')))
    {
        next += 1;
    }
    if let Some(year) = year_number(words, next) {
        return (Year::Said(year), next + 1);
    }
    let offset = match words.word(next) {
        Some("last" | "previous" | "past") => -1,
        Some("this") => 0,
        Some("next") => 1,
        _ => return (Year::Unsaid(Turn::Nearest), at),
    };
    if words.word(next + 1) == Some("year") {
        (Year::Offset(offset), next + 2)
    } else {
        (Year::Unsaid(Turn::Nearest), at)
    }
}

/// `2018 Dec 17`, `2018 December`, `2018 Q3`.
fn year_first(words: &Words, at: usize) -> Read {
    let year = Year::Said(year_number(words, at)?);
    if let Some(part) = words.word(at + 1).and_then(letter_part) {
        return Some((Stretch::of_year(part, year), at + 2));
    }
    let month = words.word(at + 1).and_then(month)?;
    if year_number(words, at + 2).is_some() {
        return None;
    }
    match day_number(words, at + 2) {
        Some((day, next)) => Some((
            day_of(Some(year), month.unsigned_abs().into(), day, false),
            next,
        )),
        None if words.tokens[at + 1].text == "may" => None,
        None => Some((Stretch::of_year(YearPart::Month(month), year), at + 2)),
    }
}

/// A day's number: `17`, `17th`.
fn day_number(words: &Words, at: usize) -> Option<(u32, usize)> {
    match words.kind(at)? {
        Kind::Number(number) if words.tokens[at].text.len() <= 2 => Some((number, at + 1)),
        Kind::Ordinal(number) => Some((number, at + 1)),
        Kind::Word => Some((ordinal(words.word(at)?)?, at + 1)),
        _ => None,
    }
}

/// `17 December 2018`, `the 17th of December 2018`, `5 February`.
fn day_first(words: &Words, at: usize) -> Read {
    let (day, mut next) = day_number(words, at)?;
    if words.is_any(next, &["day"]) {
        next += 1;
    }
    if words.is_any(next, &["of"]) {
        next += 1;
    }
    let month = month(words.word(next)?)?;
    let (year, end) = year_after(words, after_dot(words, next + 1));
    Some((
        day_of(Some(year), month.unsigned_abs().into(), day, false),
        end,
    ))
}

/// The dot of an abbreviated month is no end of a sentence.
fn after_dot(words: &Words, at: usize) -> usize {
    if words.is_mark(at, '.') && words.tokens[at].glued && at + 1 < words.tokens.len() {
        at + 1
    } else {
        at
    }
}

/// `Dec 17, 2018`, `December the 17th`, `January 2019`, `January`.
fn month_first(words: &Words, at: usize) -> Read {
    let month = month(words.word(at)?)?;
    let after = after_dot(words, at + 1);
    let day_at = after + usize::from(words.is_any(after, &["the"]));
    if let Some((day, next)) = day_number(words, day_at)
        && !words.is_any(
            next,
            &["quarter", "half", "week", "weeks", "days", "months"],
        )
        && joined(words, next).is_none_or(|(mark, ..)| mark == '-')
    {
        let (year, end) = year_after(words, next);
        return Some((
            day_of(Some(year), month.unsigned_abs().into(), day, false),
            end,
        ));
    }
    let (year, end) = year_after(words, after);
    if year == Year::Unsaid(Turn::Nearest) && !stands_as_month(words, at) {
        return None;
    }
    let end = if end == after { at + 1 } else { end };
    Some((Stretch::of_year(YearPart::Month(month), year), end))
}

/// `Christmas 2018`, `New Year's Eve`: the holidays that have the same date wherever they are kept.
fn holiday(words: &Words, at: usize) -> Read {
    let (name, next) = match words.word(at)? {
        "christmas" => (at, at + 1),
        "new" if words.is_any(at + 1, &["year", "years"]) => (at, at + 2),
        _ => return None,
    };
    let (month, day) = match (words.word(name)?, words.word(next)) {
        ("christmas", Some("eve")) => (12, 24),
        ("christmas", _) => (12, 25),
        (_, Some("eve")) => (12, 31),
        (_, Some("day")) => (1, 1),
        _ => return None,
    };
    let named = usize::from(words.is_any(next, &["eve", "day"]));
    let (year, end) = year_after(words, next + named);
    Some((day_of(Some(year), month, day, false), end))
}

/// Words that a month's name may follow.
const BEFORE_MONTH: List = List(
    "in, since, until, till, before, after, of, last, this, next, early, mid, late, during, from, \
     through, by, between, end, beginning, start, vs, versus, than, over, throughout, for, past, around",
);

/// Whether "may" and "march" are months here: by what is said around them, as everybody else tells them apart.
pub(super) fn stands_as_month(words: &Words, at: usize) -> bool {
    match words.word(at) {
        Some("may") => {
            let after_month = at
                .checked_sub(2)
                .is_some_and(|before| words.word(before).and_then(month).is_some());
            let last_word = (at + 1..words.tokens.len())
                .all(|later| matches!(words.kind(later), Some(Kind::Mark(_))));
            let to_month = words.word(at + 2).and_then(month).is_some()
                && (words.is_any(
                    at + 1,
                    &["to", "and", "vs", "versus", "or", "until", "through"],
                ) || words.is_mark(at + 1, '-'));
            let article = words.is_any_before(at, &["the"]);
            let capital = words.tokens[at].capital && at > 0 && !words.shouted;
            words.is_in_before(at, BEFORE_MONTH)
                || after_month
                || article
                || to_month
                || capital
                || (last_word && at > 0)
        }
        Some("march") => {
            let by = words.is_any_before(at, &["the", "a"]) && words.is_any(at + 1, &["of"]);
            !by
        }
        _ => true,
    }
}

/// `Q3 2018`, `H1`, `summer 2018`.
fn lettered_part(words: &Words, at: usize) -> Read {
    let word = words.word(at)?;
    let part = letter_part(word).or_else(|| season(word))?;
    let (year, end) = year_after(words, at + 1);
    Some((Stretch::of_year(part, year), end))
}

/// `third quarter of 2018`, `first half of 2018`, `last quarter of 2018`; without a year where it stands alone.
fn counted_part(words: &Words, at: usize) -> Read {
    let (part, said_last) = match (words.kind(at)?, words.word(at)) {
        (Kind::Ordinal(number), _) => (number, false),
        (_, Some("last" | "final")) => (0, true),
        (_, Some(word)) => (ordinal(word)?, false),
        _ => return None,
    };
    let part = match (words.word(at + 1)?, part) {
        ("quarter", 0) => YearPart::Quarter(4),
        ("half", 0) => YearPart::Half(2),
        ("quarter", 1..=4) => YearPart::Quarter(i8::try_from(part).ok()?),
        ("half", 1..=2) => YearPart::Half(i8::try_from(part).ok()?),
        _ => return None,
    };
    let (year, end) = year_after(words, at + 2);
    // "The last quarter" alone is the one before the running one.
    if said_last && year == Year::Unsaid(Turn::Nearest) {
        return None;
    }
    // "The first half of January" is a half of January.
    if year == Year::Unsaid(Turn::Nearest)
        && words.is_any(at + 2, &["of", "in"])
        && words.word(at + 3).and_then(month).is_some()
    {
        return None;
    }
    Some((Stretch::of_year(part, year), end))
}

/// Words after which a number is a count, however much it looks like a year.
const BEFORE_COUNT: List = List(
    "above, below, under, exceed, exceeded, hit, reach, reached, cross, crossed, top, topped, least, \
     most, exactly",
);

/// Words before which a number is a count.
const AFTER_COUNT: List = List(
    "usd, dollars, dollar, coins, users, transactions, addresses, payments, blocks, times, percent, \
     days, weeks, months, years, hours, words",
);

fn bare_year(words: &Words, at: usize) -> Read {
    let (number, width) = number(words, at)?;
    let count = words.is_in_before(at, BEFORE_COUNT) || words.is_in(at + 1, AFTER_COUNT);
    if width != 4 || count || !BARE_YEARS.contains(&number) {
        return None;
    }
    Some((Stretch::Year(i16::try_from(number).ok()?), at + 1))
}
