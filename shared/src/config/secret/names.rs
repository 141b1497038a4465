//! Names whose values are secrets.

/// Parts of a name that tell that its value is a secret, without what is neither letter nor digit.
const PARTS: [&[u8]; 16] = [
    b"accesskey",
    b"accountkey",
    b"apikey",
    b"authorization",
    b"cookie",
    b"credential",
    b"jwt",
    b"passcode",
    b"passphrase",
    b"passwd",
    b"password",
    b"privatekey",
    b"pwd",
    b"secret",
    b"signature",
    b"token",
];

/// What a whole name, or the last word of one, is when its value is a secret: `db_pass`, `?sig=`.
const LAST_WORDS: [&str; 2] = ["pass", "sig"];

/// More letters and digits than this has no name that a person chose.
const MOST: usize = 128;

/// Whether a value under this name is to be kept secret: `password`, `x-api-key`, `Authorization` and the like.
///
/// It is asked for every attribute with a name of the user's own, so it takes no memory.
pub fn looks_secret(name: &str) -> bool {
    let mut buffer = [0; MOST];
    let mut length = 0;
    for byte in name.bytes().filter(u8::is_ascii_alphanumeric).take(MOST) {
        buffer[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain = &buffer[..length];
    (0..length).any(|at| starts_with_part(&plain[at..])) || ends_with_word(name)
}

fn starts_with_part(plain: &[u8]) -> bool {
    // Few letters begin a part, and most places in a name are none of them.
    matches!(plain[0], b'a' | b'c' | b'j' | b'p' | b's' | b't')
        && PARTS.iter().any(|part| plain.starts_with(part))
}

fn ends_with_word(name: &str) -> bool {
    let is_last = |word: &&str| {
        let Some(at) = name.len().checked_sub(word.len()) else {
            return false;
        };
        let bytes = name.as_bytes();
        let begins = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        begins && bytes[at..].eq_ignore_ascii_case(word.as_bytes())
    };
    LAST_WORDS.iter().any(is_last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "password",
            "X-Api-Key",
            "Authorization",
            "access_token",
            "client.secret",
            "Set-Cookie",
            "DB_PASSWD",
            "AccountKey",
            "db.pass",
            "PASS",
            "sig",
            "AWSAccessKeyId",
        ] {
            assert!(looks_secret(name), "{name}");
        }
        for name in [
            "user",
            "url",
            "key",
            "keyspace",
            "deployment.environment.name",
            "http.route",
            "compass",
            "bypass",
            "design",
            "",
        ] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
