//! What is written as one.

use std::borrow::Cow;

/// Writes that happen all or not at all.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) writes: Vec<Write>,
}

#[derive(Debug)]
pub(super) struct Write {
    pub(super) keyspace: Cow<'static, str>,
    pub(super) key: Vec<u8>,
    /// `None` removes the key.
    pub(super) value: Option<Vec<u8>>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `value` under `key` in `keyspace`, in place of what was there. A keyspace is made by its first use; its
    /// name has 1 to 255 characters.
    pub fn insert(
        &mut self,
        keyspace: impl Into<Cow<'static, str>>,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) {
        self.writes.push(Write {
            keyspace: keyspace.into(),
            key: key.into(),
            value: Some(value.into()),
        });
    }

    /// Takes `key` out of `keyspace`.
    pub fn remove(&mut self, keyspace: impl Into<Cow<'static, str>>, key: impl Into<Vec<u8>>) {
        self.writes.push(Write {
            keyspace: keyspace.into(),
            key: key.into(),
            value: None,
        });
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}
