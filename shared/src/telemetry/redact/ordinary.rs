//! Words that errors say behind a name, and that are no secrets: "api_key: unknown field".

/// Words that begin what an error says. A list, and not a shape: a password may look like any word.
const WORDS: [&str; 36] = [
    "a",
    "an",
    "and",
    "are",
    "cannot",
    "could",
    "does",
    "duplicate",
    "empty",
    "expected",
    "expired",
    "failed",
    "for",
    "found",
    "has",
    "in",
    "invalid",
    "is",
    "malformed",
    "missing",
    "must",
    "needs",
    "no",
    "not",
    "or",
    "out",
    "required",
    "should",
    "the",
    "to",
    "too",
    "unexpected",
    "unknown",
    "was",
    "with",
    "wrong",
];

/// More bytes than a word, a blank and the next letter have.
const LONGEST: usize = 16;

/// Whether `text` begins with such a word, and more words follow it.
pub(super) fn begins_sentence(text: &str) -> bool {
    // No further: a text without blanks is not gone through for each name in it.
    let near = &text[..text.floor_char_boundary(LONGEST)];
    let Some((word, rest)) = near.split_once(' ') else {
        return false;
    };
    let is_word = |c: char| c.is_ascii_lowercase() || matches!(c, '`' | '\'' | '"');
    WORDS.contains(&word) && rest.starts_with(is_word)
}
