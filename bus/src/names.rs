//! Names of exchanges, routing keys, binding keys and queues, checked where they are made.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// AMQP's limit of a short string.
const MAX_BYTES: usize = 255;

/// A name that AMQP cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing was given where a name is needed.
    #[error("a {what} must not be empty")]
    Empty {
        /// What kind of name.
        what: &'static str,
    },
    /// Longer than a short string of AMQP 0-9-1.
    #[error("the {what} {start:?}… has {length} bytes; AMQP takes at most 255")]
    TooLong {
        /// What kind of name.
        what: &'static str,
        /// Its first characters.
        start: String,
        /// Its length in bytes.
        length: usize,
    },
    /// A control character, which no tool could show.
    #[error("the {what} {name:?} contains a control character")]
    Control {
        /// What kind of name.
        what: &'static str,
        /// The whole name.
        name: String,
    },
}

fn check(what: &'static str, name: &str) -> Result<(), InvalidName> {
    if name.is_empty() {
        return Err(InvalidName::Empty { what });
    }
    if name.len() > MAX_BYTES {
        let start = name.chars().take(24).collect();
        return Err(InvalidName::TooLong {
            what,
            start,
            length: name.len(),
        });
    }
    if name.chars().any(char::is_control) {
        return Err(InvalidName::Control {
            what,
            name: name.to_owned(),
        });
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $type(Cow<'static, str>);

        impl $type {
            /// A name made at run time.
            ///
            /// # Errors
            /// [`InvalidName`] when it is empty, has over 255 bytes, or contains a control character.
            pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
                let name = name.into();
                check($what, &name)?;
                Ok(Self(Cow::Owned(name)))
            }

            /// A name that stands in the program; in a constant it is checked by whoever reads it.
            pub const fn from_static(name: &'static str) -> Self {
                Self(Cow::Borrowed(name))
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of an exchange.
    Exchange, "exchange"
}
name! {
    /// The key a message is routed by: words separated by dots, as in `query.request`.
    RoutingKey, "routing key"
}
name! {
    /// The key a queue is bound with: words separated by dots, where `*` is one word and `#` any number of words.
    BindingKey, "binding key"
}
name! {
    /// The name of a queue.
    QueueName, "queue"
}

impl Exchange {
    /// The topic exchange that events and requests go through.
    pub const EVENTS: Self = Self::from_static("chimera.events");
    /// The direct exchange that dead letters go through; the routing key is the queue they come from.
    pub const DEAD_LETTERS: Self = Self::from_static("chimera.dlx");
    /// AMQP's default exchange, which routes to the queue named by the routing key. Its name is empty.
    pub const DEFAULT: Self = Self::from_static("");

    /// A name as a broker delivered it.
    pub(crate) fn from_wire(name: &str) -> Self {
        for known in [Self::EVENTS, Self::DEFAULT] {
            if known.as_str() == name {
                return known;
            }
        }
        Self(Cow::Owned(name.to_owned()))
    }
}

impl RoutingKey {
    /// A key as a broker delivered it, which may be empty.
    pub(crate) fn from_wire(key: &str) -> Self {
        Self(Cow::Owned(key.to_owned()))
    }
}

impl BindingKey {
    /// Whether a message with `key` reaches a queue bound with this.
    pub fn matches(&self, key: &RoutingKey) -> bool {
        let pattern: Vec<&str> = self.as_str().split('.').collect();
        let words: Vec<&str> = key.as_str().split('.').collect();
        words_match(&pattern, &words)
    }
}

/// Greedy matching with one place to go back to (the last `#`), so that no pattern costs more than
/// pattern length times key length.
fn words_match(pattern: &[&str], words: &[&str]) -> bool {
    let (mut p, mut w) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while w < words.len() {
        match pattern.get(p) {
            Some(&"#") => {
                retry = Some((p, w));
                p += 1;
            }
            Some(&word) if word == "*" || word == words[w] => {
                p += 1;
                w += 1;
            }
            _ => match retry {
                Some((hash, taken)) => {
                    retry = Some((hash, taken + 1));
                    p = hash + 1;
                    w = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&word| word == "#")
}

impl QueueName {
    /// The queue that this queue's dead letters are kept in.
    pub fn dead_letters(&self) -> Self {
        Self(Cow::Owned(format!("{self}.dlq")))
    }
}

impl From<&QueueName> for RoutingKey {
    /// The key that reaches the queue through the default exchange.
    fn from(queue: &QueueName) -> Self {
        Self(queue.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binding_keys_match_as_amqp_says() {
        fn check(pattern: &str, key: &str, expected: bool) {
            let (binding, routing) = (
                BindingKey::new(pattern).unwrap(),
                RoutingKey::new(key).unwrap(),
            );
            assert_eq!(binding.matches(&routing), expected, "{pattern} on {key}");
        }
        check("query.request", "query.request", true);
        check("query.request", "query.requests", false);
        check("query.*", "query.request", true);
        check("query.*", "query", false);
        check("query.*", "query.request.again", false);
        check("*.*", "query.request", true);
        check("#", "query.request.again", true);
        check("#", "query", true);
        check("query.#", "query", true);
        check("query.#", "query.request.again", true);
        check("#.again", "query.request.again", true);
        check("#.again", "again", true);
        check("#.request.#", "a.request.b.request", true);
        check("#.request.*", "a.request.b.request.c", true);
        check("#.request.*", "a.request.b.request", false);
        check("#.#.#", "a", true);
        check("a.#.b.#.c", "a.x.b.b.y.c", true);
        check("a.#.b.#.c", "a.x.y.c", false);
        check("query*", "query.request", false);
    }

    #[test]
    fn a_hostile_pattern_ends_at_once() {
        let pattern = vec!["#"; 60].join(".a.");
        let binding = BindingKey::from_static(Box::leak(pattern.into_boxed_str()));
        let key = RoutingKey::new(vec!["a"; 127].join(".")).unwrap();
        assert!(binding.matches(&key));
    }

    #[test]
    fn names_that_amqp_cannot_carry_are_refused() {
        assert_eq!(
            RoutingKey::new(""),
            Err(InvalidName::Empty {
                what: "routing key"
            })
        );
        assert!(matches!(
            QueueName::new("q".repeat(256)),
            Err(InvalidName::TooLong { length: 256, .. })
        ));
        assert!(matches!(
            RoutingKey::new("a\0b"),
            Err(InvalidName::Control { .. })
        ));
        assert!(RoutingKey::new("q".repeat(255)).is_ok());
    }
}
