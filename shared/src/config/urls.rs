//! The URLs that choose the parts: embedded here, or a server there.

use super::problem::{Problem, UrlProblem};
use super::secret::RedactedUrl;
use super::value::{Value, text_of};

/// Declares the URL of a part: a word for what is in the program, or the URL of a server.
///
/// Each part has its own type, so that a cache can never be opened with the address of the bus.
macro_rules! part_urls {
    ($(
        $(#[doc = $about:literal])+
        pub enum $name:ident {
            $(#[doc = $inside_doc:literal])+
            $inside:ident = $word:literal,
            $(#[doc = $server_doc:literal])+
            $server:ident = $schemes:expr,
        }
    )+) => { $(
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = $inside_doc])+
            $inside,
            $(#[doc = $server_doc])+
            $server(RedactedUrl),
        }

        impl $name {
            /// The URL of the server; `None` for what is in the program.
            pub fn server(&self) -> Option<&RedactedUrl> {
                match self {
                    Self::$inside => None,
                    Self::$server(url) => Some(url),
                }
            }

            /// The same, to be completed.
            pub fn server_mut(&mut self) -> Option<&mut RedactedUrl> {
                match self {
                    Self::$inside => None,
                    Self::$server(url) => Some(url),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    Self::$inside => f.write_str($word),
                    Self::$server(url) => url.fmt(f),
                }
            }
        }

        impl Value for $name {
            fn expected() -> String {
                described($word, &$schemes)
            }

            fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
                let text = text_of::<Self>(value)?;
                if text == $word {
                    return Ok(Self::$inside);
                }
                RedactedUrl::parse(text, &$schemes)
                    .map(Self::$server)
                    .map_err(|reason| Problem::Url { expected: Self::expected(), reason })
            }

            fn to_toml(&self) -> toml::Value {
                self.to_string().into()
            }
        }
    )+ };
}

part_urls! {
    /// Where the bus is.
    pub enum BusUrl {
        /// In this process, with its journal in the data directory.
        Embedded = "embedded:",
        /// RabbitMQ.
        Amqp = ["amqp", "amqps"],
    }

    /// Where documents are kept.
    pub enum DocumentsUrl {
        /// In the data directory.
        Embedded = "embedded:",
        /// MongoDB.
        Mongodb = ["mongodb"],
    }

    /// Where the cache is.
    pub enum CacheUrl {
        /// In this process.
        Embedded = "embedded:",
        /// Redis.
        Redis = ["redis", "rediss"],
    }

    /// Where time series are kept.
    pub enum TimeseriesUrl {
        /// In the data directory.
        Embedded = "embedded:",
        /// InfluxDB.
        Influxdb = ["influxdb", "influxdbs"],
    }

    /// Where commands read traces.
    pub enum TracesUrl {
        /// In the running `chimera up`, or in this process.
        Embedded = "embedded:",
        /// Jaeger's query API.
        Jaeger = ["http", "https"],
    }

    /// Where commands ask questions.
    pub enum ApiUrl {
        /// In the running `chimera up`, or in this process.
        Embedded = "embedded:",
        /// A `chimera-api` elsewhere.
        Http = ["http", "https"],
    }

    /// Where a source of market data answers.
    pub enum SourceUrl {
        /// The recording, served by a local server that the program starts itself.
        Recorded = "recorded:",
        /// A live server, or one that speaks like it.
        Http = ["http", "https"],
    }
}

impl SourceUrl {
    /// The source at `url`, an `http://…` or `https://…`.
    ///
    /// # Errors
    /// [`UrlProblem`] says what is wrong without repeating the URL.
    pub fn http(url: &str) -> Result<Self, UrlProblem> {
        RedactedUrl::parse(url, &["http", "https"]).map(Self::Http)
    }
}

/// `"embedded:", amqp://… or amqps://…`
fn described(word: &str, schemes: &[&str]) -> String {
    let servers: Vec<_> = schemes
        .iter()
        .map(|scheme| format!("{scheme}://…"))
        .collect();
    format!("\"{word}\", {}", servers.join(" or "))
}

/// The base URL of an HTTP service that is always elsewhere.
impl Value for RedactedUrl {
    fn expected() -> String {
        "http://… or https://…".to_owned()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Problem> {
        Self::parse(text_of::<Self>(value)?, &["http", "https"]).map_err(|reason| Problem::Url {
            expected: <Self as Value>::expected(),
            reason,
        })
    }

    fn to_toml(&self) -> toml::Value {
        self.to_string().into()
    }
}
