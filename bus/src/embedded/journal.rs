//! What the journal holds, and how it is written: queues by name, messages by queue and sequence number.

use std::collections::HashMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    BindingKey, Cause, Message, QueueKind,
    group_commit::{Batch, CommitError, Reader},
};

const QUEUES: &str = "queues";
const MESSAGES: &str = "messages";

/// The first byte of every value.
pub(super) const FORMAT: u8 = 1;

/// Format, due time and weight, which are read at start without the message behind them.
const MESSAGE_HEAD_BYTES: usize = 1 + 8 + 8;

/// Where a message is in the journal. `sequence` is unique in the whole journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StoredKey {
    pub(super) queue: u32,
    pub(super) sequence: u64,
}

/// A durable queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct QueueRecord {
    pub(super) id: u32,
    /// `None` is a dead-letter queue.
    delivery_limit: Option<u32>,
    pub(super) bindings: Vec<BindingKey>,
}

/// A message as it is known without being read whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredMessage {
    pub(super) key: StoredKey,
    /// When its delay ends, milliseconds since the Unix epoch.
    pub(super) due_ms: Option<u64>,
    pub(super) weight: usize,
}

#[derive(Debug)]
pub(super) struct Contents {
    pub(super) queues: HashMap<String, QueueRecord>,
    /// In the order of their keys.
    pub(super) messages: Vec<StoredMessage>,
}

/// A value that this program cannot read.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error("a value of format {0}")]
    Format(u8),
    #[error("a value that is cut off")]
    Short,
    #[error("a broken value")]
    Broken(#[source] postcard::Error),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("reading the journal")]
    Decode(#[from] DecodeError),
}

impl QueueRecord {
    /// The record of a queue, where its kind is durable.
    pub(super) fn new(id: u32, kind: QueueKind, bindings: Vec<BindingKey>) -> Option<Self> {
        let delivery_limit = match kind {
            QueueKind::Work { delivery_limit } => Some(delivery_limit),
            QueueKind::DeadLetters => None,
            QueueKind::Instance | QueueKind::Replies => return None,
        };
        Some(Self {
            id,
            delivery_limit,
            bindings,
        })
    }

    pub(super) fn kind(&self) -> QueueKind {
        match self.delivery_limit {
            Some(delivery_limit) => QueueKind::Work { delivery_limit },
            None => QueueKind::DeadLetters,
        }
    }
}

impl StoredKey {
    fn bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.queue.to_be_bytes());
        bytes[4..].copy_from_slice(&self.sequence.to_be_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (queue, rest) = bytes.split_first_chunk().ok_or(DecodeError::Short)?;
        let sequence = rest.first_chunk().ok_or(DecodeError::Short)?;
        Ok(Self {
            queue: u32::from_be_bytes(*queue),
            sequence: u64::from_be_bytes(*sequence),
        })
    }
}

pub(super) fn insert_queue(batch: &mut Batch, name: &str, record: &QueueRecord) {
    let value = encode(vec![FORMAT], record);
    batch.insert(QUEUES, name, value);
}

pub(super) fn insert_message(batch: &mut Batch, key: StoredKey, value: Vec<u8>) {
    batch.insert(MESSAGES, key.bytes(), value);
}

pub(super) fn remove_message(batch: &mut Batch, key: StoredKey) {
    batch.remove(MESSAGES, key.bytes());
}

/// The value of a message, the same in every queue that it reaches.
pub(super) fn encode_message(message: &Message, due_ms: Option<u64>, weight: usize) -> Vec<u8> {
    let mut value = Vec::with_capacity(MESSAGE_HEAD_BYTES + weight);
    value.push(FORMAT);
    value.extend(due_ms.unwrap_or(0).to_le_bytes());
    value.extend((weight as u64).to_le_bytes());
    encode(value, message)
}

/// The message under `key`, or `None` when there is none.
pub(super) fn read_message(reader: Reader<'_>, key: StoredKey) -> Result<Option<Message>, Cause> {
    let value = reader
        .keyspace(MESSAGES)
        .and_then(|messages| {
            messages
                .get(key.bytes())
                .map_err(|error| reader.error(error))
        })
        .map_err(cause)?;
    let Some(value) = value else { return Ok(None) };
    let message = value
        .get(MESSAGE_HEAD_BYTES..)
        .ok_or(DecodeError::Short)
        .and_then(decode)
        .map_err(cause)?;
    Ok(Some(message))
}

