//! The words of a question: lower case, without the marks that mean nothing, bounded in number.

mod split;

use super::phrases::List;
pub(super) use split::split;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Letters, possibly with digits (`q3`).
    Word,
    /// A plain whole number: perhaps a day, a year or a count.
    Number(u32),
    /// `17th`.
    Ordinal(u32),
    /// A number that is none of a calendar: `$100`, `3.5`, `5%`, one with too many digits.
    Amount,
    /// A punctuation mark that may mean something: `-`, `/`, `.`, `,`, `(` and the like.
    Mark(char),
}

/// One word, number or mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// In lower case, spelling corrected.
    pub text: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it follows the token before without a space.
    pub glued: bool,
    /// Whether it was written in capitals only (two letters or more).
    pub upper: bool,
    /// Whether it begins with a capital.
    pub capital: bool,
    /// Whether a `$` stands before it, as in `$ZEC`.
    pub cashtag: bool,
}

/// A word that was taken for another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// As it was written, in lower case.
    pub written: String,
    /// What it is taken for.
    pub taken_for: String,
}

/// The tokens of a question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// In the order said.
    pub tokens: Vec<Token>,
    /// What was misspelt.
    pub corrections: Vec<Correction>,
    /// Whether the question is longer than what is read of it.
    pub cut: bool,
    /// Whether the whole question is in capitals, so that capitals say nothing.
    pub shouted: bool,
}

impl Words {
    /// The word at `at`; `None` for numbers, marks and beyond the end.
    pub fn word(&self, at: usize) -> Option<&str> {
        let token = self.tokens.get(at)?;
        (token.kind == Kind::Word).then_some(token.text.as_str())
    }

    /// The word before `at`.
    pub fn word_before(&self, at: usize) -> Option<&str> {
        self.word(at.checked_sub(1)?)
    }

    /// Whether the word at `at` is one of `choices`.
    pub fn is_any(&self, at: usize, choices: &[&str]) -> bool {
        self.word(at).is_some_and(|word| choices.contains(&word))
    }

    /// Whether the word before `at` is one of `choices`.
    pub fn is_any_before(&self, at: usize, choices: &[&str]) -> bool {
        at.checked_sub(1)
            .is_some_and(|before| self.is_any(before, choices))
    }

    /// Whether the word at `at` is in `list`.
    pub(super) fn is_in(&self, at: usize, list: List) -> bool {
        self.word(at).is_some_and(|word| list.contains(word))
    }

    /// Whether the word before `at` is in `list`.
    pub(super) fn is_in_before(&self, at: usize, list: List) -> bool {
        at.checked_sub(1)
            .is_some_and(|before| self.is_in(before, list))
    }

    /// Whether the mark `mark` stands at `at`.
    pub fn is_mark(&self, at: usize, mark: char) -> bool {
        self.kind(at) == Some(Kind::Mark(mark))
    }

    /// What stands at `at`.
    pub fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }
}
