//! What the agents send each other over the bus: routing keys and bodies (JSON).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Day, Failure, Interpretation, Metric, Period, Series, SeriesKey, SourceUse, Stage, Status,
    Ticker,
};

/// Event from `chimera-api` to `query_agent`: [`QueryRequested`].
pub const QUERY_REQUEST: &str = "query.request";
/// Event from `query_agent` to every `chimera-api`: [`QueryProgress`]. Not durable: the stored query is the truth.
pub const QUERY_PROGRESS: &str = "query.progress";
/// Event from `chimera-api` to every `query_agent`: [`QueryCancelled`].
pub const QUERY_CANCELLED: &str = "query.cancelled";
/// Event from `query_agent` to every `chimera-api`: [`QueryEnded`].
pub const QUERY_COMPLETED: &str = "query.completed";
/// Request to `data_retrieval_agent`: [`FetchData`], answered by [`Fetched`].
pub const DATA_RETRIEVAL_REQUEST: &str = "data_retrieval.request";
/// Request to `data_retrieval_agent`: [`DescribeData`], answered by [`Catalog`].
pub const DATA_RETRIEVAL_CATALOG: &str = "data_retrieval.catalog";
/// Request to `analysis_agent`: [`Analyze`], answered by [`Analyzed`].
pub const ANALYSIS_REQUEST: &str = "analysis.request";

/// A question was asked and stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryRequested {
    /// The stored query's id.
    pub query_id: String,
    /// The question.
    pub query: String,
}

/// A query has reached a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryProgress {
    /// The stored query's id.
    pub query_id: String,
    /// The stage that begins.
    pub stage: Stage,
}

/// A query was cancelled, and that is stored: work on it may stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryCancelled {
    /// The stored query's id.
    pub query_id: String,
}

/// A query has ended, and its end is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryEnded {
    /// The stored query's id.
    pub query_id: String,
    /// How it ended.
    pub status: Status,
}

/// Asks what data there is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DescribeData {}

/// What data there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// The clock of the data: a recording's last day, or the real day.
    pub today: Day,
    /// Whether the data is a recording rather than live.
    pub recorded: bool,
    /// For each asset and metric, the first and last day that have a value.
    pub assets: BTreeMap<Ticker, BTreeMap<Metric, Period>>,
}

/// Asks for daily series and, where wanted, for what the exchange and the chain say now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchData {
    /// The series wanted; empty when only a quote or a height is.
    pub series: Vec<SeriesKey>,
    /// The days wanted (already including any day before the asked range that the analysis needs).
    pub days: Period,
    /// The assets whose latest price is wanted from the exchange.
    pub quotes: Vec<Ticker>,
    /// The chains whose height is wanted (only ZEC has a node).
    pub heights: Vec<Ticker>,
}

/// What was fetched. What a source could not give stands in `errors`, never as zeros.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fetched {
    /// The clock of the data: a recording's last day, or the real day.
    pub today: Day,
    /// One per series asked for that its source answered for, in the order asked; possibly without points.
    pub series: Vec<Series>,
    /// Latest prices.
    pub quotes: Vec<Quote>,
    /// Chain heights.
    pub heights: Vec<Height>,
    /// What each source gave.
    pub sources: Vec<SourceUse>,
    /// What each source failed at.
    pub errors: Vec<SourceError>,
}

/// An exchange's latest price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// The asset.
    pub asset: Ticker,
    /// US dollars.
    pub price_usd: f64,
    /// The UTC day of the trade.
    pub day: Day,
}

/// A chain's height.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Height {
    /// The asset.
    pub asset: Ticker,
    /// The height of the best block, blocks; the first block has height 0.
    pub blocks: u64,
    /// The UTC day it was asked on, by the clock of the data.
    pub day: Day,
}

/// A source that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceError {
    /// `coinmetrics`, `coinbase` or `zcash`.
    pub source: String,
    /// What was wanted of it, for example `ZEC price_usd`.
    pub wanted: String,
    /// What happened, without secrets.
    pub message: String,
}

/// Asks for an answer to be computed, written and stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analyze {
    /// The stored query's id, under which the answer is stored.
    pub query_id: String,
    /// What was understood.
    pub interpretation: Interpretation,
    /// The data.
    pub data: Fetched,
}

/// What came of an analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Analyzed {
    /// The answer is stored under the query's id in [`crate::query::ANSWERS`].
    Answered,
    /// There is no answer, for the reason given.
    Unanswerable(Failure),
}
