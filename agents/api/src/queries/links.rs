//! Where to go from a query.

use serde::Serialize;

/// Links, as HAL writes them.
#[derive(Debug, Serialize)]
pub(super) struct Links {
    #[serde(rename = "self")]
    this: Link,
    events: Link,
    cancel: Link,
}

/// A link; without a method it is followed by `GET`.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    href: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
}

impl Links {
    /// Those of the query with this id.
    pub(super) fn of(id: &str) -> Self {
        let href = path(id);
        Self {
            events: Link::to(format!("{href}/events")),
            cancel: Link {
                href: href.clone(),
                method: Some("DELETE"),
            },
            this: Link::to(href),
        }
    }
}

impl Link {
    /// A link to `href`.
    pub(super) fn to(href: String) -> Self {
        Self { href, method: None }
    }
}

/// The path of the query with this id.
pub(super) fn path(id: &str) -> String {
    format!("/api/queries/{id}")
}
