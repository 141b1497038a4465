//! What was understood of a question.

use serde::{Deserialize, Serialize};

use crate::{Day, Metric, Ticker};

/// What kind of answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// The figure of one day.
    Value,
    /// How a figure developed.
    Trend,
    /// The highest or lowest day.
    Extreme,
    /// Statistics of a range.
    Summary,
    /// One side against another.
    Comparison,
    /// Whether two figures move together.
    Correlation,
    /// Unusual days.
    Anomaly,
    /// What went along with a development.
    Explanation,
    /// What may come.
    Forecast,
}

/// For [`Intent::Extreme`]: which extreme is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extreme {
    /// The highest value.
    Highest,
    /// The lowest value.
    Lowest,
    /// The largest change from one day to the next.
    BestDay,
    /// The smallest (most negative) change from one day to the next.
    WorstDay,
}

/// One asset's metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// The asset.
    pub asset: Ticker,
    /// The metric.
    pub metric: Metric,
}

/// A range of UTC days, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Period {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
}

/// What was understood of a question; the `interpretation` of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interpretation {
    /// The kind of answer.
    pub intent: Intent,
    /// The assets, in the order said.
    pub assets: Vec<Ticker>,
    /// The metrics, in the order said.
    pub metrics: Vec<Metric>,
    /// Which metric belongs to which asset, in the order said.
    pub series: Vec<SeriesKey>,
    /// The first day, included.
    pub from: Day,
    /// The last day, included.
    pub to: Day,
    /// The two ranges of a comparison of periods, in the order said.
    pub periods: Option<[Period; 2]>,
    /// Which extreme is asked for; only with [`Intent::Extreme`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extreme: Option<Extreme>,
    /// What was assumed, a sentence each.
    pub assumptions: Vec<String>,
    /// How sure the reading is, 0 to 1.
    pub confidence: f64,
}

impl Interpretation {
    /// The range asked for.
    pub fn period(&self) -> Period {
        Period {
            from: self.from,
            to: self.to,
        }
    }
}
