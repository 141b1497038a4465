//! Splits a question into its tokens.

use super::{Kind, Token, Words};
use crate::understanding::days::names::{is_month_name, is_range_end, is_unit_name};
use crate::understanding::phrases::List;

/// Words beyond this many are not read, so that the work is bounded whatever comes in. A question that the API lets in
/// (2,000 characters) of natural words is far below it.
const MAX_TOKENS: usize = 600;

/// Splits a question into its tokens.
pub(in crate::understanding) fn split(question: &str) -> Words {
    let mut splitter = Splitter {
        chars: question.chars().map(plain).collect(),
        at: 0,
        words: Words::default(),
        spaced: true,
        dollar: false,
    };
    while splitter.at < splitter.chars.len() {
        if splitter.words.tokens.len() >= MAX_TOKENS {
            splitter.words.cut = true;
            break;
        }
        splitter.step();
    }
    let mut words = splitter.words;
    drop_hyphens(&mut words.tokens);
    words.shouted = !question.chars().any(char::is_lowercase);
    words
}

/// Typographic variants of a mark become the plain one; control characters become spaces.
fn plain(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' | '`' | '\u{b4}' => '\'',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        c if c.is_control() || c.is_whitespace() => ' ',
        c => c,
    }
}

struct Splitter {
    chars: Vec<char>,
    at: usize,
    words: Words,
    spaced: bool,
    dollar: bool,
}

impl Splitter {
    fn step(&mut self) {
        match self.chars[self.at] {
            ' ' => {
                self.at += 1;
                self.spaced = true;
            }
            '\'' => self.apostrophe(),
            c if c.is_ascii_digit() => self.number(),
            c if c.is_alphanumeric() => self.run(),
            c => {
                self.at += 1;
                if c == '$' {
                    self.dollar = true;
                } else {
                    self.push(c.encode_utf8(&mut [0; 4]), Kind::Mark(c));
                }
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn push(&mut self, written: &str, kind: Kind) {
        let letters = written.chars().filter(|c| c.is_alphabetic()).count();
        self.words.tokens.push(Token {
            upper: letters >= 2 && !written.chars().any(char::is_lowercase),
            capital: written.chars().next().is_some_and(char::is_uppercase),
            cashtag: std::mem::take(&mut self.dollar) && kind == Kind::Word,
            text: written.to_lowercase(),
            kind,
            glued: !std::mem::take(&mut self.spaced),
        });
    }

    /// `'18` is a year; `'s` after a name is dropped; `what's` is `what is`.
    fn apostrophe(&mut self) {
        self.at += 1;
        let digits = self.digits_ahead();
        if digits == 2 && !self.peek(2).is_some_and(char::is_alphanumeric) {
            let year = self.take(2);
            self.push(&format!("20{year}"), year_of(&year));
        }
    }

    fn digits_ahead(&self) -> usize {
        self.chars[self.at..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count()
    }

    fn take(&mut self, count: usize) -> String {
        let text = self.chars[self.at..self.at + count].iter().collect();
        self.at += count;
        text
    }

    /// Digits, with the thousands and decimals of an amount; what has letters in it is a run.
    fn number(&mut self) {
        let digits = self.digits_ahead();
        if self.peek(digits).is_some_and(char::is_alphabetic) {
            return self.run();
        }
        let mut text = self.take(digits);
        let mut amount = self.dollar;
        while self.peek(0) == Some(',') && self.group_of_three() && text.len() <= 12 {
            self.at += 1;
            text.push_str(&self.take(3));
            amount = true;
        }
        self.dollar = false;
        amount |= self.peek(0) == Some('%');
        let kind = match text.parse() {
            Ok(number) if !amount => Kind::Number(number),
            _ => Kind::Amount,
        };
        self.push(&text, kind);
    }

    fn group_of_three(&self) -> bool {
        (1..=3).all(|ahead| self.peek(ahead).is_some_and(|c| c.is_ascii_digit()))
            && !self.peek(4).is_some_and(char::is_alphanumeric)
    }

    /// Letters and digits without a break, and what an apostrophe adds to them.
    fn run(&mut self) {
        let length = self.chars[self.at..]
            .iter()
            .take_while(|c| c.is_alphanumeric() || **c == '_')
            .count();
        let run = self.take(length);
        let tail = self.tail();
        match tail.as_deref() {
            Some("t") => self.push(&format!("{run}t"), Kind::Word),
            Some("ll") => {
                self.parts(&run);
                self.push("will", Kind::Word);
            }
            Some("s") if ASKING.contains(&run.to_lowercase()) => {
                self.parts(&run);
                self.spaced = true;
                self.push("is", Kind::Word);
            }
            _ => self.parts(&run),
        }
    }

    /// What follows an apostrophe directly after a word; taken, so that it is no word of its own.
    fn tail(&mut self) -> Option<String> {
        if self.peek(0) != Some('\'') || !self.peek(1).is_some_and(char::is_alphabetic) {
            return None;
        }
        self.at += 1;
        let length = self.chars[self.at..]
            .iter()
            .take_while(|c| c.is_alphanumeric())
            .count();
        Some(self.take(length).to_lowercase())
    }

    /// Pushes a run, taken apart where digits meet a unit or a month: `30d`, `17Dec2018`, `2018Q3`, `3rd`.
    fn parts(&mut self, run: &str) {
        let groups = groups(run);
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        match groups[..] {
            [
                digits,
                "st" | "nd" | "rd" | "th" | "ST" | "ND" | "RD" | "TH",
            ] if is_digits(digits) => {
                let kind = digits.parse().map_or(Kind::Amount, Kind::Ordinal);
                self.push(run, kind);
            }
            [digits, unit]
                if is_digits(digits) && (is_unit_name(&lower(unit)) || is_month(unit)) =>
            {
                self.digits(digits);
                self.push(unit, Kind::Word);
            }
            [month, digits] if is_digits(digits) && is_month(month) => {
                self.push(month, Kind::Word);
                self.digits(digits);
            }
            [day, month, year] if is_digits(day) && is_month(month) => {
                self.digits(day);
                self.push(month, Kind::Word);
                self.digits(year);
            }
            [year, letter @ ("q" | "Q" | "h" | "H"), part] if year.len() == 4 => {
                self.digits(year);
                self.push(&format!("{letter}{part}"), Kind::Word);
            }
            // A timestamp: `2018-12-17T10:00Z` is its day.
            [day, "T" | "t", _, ..] if is_digits(day) && day.len() == 2 => self.digits(day),
            _ => self.push(run, Kind::Word),
        }
    }

    fn digits(&mut self, digits: &str) {
        let kind = digits.parse().map_or(Kind::Amount, Kind::Number);
        self.push(digits, kind);
    }
}

/// Words whose `'s` is an `is`.
const ASKING: List = List("what, how, where, when, who, why, it, that, there");

fn year_of(two_digits: &str) -> Kind {
    two_digits
        .parse::<u32>()
        .map_or(Kind::Amount, |year| Kind::Number(2000 + year))
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

fn is_month(text: &str) -> bool {
    is_month_name(&lower(text))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A run's groups of digits and of other characters.
fn groups(run: &str) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    let mut digits_before = None;
    for c in run.chars() {
        let digit = c.is_ascii_digit();
        match groups.last_mut() {
            Some(group) if digits_before == Some(digit) => group.push(c),
            _ => groups.push(c.to_string()),
        }
        digits_before = Some(digit);
    }
    groups
}

/// Drops the hyphens inside words (`all-time`, `mid-2018`, `17-Dec-2018`); those between numbers, between the ends of a
/// range (`Jan-Mar 2018`, `2018-now`) and those with spaces around them stay. Drops the dot of `17. December` too.
fn drop_hyphens(tokens: &mut Vec<Token>) {
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut read = std::mem::take(tokens).into_iter().peekable();
    while let Some(token) = read.next() {
        let within = token.glued
            && match (kept.last(), read.peek(), token.kind) {
                (Some(before), Some(after), Kind::Mark('-')) => after.glued && joins(before, after),
                (Some(before), Some(after), Kind::Mark('.')) => {
                    matches!(before.kind, Kind::Number(1..=31)) && is_month(&after.text)
                }
                _ => false,
            };
        if !within {
            kept.push(token);
        }
    }
    *tokens = kept;
}

fn joins(before: &Token, after: &Token) -> bool {
    let number = |token: &Token| matches!(token.kind, Kind::Number(_) | Kind::Ordinal(_));
    let year = |token: &Token| matches!(token.kind, Kind::Number(1000..));
    if number(before) && number(after) {
        return false;
    }
    let ends = (is_range_end(&before.text) || year(before)) && is_range_end(&after.text);
    let year_first = year(before) && !matches!(after.text.as_str(), "now" | "today" | "present");
    !ends || year_first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: &str, expected: &str) {
        let words = split(question);
        let texts: Vec<&str> = words.tokens.iter().map(|t| t.text.as_str()).collect();
        assert_eq!(texts.join("|"), expected, "{question}");
    }

    #[test]
    fn a_question_is_split_into_words_numbers_and_marks() {
        check("What's the ZEC price?", "what|is|the|zec|price|?");
        check("ZEC\u{2019}s price", "zec|price");
        check("it'll rise, won't it", "it|will|rise|,|wont|it");
        check("2018-12-17", "2018|-|12|-|17");
        check("17-Dec-2018", "17|dec|2018");
        check("17. December 2018.", "17|december|2018|.");
        check("Jan-Mar 2018", "jan|-|mar|2018");
        check("all-time mid-2018", "all|time|mid|2018");
        check("2018-now", "2018|-|now");
        check("30d 3rd 17Dec2018 2018Q3", "30|d|3rd|17|dec|2018|2018|q3");
        check("$ZEC \u{0}$5,000 Q3 '18", "zec|5000|q3|2018");
        check("price_usd price(USD)", "price_usd|price|(|usd|)");
        check("2018-12-17T10:00Z", "2018|-|12|-|17|:|00z");
        check("", "");
    }

    #[test]
    fn an_amount_is_no_day() {
        for text in ["$2018", "10,000", "5%", "99999999999"] {
            assert_eq!(split(text).tokens[0].kind, Kind::Amount, "{text}");
        }
        assert_eq!(split("2018").tokens[0].kind, Kind::Number(2018));
    }
}
