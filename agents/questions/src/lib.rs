#![doc = include_str!("../README.md")]

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
