//! Values of several parts: arrays, objects and structs.

use super::quoted::Quote;

/// What the name of a type ends in whose values are secrets. The names of errors hold such words, too, but elsewhere.
const TYPES: [&str; 9] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "privatekey",
    "jwt",
    "cookie",
];

/// Whether `name` is a type's, by its first letter, and holds a secret: `Password`, `ApiTokens`.
pub(super) fn is_secret_type(name: &str) -> bool {
    let singular = name.strip_suffix('s').unwrap_or(name).as_bytes();
    let ends_with = |word: &&str| {
        let start = singular.len().checked_sub(word.len());
        start.is_some_and(|start| singular[start..].eq_ignore_ascii_case(word.as_bytes()))
    };
    name.starts_with(|c: char| c.is_ascii_uppercase()) && TYPES.iter().any(ends_with)
}

/// Where the group ends that `text` begins with: `[…]`, `{…}`, `(…)`, `Type(…)`, `Type { … }`, `&[…]`, `vec![…]`. One that
/// is cut goes to the end.
pub(super) fn end(text: &str) -> Option<usize> {
    let name =
        text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | ':' | '&' | '!'))?;
    let is_type = text.starts_with(|c: char| c.is_ascii_uppercase());
    let is_marked = text[..name].starts_with('&') || text[..name].ends_with('!');
    let open = match &text.as_bytes()[name..] {
        [b'[' | b'{' | b'(', ..] if name == 0 || is_type || is_marked => name,
        [b' ', b'{', ..] if is_type => name + 1,
        _ => return None,
    };
    Some(open + end_of_brackets(&text[open..]))
}

/// Behind the bracket that closes the one that `text` begins with.
pub(super) fn end_of_brackets(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'[' | b'{' | b'(' => depth += 1,
            b']' | b'}' | b')' if depth == 1 => return at + 1,
            b']' | b'}' | b')' => depth -= 1,
            b'\\' | b'"' | b'\'' => {
                // A backslash without a mark, or an apostrophe.
                let is_inside = at > 0 && bytes[at - 1].is_ascii_alphanumeric();
                let quote = Quote::opens(&text[at..]);
                if let Some(quote) = quote.filter(|_| bytes[at] != b'\'' || !is_inside) {
                    at += quote.length();
                    at += quote.end(&text[at..]);
                    at += quote.length();
                    continue;
                }
                at += bytes[at..]
                    .iter()
                    .take_while(|byte| **byte == b'\\')
                    .count()
                    .max(1);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}
