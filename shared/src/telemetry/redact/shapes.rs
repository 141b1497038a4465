//! Credentials that are known by their shape, whatever they stand under.

/// What a kind of token begins with, and how many more characters it has at least.
struct Shape {
    /// Its last byte is the one that the scan stops at.
    prefix: &'static [u8],
    least: usize,
}

/// Those that begin with something that ends in `_`.
const UNDERSCORE: [Shape; 22] = [
    shape(b"ghp_", 8),
    shape(b"gho_", 8),
    shape(b"ghu_", 8),
    shape(b"ghs_", 8),
    shape(b"ghr_", 8),
    shape(b"github_pat_", 8),
    shape(b"sk_live_", 8),
    shape(b"sk_test_", 8),
    shape(b"rk_live_", 8),
    shape(b"dop_v1_", 8),
    shape(b"doo_v1_", 8),
    shape(b"dor_v1_", 8),
    shape(b"glsa_", 8),
    shape(b"glc_", 20),
    shape(b"dckr_pat_", 8),
    shape(b"whsec_", 8),
    shape(b"shpat_", 8),
    shape(b"shpca_", 8),
    shape(b"shppa_", 8),
    shape(b"shpss_", 8),
    shape(b"npm_", 20),
    shape(b"hf_", 20),
];

/// Those that begin with something that ends in `-`.
const DASH: [Shape; 10] = [
    shape(b"sk-", 8),
    shape(b"xoxa-", 8),
    shape(b"xoxb-", 8),
    shape(b"xoxe-", 8),
    shape(b"xoxp-", 8),
    shape(b"xoxr-", 8),
    shape(b"xoxs-", 8),
    shape(b"xapp-", 8),
    shape(b"glpat-", 8),
    shape(b"pypi-", 16),
];

/// Those that begin with something that ends in a dot, as a host may: long ones.
const DOT: [Shape; 4] = [
    shape(b"hvs.", 20),
    shape(b"hvb.", 20),
    shape(b"hvr.", 20),
    shape(b"ya29.", 20),
];

/// JSON Web Tokens: `{"` in base64 is `eyJ`.
const JSON: [Shape; 1] = [shape(b"eyJ", 8)];

/// Keys of Amazon Web Services and of Google, told by a capital A and what follows.
const CAPITAL_A: [(&[u8], usize); 3] = [(b"AKIA", 12), (b"ASIA", 12), (b"AIza", 20)];

const fn shape(prefix: &'static [u8], least: usize) -> Shape {
    Shape { prefix, least }
}

/// Where a token begins and ends whose prefix has its last byte at `at`; `from` is where it may begin at the earliest.
pub(super) fn token(bytes: &[u8], from: usize, at: usize) -> Option<(usize, usize)> {
    let shapes: &[Shape] = match bytes[at] {
        b'_' => &UNDERSCORE,
        b'-' => &DASH,
        b'.' => &DOT,
        b'J' => &JSON,
        _ => return None,
    };
    let before = &bytes[from..=at];
    let last = *before.get(before.len().checked_sub(2)?)?;
    // One byte is compared first: most marks stand in the middle of an id.
    let found = shapes.iter().find(|shape| {
        shape.prefix[shape.prefix.len() - 2] == last && before.ends_with(shape.prefix)
    })?;
    let start = at + 1 - found.prefix.len();
    // First, so that a long word is not gone through for each token that only seems to begin in it.
    is_word_start(bytes, start).then_some(())?;
    let end = end_of_token(bytes, at + 1);
    (end - at > found.least).then_some((start, end))
}

/// Where a cloud's key begins and ends whose first letter is at `at`.
pub(super) fn cloud_key(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &bytes[at..];
    let (prefix, least) = CAPITAL_A
        .iter()
        .find(|(prefix, _)| rest.starts_with(prefix))?;
    is_word_start(bytes, at).then_some(())?;
    let end = end_of_token(bytes, at);
    (end - at >= prefix.len() + least).then_some((at, end))
}

/// Where a key of SendGrid begins and ends, `SG.` and two parts, whose `G` is at `at`.
pub(super) fn sendgrid(bytes: &[u8], from: usize, at: usize) -> Option<(usize, usize)> {
    let start = at.checked_sub(1).filter(|start| *start >= from)?;
    let begins = bytes[start] == b'S' && bytes.get(at + 1) == Some(&b'.');
    (begins && is_word_start(bytes, start)).then_some(())?;
    let end = end_of_token(bytes, at + 2);
    let parts = &bytes[at + 2..end];
    (parts.len() >= 16 && parts.contains(&b'.')).then_some((start, end))
}

/// Where a private key in PEM begins and ends whose first dash is at `at`. One that is cut off goes to the end.
pub(super) fn private_key(text: &str, at: usize) -> Option<(usize, usize)> {
    const BEGIN: &str = "-----BEGIN ";
    let rest = text[at..].strip_prefix(BEGIN)?;
    let label = rest.find("-----")?;
    if !rest[..label].ends_with("PRIVATE KEY") {
        return None;
    }
    let end = rest.find("-----END ").map_or(rest.len(), |end| {
        let after = end + "-----END ".len();
        rest[after..]
            .find("-----")
            .map_or(rest.len(), |dashes| after + dashes + "-----".len())
    });
    Some((at, at + BEGIN.len() + end))
}

/// Words behind `Bearer` in plain English.
const PROSE: [&str; 9] = [
    "token",
    "tokens",
    "auth",
    "authentication",
    "authorization",
    "scheme",
    "header",
    "credentials",
    "realm",
];

/// Where the credentials behind `Bearer` or `Basic` begin and end; the space behind that word is at `at`.
pub(super) fn credentials(text: &str, from: usize, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let last = bytes[from..at].last()?;
    if !matches!(last, b'r' | b'R' | b'c' | b'C') {
        return None;
    }
    let is_behind = |word: &str| {
        at.checked_sub(word.len()).is_some_and(|start| {
            start >= from
                && bytes[start..at].eq_ignore_ascii_case(word.as_bytes())
                && is_word_start(bytes, start)
        })
    };
    let start = at + bytes[at..].iter().take_while(|byte| **byte == b' ').count();
    let length = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte));
    let end = start + length.count();
    let word = text[start..end].trim_end_matches('.');
    let is_plain = PROSE.iter().any(|plain| word.eq_ignore_ascii_case(plain));
    let found = match () {
        () if is_behind("bearer") => word.len() >= 4 && !is_plain,
        // "basic" is an English word: what follows it in a sentence has neither digits nor capitals inside.
        () if is_behind("basic") => word.len() >= 4 && !is_plain && is_opaque(word),
        () => false,
    };
    found.then_some((start, start + word.len()))
}

fn is_opaque(word: &str) -> bool {
    let mut others = word.bytes().skip(1);
    others.any(|byte| !byte.is_ascii_lowercase() && byte != b'-' && byte != b'.')
}

/// Whether a word can begin at `at`.
fn is_word_start(bytes: &[u8], at: usize) -> bool {
    at == 0 || !bytes[at - 1].is_ascii_alphanumeric()
}

/// Dots belong to it: they join the parts of a JSON Web Token. One at the end is a full stop.
fn end_of_token(bytes: &[u8], from: usize) -> usize {
    let is_inside = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let mut end = from + bytes[from..].iter().take_while(is_inside).count();
    while end > from && bytes[end - 1] == b'.' {
        end -= 1;
    }
    end
}
