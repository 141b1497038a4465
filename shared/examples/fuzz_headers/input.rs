//! Headers, made of what the formats are made of, and broken.

use chimera_bus::{FieldValue, Headers};
use chimera_shared::config::Propagator as Format;
use rand::{RngExt as _, rngs::SmallRng};

const FORMATS: [Format; 5] = [
    Format::TraceContext,
    Format::Baggage,
    Format::B3,
    Format::B3Multi,
    Format::Jaeger,
];

/// Names of headers, each with values that it may have.
const SEEDS: &[(&str, &[&str])] = &[
    (
        "traceparent",
        &[
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-12345678901234567890123456789012-1234567890123456-03",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later",
            "00-00000000000000000000000000000000-0000000000000000-00",
        ],
    ),
    (
        "tracestate",
        &[
            "a=1",
            "a=1,b=2 ,\tc=3",
            "fw529a3039@dt=x;y",
            "a@@b=1,,c= 2",
            "",
        ],
    ),
    (
        "baggage",
        &[
            "a=1",
            "a=1;p;q=2,b=%20%C3%A9",
            "k = v ; p = 1 , l=%",
            "a=,b=1=2",
        ],
    ),
    (
        "b3",
        &[
            "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d-05e3ac9a4f6e3b90",
            "a3ce929d0e0e4736-00f067aa0ba902b7",
            "0",
        ],
    ),
    (
        "x-b3-traceid",
        &["4bf92f3577b34da6a3ce929d0e0e4736", "a3ce929d0e0e4736"],
    ),
    ("x-b3-spanid", &["00f067aa0ba902b7"]),
    ("x-b3-parentspanid", &["05e3ac9a4f6e3b90"]),
    ("x-b3-sampled", &["1", "0", "true", "false"]),
    ("x-b3-flags", &["1", "0"]),
    (
        "uber-trace-id",
        &[
            "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1",
            "4bf92f3577b34da6a3ce929d0e0e4736%3Af067aa0ba902b7%3A1%3A3",
            "1:2:0:0",
        ],
    ),
    ("uberctx-tenant", &["a", "a%20b", "a, b;c", "%C3%A9"]),
    ("uberctx-a!", &["1"]),
    ("x-other", &["1"]),
];

/// What is put in between.
const PIECES: &[&str] = &[
    ",",
    ";",
    "=",
    "-",
    ":",
    "%",
    "%00",
    "%ff",
    "%2c",
    " ",
    "\t",
    "\n",
    "\0",
    "@",
    "\"",
    "\\",
    "é",
    "\u{1f600}",
    "0",
    "f",
    "F",
    "00-",
    "x=y",
    ",k=v",
    "%3A",
    "1",
];

/// Where headers come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    Message,
    Http,
}

/// What the propagator is asked.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// Bits of [`FORMATS`], and the one that they begin with.
    formats: u8,
    first: u8,
    pub(crate) is_on: bool,
    pub(crate) carrier: Carrier,
    pub(crate) headers: Vec<(String, FieldValue)>,
}

impl Input {
    pub(crate) fn new(chance: &mut SmallRng) -> Self {
        let count = match chance.random_range(0..10_000) {
            0 => 3_000,
            1..50 => 100,
            _ => chance.random_range(0..8),
        };
        // Most services speak W3C's two.
        let formats = if chance.random() {
            0b11
        } else {
            chance.random_range(0..32)
        };
        Self {
            formats,
            first: chance.random_range(0..5),
            is_on: chance.random(),
            carrier: if chance.random() {
                Carrier::Message
            } else {
                Carrier::Http
            },
            headers: (0..count).map(|_| header(chance)).collect(),
        }
    }

    /// How many values [`Input::choice`] has.
    pub(crate) const CHOICES: usize = 32 * 5;

    /// No headers, for this choice of formats.
    pub(crate) fn of_choice(choice: usize) -> Self {
        let part = |number: usize| u8::try_from(number).expect("it is one of few");
        Self {
            formats: part(choice / 5),
            first: part(choice % 5),
            is_on: true,
            carrier: Carrier::Message,
            headers: Vec::new(),
        }
    }

    /// These headers.
    pub(crate) fn with_table(table: &Headers) -> Self {
        let headers = table
            .iter()
            .map(|(name, value)| (name.to_owned(), value.clone()));
        Self {
            headers: headers.collect(),
            ..Self::of_choice(0)
        }
    }

    /// The formats, in their order.
    pub(crate) fn formats(&self) -> Vec<Format> {
        let order = (0..5).map(|at| usize::from(at + self.first) % 5);
        let chosen = order.filter(|at| self.formats & (1 << at) != 0);
        chosen.map(|at| FORMATS[at]).collect()
    }

    /// Which formats in which order, as a number.
    pub(crate) fn choice(&self) -> usize {
        usize::from(self.formats) * 5 + usize::from(self.first)
    }

