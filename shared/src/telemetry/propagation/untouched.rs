//! Headers that would be written otherwise than they came, for where they are to go out as they came.

use super::carrier::Sink;

/// What came in, beside what would be written for it. Kept in the context.
#[derive(Debug, Default)]
pub(super) struct Untouched(Vec<Text>);

#[derive(Debug)]
struct Text {
    name: &'static str,
    came: String,
    written: String,
}

impl Untouched {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps the `values` of a valid header, where `written` is another text and they can be passed on.
    pub(super) fn keep(&mut self, name: &'static str, values: &[&str], written: &str) {
        let values = values.iter().map(|value| value.trim_matches([' ', '\t']));
        let values: Vec<_> = values.filter(|value| !value.is_empty()).collect();
        let came = values.join(",");
        // What a later version has behind the part that we know could be anything.
        let is_text = |byte: u8| byte == b'\t' || matches!(byte, 0x20..=0x7e);
        if !came.is_empty() && came != written && came.bytes().all(is_text) {
            self.0.push(Text {
                name,
                came,
                written: written.to_owned(),
            });
        }
    }
}

/// Writes what came in, where what is to be written says the same: nobody has put another span or baggage in its place.
#[derive(Debug)]
pub(super) struct AsItCame<'a, S: ?Sized> {
    pub(super) untouched: &'a Untouched,
    pub(super) sink: &'a mut S,
}

impl<S: Sink + ?Sized> Sink for AsItCame<'_, S> {
    fn put(&mut self, name: &str, value: &str) {
        let mut texts = self.untouched.0.iter();
        let kept = texts.find(|text| text.name == name && text.written == value);
        self.sink.put(name, kept.map_or(value, |text| &text.came));
    }
}
