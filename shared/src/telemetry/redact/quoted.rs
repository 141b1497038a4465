//! Texts in quotes, which may stand in a text in quotes themselves: each layer doubles the backslashes before a mark.

/// A quotation mark, and how it is escaped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quote {
    mark: u8,
    /// Backslashes before it.
    escapes: usize,
}

impl Quote {
    /// The one that `text` begins with, if it does.
    pub(super) fn opens(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let escapes = bytes.iter().take_while(|byte| **byte == b'\\').count();
        let mark = *bytes.get(escapes)?;
        matches!(mark, b'"' | b'\'').then_some(Self { mark, escapes })
    }

    /// In bytes, with what escapes it.
    pub(super) fn length(self) -> usize {
        self.escapes + 1
    }

    /// Where the text ends that this opens: before the mark that closes it, or where an outer text ends. One that is cut
    /// goes to the end.
    pub(super) fn end(self, quoted: &str) -> usize {
        let bytes = quoted.as_bytes();
        let mut from = 0;
        while let Some(found) = bytes[from..].iter().position(|byte| *byte == self.mark) {
            let at = from + found;
            let before = bytes[from..at].iter().rev();
            let escapes = before.take_while(|byte| **byte == b'\\').count();
            // A backslash at the end of the text is escaped itself, and doubles with each layer.
            if escapes < self.escapes || escapes % (2 * self.length()) == self.escapes {
                return at - escapes.min(self.escapes);
            }
            from = at + 1;
        }
        quoted.len()
    }
}
