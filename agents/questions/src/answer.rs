//! The answer of a completed query.

use serde::{Deserialize, Serialize};

use crate::{Day, Metric, Ticker, Unit};

/// An answer: its text, the numbers in it, the series behind it and where they are from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The answer in plain English. Numbers are rounded here and only here; each of them is one of the facts.
    pub text: String,
    /// The numbers, not rounded.
    pub facts: Vec<Fact>,
    /// The series asked for, over the range asked for.
    pub series: Vec<Series>,
    /// Where the data is from.
    pub sources: Vec<SourceUse>,
    /// What is missing or doubtful, a sentence each.
    pub warnings: Vec<String>,
}

/// The name of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the contract's tables of intents and definitions describe each"
)]
pub enum FactName {
    Value,
    Previous,
    ChangePct,
    ChangeAbs,
    First,
    Last,
    Min,
    Max,
    Mean,
    Median,
    Std,
    Q1,
    Q3,
    Count,
    Missing,
    SlopePerDay,
    TrendP,
    Direction,
    VolatilityPct,
    /// The exchange's latest price, named with every price answer.
    LatestPrice,
    /// The chain's height, named with every price answer about ZEC.
    BlockHeight,
}

/// The value of a fact: a number, or for `direction` a word.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FactValue {
    /// A number, not rounded.
    Number(f64),
    /// The direction of a trend.
    Direction(Direction),
}

/// Where a trend goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Upwards, with p below 0.05.
    Rising,
    /// Downwards, with p below 0.05.
    Falling,
    /// Neither, at that level.
    Flat,
}

/// One number of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: FactName,
    /// The asset; `None` for a fact about a pair.
    pub asset: Option<Ticker>,
    /// The metric; `None` for a fact about a pair.
    pub metric: Option<Metric>,
    /// The value, not rounded.
    pub value: FactValue,
    /// What it is counted in.
    pub unit: Unit,
    /// The day it belongs to, where it belongs to one.
    pub date: Option<Day>,
    /// Which of two periods it belongs to, 0 or 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<u8>,
}

/// Daily values of one asset's metric, ascending by day, one per day at most, days without a value left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The asset.
    pub asset: Ticker,
    /// The metric.
    pub metric: Metric,
    /// What the values are counted in.
    pub unit: Unit,
    /// Day and value.
    pub points: Vec<(Day, f64)>,
}

/// What one source gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceUse {
    /// `coinmetrics`, `coinbase` or `zcash`.
    pub name: String,
    /// Whether the data is a recording rather than live.
    pub recorded: bool,
    /// Whether everything taken from this source came out of the cache.
    pub cached: bool,
    /// The first day given; `None` when nothing was.
    pub from: Option<Day>,
    /// The last day given; `None` when nothing was.
    pub to: Option<Day>,
    /// How many values were given.
    pub points: u64,
}
