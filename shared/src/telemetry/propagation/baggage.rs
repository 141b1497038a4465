//! `baggage`: names and values that travel with a request.
//!
//! Source: <https://www.w3.org/TR/baggage/#baggage-http-header-format>.

use opentelemetry::baggage::Baggage;

/// More members than this need not be passed on. Source: <https://www.w3.org/TR/baggage/#limits>.
pub(super) const MAX_MEMBERS: usize = 64;
/// A longer header need not be passed on, counted with its commas.
const MAX_LENGTH: usize = 8192;

/// What headers hold.
pub(super) struct Parsed {
    pub(super) baggage: Baggage,
    /// Whether nothing was dropped.
    pub(super) is_whole: bool,
}

/// The valid members of one or several `baggage` headers, up to the limits. A name that comes again replaces its value.
pub(super) fn parse(headers: &[&str]) -> Parsed {
    let mut baggage = Baggage::new();
    let mut room = Room::default();
    let mut is_whole = true;
    for member in headers.iter().flat_map(|header| header.split(',')) {
        let member = trim(member);
        match parse_member(member).filter(|_| room.takes(member)) {
            Some(found) => {
                let known = (found.key.to_owned(), found.value, found.properties);
                let replaced = baggage.insert_with_metadata(known.0, known.1, known.2);
                is_whole &= replaced.is_none() && found.is_whole;
            }
            None => is_whole = false,
        }
    }
    Parsed { baggage, is_whole }
}

/// What is left of the limits, so that whole members are dropped and never parts.
#[derive(Default)]
struct Room {
    members: usize,
    length: usize,
}

impl Room {
    fn takes(&mut self, member: &str) -> bool {
        let comma = usize::from(self.members > 0);
        let length = self.length + comma + member.len();
        let fits = self.members < MAX_MEMBERS && length <= MAX_LENGTH;
        if fits {
            self.members += 1;
            self.length = length;
        }
        fits
    }
}

struct Member<'a> {
    key: &'a str,
    value: String,
    properties: String,
    /// Whether every property is valid.
    is_whole: bool,
}

fn parse_member(member: &str) -> Option<Member<'_>> {
    let mut parts = member.split(';');
    let (key, value) = parts.next()?.split_once('=')?;
    let (key, value) = (trim(key), trim(value));
    if !is_token(key) || !value.bytes().all(is_octet) {
        return None;
    }
    let properties: Vec<_> = parts.map(parse_property).collect();
    let is_whole = properties.iter().all(Option::is_some);
    let properties: Vec<_> = properties.into_iter().flatten().collect();
    Some(Member {
        key,
        value: decode(value),
        properties: properties.join(";"),
        is_whole,
    })
}

/// A property with the white space around its parts taken out.
fn parse_property(property: &str) -> Option<String> {
    match property.split_once('=') {
        Some((key, value)) => {
            let (key, value) = (trim(key), trim(value));
            (is_token(key) && value.bytes().all(is_octet)).then(|| format!("{key}={value}"))
        }
        None => Some(trim(property))
            .filter(|key| is_token(key))
            .map(str::to_owned),
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// A `token` of RFC 7230, section 3.2.6.
pub(super) fn is_token(text: &str) -> bool {
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_char)
}

fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

/// A `%` that starts no pair of digits stands for itself; bytes that are not UTF-8 become U+FFFD, as the specification
/// asks.
fn decode(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let pair = match after {
            [high, low, ..] if first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match pair {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// The text that a value of another format spells, which may be encoded as one of ours is; `None` when it is no text.
pub(super) fn decoded_text(value: &str) -> Option<String> {
    let is_text = !value.chars().any(char::is_control);
    is_text.then(|| decode(value))
}

/// The header of `baggage`, sorted by name so that the same baggage is the same header; empty when it is.
pub(super) fn header(baggage: &Baggage) -> String {
    let mut header = String::new();
    // Mostly there is none, and finding that out by way of the members costs as much as the rest of a header.
    if baggage.is_empty() {
        return header;
    }
    for (member, _) in members(baggage) {
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(&member);
    }
    header
}

/// Names and encoded values of what [`header`] would hold.
pub(super) fn encoded(baggage: &Baggage) -> impl Iterator<Item = (String, String)> {
    members(baggage).map(|(member, name)| {
        let value = member[name.len() + 1..].split(';').next();
        (name.to_owned(), value.unwrap_or_default().to_owned())
    })
}

/// Each member as it is written, with its name, up to the limits.
fn members(baggage: &Baggage) -> impl Iterator<Item = (String, &str)> {
    let mut members: Vec<_> = baggage.iter().collect();
    members.sort_unstable_by(|one, other| one.0.cmp(other.0));
    let mut room = Room::default();
    members
        .into_iter()
        .filter_map(move |(key, (value, properties))| {
            let mut member = format!("{key}={}", encode(value.as_str()));
            for property in properties.as_str().split(';').filter_map(parse_property) {
                member.push(';');
                member.push_str(&property);
            }
            let fits = is_token(key.as_str()) && room.takes(&member);
            fits.then(|| (member, key.as_str()))
        })
}

fn encode(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if is_octet(byte) && byte != b'%' {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[&str], expected: &str) {
        assert_eq!(header(&parse(headers).baggage), expected, "{headers:?}");
    }

    #[test]
    fn members_are_passed_on_without_their_white_space() {
        check(&["b=2, a=1"], "a=1,b=2");
        check(&["a=1", "b=2"], "a=1,b=2");
        check(&["a = 1 ; p ; q = 2"], "a=1;p;q=2");
        check(&["a=1,a=2"], "a=2");
        check(&["a="], "a=");
    }

    #[test]
    fn values_are_percent_encoded_only_where_they_must_be() {
        check(&["a=x%20y%2C%25%22"], "a=x%20y%2C%25%22");
        check(&["a=%41%c3%a9"], "a=A%C3%A9");
        check(&["a=b=c/d"], "a=b=c/d");
        check(&["a=%FF"], "a=%EF%BF%BD");
        check(&["a=100%"], "a=100%25");
    }

    #[test]
    fn what_is_invalid_is_dropped_member_by_member() {
        check(&["a b=1,ok=1"], "ok=1");
        check(&["a,=1,ok=1,c=é"], "ok=1");
        check(&["a=\"q\",b=x y,c=\\,ok=1"], "ok=1");
        check(&["a=1;b c;ok;=;x=y z"], "a=1;ok");
        check(&["\0"], "");
    }

    #[test]
    fn limits_drop_whole_members() {
        let many: Vec<_> = (100..200).map(|n| format!("k{n}=v")).collect();
        check(&[&many.join(",")], &many[..64].join(","));
        let long = format!("a={},b=1", "x".repeat(MAX_LENGTH));
        check(&[&long], "b=1");
        let exact = format!("a={}", "x".repeat(MAX_LENGTH - 2));
        check(&[&exact], &exact);
    }

    #[test]
    fn a_value_that_grows_too_long_when_encoded_is_not_sent() {
        let mut baggage = Baggage::new();
        baggage.insert("a", "é".repeat(2_000));
        baggage.insert("b", "1");
        assert_eq!(header(&baggage), "b=1");
    }
}