    /// The same with something changed.
    pub(crate) fn broken(&self, chance: &mut SmallRng) -> Self {
        let mut input = self.clone();
        let count = input.headers.len();
        match chance.random_range(0..10) {
            0 => input.formats = chance.random_range(0..32),
            1 => input.is_on = !input.is_on,
            2 if count < 100 => input.headers.push(header(chance)),
            3 if count > 0 => drop(input.headers.swap_remove(chance.random_range(0..count))),
            4 if count > 0 => {
                let at = chance.random_range(0..count);
                let again = input.headers[at].clone();
                input.headers.push(again);
            }
            _ if count > 0 => {
                let at = chance.random_range(0..count);
                let (name, value) = &mut input.headers[at];
                if let FieldValue::LongString(bytes) | FieldValue::Bytes(bytes) = value {
                    break_bytes(bytes, chance);
                } else {
                    *name = cased(name, chance);
                }
            }
            _ => input.headers.push(header(chance)),
        }
        input
    }

    /// Every input that is this one without something.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for at in 0..self.headers.len() {
            let mut without = self.clone();
            without.headers.remove(at);
            all.push(without);
            if let FieldValue::LongString(bytes) = &self.headers[at].1 {
                for cut in (0..bytes.len()).take(200) {
                    let mut shorter = self.clone();
                    let mut bytes = bytes.clone();
                    bytes.remove(cut);
                    shorter.headers[at].1 = FieldValue::LongString(bytes);
                    all.push(shorter);
                }
            }
        }
        all
    }

    /// The headers of a message.
    pub(crate) fn table(&self) -> Headers {
        self.headers.iter().cloned().collect()
    }

    /// HTTP headers; what HTTP cannot have is left out.
    pub(crate) fn http(&self) -> http::HeaderMap {
        let mut map = http::HeaderMap::new();
        for (name, value) in &self.headers {
            let bytes = match value {
                FieldValue::LongString(bytes) | FieldValue::Bytes(bytes) => bytes.as_slice(),
                FieldValue::ShortString(text) => text.as_bytes(),
                _ => b"1",
            };
            if let (Ok(name), Ok(value)) = (
                http::HeaderName::try_from(name),
                http::HeaderValue::from_bytes(bytes),
            ) {
                // There is a most that a map of headers takes, which HTTP servers are far below.
                let _ = map.try_append(name, value);
            }
        }
        map
    }
}

fn header(chance: &mut SmallRng) -> (String, FieldValue) {
    let (name, values) = SEEDS[chance.random_range(0..SEEDS.len())];
    let mut bytes = values[chance.random_range(0..values.len())]
        .as_bytes()
        .to_vec();
    for _ in 0..chance.random_range(0..4) {
        break_bytes(&mut bytes, chance);
    }
    let value = match chance.random_range(0..20) {
        0 => FieldValue::Bytes(bytes),
        1 => FieldValue::ShortString(String::from_utf8_lossy(&bytes).into_owned()),
        2 => FieldValue::I64(1),
        3 => FieldValue::Void,
        _ => FieldValue::LongString(bytes),
    };
    (cased(name, chance), value)
}

fn cased(name: &str, chance: &mut SmallRng) -> String {
    match chance.random_range(0..10) {
        0 => name.to_ascii_uppercase(),
        1 => {
            let turned = name.chars().map(|char| {
                if chance.random() {
                    char.to_ascii_uppercase()
                } else {
                    char
                }
            });
            turned.collect()
        }
        _ => name.to_owned(),
    }
}

fn break_bytes(bytes: &mut Vec<u8>, chance: &mut SmallRng) {
    let length = bytes.len();
    let at = chance.random_range(0..=length);
    match chance.random_range(0..9) {
        0 => bytes.truncate(at),
        1 if at < length => drop(bytes.remove(at)),
        2 if at < length => bytes[at] = chance.random(),
        3 if at < length => bytes[at] ^= 1 << chance.random_range(0..8),
        4 => bytes.insert(at, chance.random()),
        // Now and then beyond every limit.
        5 if length < 20_000 => {
            let times = [1, 2, 40, 300][chance.random_range(0..4)];
            let part = bytes[at..].to_vec();
            for _ in 0..times {
                bytes.extend_from_slice(b",");
                bytes.extend_from_slice(&part);
            }
        }
        6 if length < 20_000 => {
            let (_, values) = SEEDS[chance.random_range(0..SEEDS.len())];
            let value = values[chance.random_range(0..values.len())];
            bytes.splice(at..at, value.bytes());
        }
        7 if length < 1_000 => {
            // Members of a name each, to come to the limits.
            for number in 0..chance.random_range(1..80) {
                bytes.extend_from_slice(format!(",k{number}=v").as_bytes());
            }
        }
        _ => {
            let piece = PIECES[chance.random_range(0..PIECES.len())];
            bytes.splice(at..at, piece.bytes());
        }
    }
}
