//! The contract of questions and answers: what the query, the retrieval and the analysis agent say to each other,
//! and what the HTTP API and the command line show.
//!
//! This crate holds vocabulary only: wire types and the table of metrics. It knows no bus, no store and no source,
//! so that the platform (`chimera-shared`) stays free of the example application.
//! Names here are the names in the JSON.

pub mod answer;
pub mod interpretation;
pub mod messages;
pub mod metric;
pub mod query;
pub mod ticker;

pub use answer::{Answer, Fact, FactName, Series, SourceUse};
pub use interpretation::{Intent, Interpretation, Period, SeriesKey};
/// A UTC day; in JSON `"2019-01-31"`.
pub use jiff::civil::Date as Day;
pub use metric::{Metric, Unit};
pub use query::{Failure, FailureCode, Stage, Status, StoredQuery};
pub use ticker::Ticker;