/// Everything that is waiting, without the messages themselves.
pub(super) fn load(reader: Reader<'_>) -> Result<Contents, LoadError> {
    let mut contents = Contents {
        queues: HashMap::new(),
        messages: Vec::new(),
    };
    for entry in reader.keyspace(QUEUES)?.iter() {
        let (name, value) = entry.into_inner().map_err(|error| reader.error(error))?;
        let name = String::from_utf8_lossy(&name).into_owned();
        contents.queues.insert(name, decode(checked(&value)?)?);
    }
    for entry in reader.keyspace(MESSAGES)?.iter() {
        let (key, value) = entry.into_inner().map_err(|error| reader.error(error))?;
        let key = StoredKey::parse(&key)?;
        contents.messages.push(read_head(key, checked(&value)?)?);
    }
    Ok(contents)
}

fn read_head(key: StoredKey, head: &[u8]) -> Result<StoredMessage, DecodeError> {
    let (due_ms, rest) = head.split_first_chunk().ok_or(DecodeError::Short)?;
    let weight = rest.first_chunk().ok_or(DecodeError::Short)?;
    let due_ms = u64::from_le_bytes(*due_ms);
    Ok(StoredMessage {
        key,
        due_ms: (due_ms != 0).then_some(due_ms),
        weight: usize::try_from(u64::from_le_bytes(*weight)).unwrap_or(usize::MAX),
    })
}

/// The value behind its format.
fn checked(value: &[u8]) -> Result<&[u8], DecodeError> {
    match value.split_first() {
        Some((&FORMAT, rest)) => Ok(rest),
        Some((&other, _)) => Err(DecodeError::Format(other)),
        None => Err(DecodeError::Short),
    }
}

fn encode(head: Vec<u8>, value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, head).expect("memory takes every value that our types can have")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    postcard::from_bytes(bytes).map_err(DecodeError::Broken)
}

fn cause(error: impl std::error::Error + Send + Sync + 'static) -> Cause {
    std::sync::Arc::new(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FieldValue, RoutingKey};

    fn message() -> Message {
        let mut message = Message::event(RoutingKey::from_static("a.b"), vec![0, 255, 7]);
        message.properties.message_id = Some("id".to_owned());
        message
            .headers
            .set("short", FieldValue::ShortString("text".to_owned()));
        message.headers.append("twice", 1_u64);
        message.headers.append("twice", 2_u64);
        message
    }

    #[test]
    fn a_message_and_its_head_are_read_as_they_were_written() {
        let key = StoredKey {
            queue: 3,
            sequence: 1 << 40,
        };
        assert_eq!(StoredKey::parse(&key.bytes()).unwrap(), key);
        for due_ms in [None, Some(77)] {
            let value = encode_message(&message(), due_ms, 4_096);
            let head = read_head(key, checked(&value).unwrap()).unwrap();
            assert_eq!((head.due_ms, head.weight), (due_ms, 4_096));
            let read: Message = decode(&value[MESSAGE_HEAD_BYTES..]).unwrap();
            assert_eq!(read, message());
        }
    }

    #[test]
    fn keys_sort_by_queue_and_then_by_sequence() {
        let key = |queue, sequence| StoredKey { queue, sequence }.bytes();
        assert!(key(1, u64::MAX) < key(2, 0));
        assert!(key(1, 255) < key(1, 256));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let value = encode_message(&message(), None, 1);
        assert!(matches!(checked(&[]), Err(DecodeError::Short)));
        assert!(matches!(checked(&[9, 1]), Err(DecodeError::Format(9))));
        for length in MESSAGE_HEAD_BYTES..value.len() {
            let cut = decode::<Message>(&value[MESSAGE_HEAD_BYTES..length]);
            assert!(matches!(cut, Err(DecodeError::Broken(_))), "{length}");
        }
    }
}
