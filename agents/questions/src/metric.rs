//! The metrics that can be asked for: their names, units, and what the sources call them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A daily figure of an asset (and, as the one exception, a chain's height today).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is described by its row in TABLE")]
pub enum Metric {
    PriceUsd,
    MarketCapUsd,
    RealizedCapUsd,
    ExchangeVolumeUsd,
    TxCount,
    TxVolumeUsd,
    AdjustedTxVolumeUsd,
    PaymentCount,
    ActiveAddresses,
    Fees,
    MedianFee,
    MedianTxValueUsd,
    BlockCount,
    BlockSizeBytes,
    Difficulty,
    GeneratedCoins,
    BlockHeight,
}

/// What a value is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unit {
    /// United States dollars.
    #[serde(rename = "USD")]
    Usd,
    /// A plain number of things.
    #[serde(rename = "count")]
    Count,
    /// Coins of the asset itself.
    #[serde(rename = "native")]
    Native,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// Blocks of a chain.
    #[serde(rename = "blocks")]
    Blocks,
    /// Per cent.
    #[serde(rename = "percent")]
    Percent,
    /// Percentage points.
    #[serde(rename = "percentage_points")]
    PercentagePoints,
    /// Days.
    #[serde(rename = "days")]
    Days,
    /// The metric's unit per day.
    #[serde(rename = "USD/day")]
    UsdPerDay,
    /// Things per day.
    #[serde(rename = "count/day")]
    CountPerDay,
    /// Native coins per day.
    #[serde(rename = "native/day")]
    NativePerDay,
    /// Bytes per day.
    #[serde(rename = "bytes/day")]
    BytesPerDay,
    /// A number without a unit, per day.
    #[serde(rename = "1/day")]
    PerDay,
    /// No unit: a ratio, a probability, a difficulty.
    #[serde(rename = "")]
    None,
}

struct Row {
    metric: Metric,
    name: &'static str,
    label: &'static str,
    column: &'static str,
    coin_metrics: &'static str,
    unit: Unit,
}

macro_rules! table {
    ($(($metric:ident, $name:literal, $label:literal, $column:literal, $coin_metrics:literal, $unit:ident)),+ $(,)?) => {
        const TABLE: &[Row] = &[$(Row {
            metric: Metric::$metric, name: $name, label: $label, column: $column, coin_metrics: $coin_metrics, unit: Unit::$unit,
        }),+];
    };
}

// The order is that of the enum, so that a metric's row is found by its discriminant (a test holds it).
// Where Coin Metrics v4 has no community metric of that meaning, the recorded column's own name stands in.
table![
    (
        PriceUsd,
        "price_usd",
        "price",
        "price(USD)",
        "PriceUSD",
        Usd
    ),
    (
        MarketCapUsd,
        "market_cap_usd",
        "market capitalization",
        "marketcap(USD)",
        "CapMrktCurUSD",
        Usd
    ),
    (
        RealizedCapUsd,
        "realized_cap_usd",
        "realized capitalization",
        "realizedCap(USD)",
        "CapRealUSD",
        Usd
    ),
    (
        ExchangeVolumeUsd,
        "exchange_volume_usd",
        "trading volume",
        "exchangeVolume(USD)",
        "exchangeVolume(USD)",
        Usd
    ),
    (
        TxCount,
        "tx_count",
        "number of transactions",
        "txCount",
        "TxCnt",
        Count
    ),
    (
        TxVolumeUsd,
        "tx_volume_usd",
        "transaction volume",
        "txVolume(USD)",
        "txVolume(USD)",
        Usd
    ),
    (
        AdjustedTxVolumeUsd,
        "adjusted_tx_volume_usd",
        "adjusted transaction volume",
        "adjustedTxVolume(USD)",
        "TxTfrValAdjUSD",
        Usd
    ),
    (
        PaymentCount,
        "payment_count",
        "number of payments",
        "paymentCount",
        "paymentCount",
        Count
    ),
    (
        ActiveAddresses,
        "active_addresses",
        "number of active addresses",
        "activeAddresses",
        "AdrActCnt",
        Count
    ),
    (Fees, "fees", "total fees", "fees", "FeeTotNtv", Native),
    (
        MedianFee,
        "median_fee",
        "median fee",
        "medianFee",
        "FeeMedNtv",
        Native
    ),
    (
        MedianTxValueUsd,
        "median_tx_value_usd",
        "median transaction value",
        "medianTxValue(USD)",
        "TxTfrValMedUSD",
        Usd
    ),
    (
        BlockCount,
        "block_count",
        "number of blocks",
        "blockCount",
        "BlkCnt",
        Count
    ),
    (
        BlockSizeBytes,
        "block_size_bytes",
        "block size",
        "blockSize",
        "BlkSizeByte",
        Bytes
    ),
    (
        Difficulty,
        "difficulty",
        "mining difficulty",
        "averageDifficulty",
        "DiffMean",
        None
    ),
    (
        GeneratedCoins,
        "generated_coins",
        "number of new coins",
        "generatedCoins",
        "IssTotNtv",
        Native
    ),
    (BlockHeight, "block_height", "block height", "", "", Blocks),
];

impl Metric {
    /// Every metric, in the order of the contract's table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.metric)
    }

    /// The name in the JSON, for example `price_usd`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What a sentence calls it, without an article: `price`, `number of transactions`.
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// The column of a recorded `<ticker>.csv`; `None` for the chain's height, which is computed from `blockCount`.
    pub fn column(self) -> Option<&'static str> {
        Some(self.row().column).filter(|column| !column.is_empty())
    }

    /// The name in Coin Metrics' API v4, or the recorded column's name where v4 has none; `None` for the chain's height.
    ///
    /// Source: <https://docs.coinmetrics.io/api/v4/>.
    pub fn coin_metrics(self) -> Option<&'static str> {
        Some(self.row().coin_metrics).filter(|name| !name.is_empty())
    }

    /// The metric that Coin Metrics v4 calls `name`.
    pub fn from_coin_metrics(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| !name.is_empty() && row.coin_metrics == name)
            .map(|row| row.metric)
    }

    /// What its values are counted in.
    pub fn unit(self) -> Unit {
        self.row().unit
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

impl Unit {
    /// The unit of a slope over days.
    pub fn per_day(self) -> Self {
        match self {
            Self::Usd => Self::UsdPerDay,
            Self::Count | Self::Blocks => Self::CountPerDay,
            Self::Native => Self::NativePerDay,
            Self::Bytes => Self::BytesPerDay,
            _ => Self::PerDay,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stands_where_its_metric_is_looked_up() {
        for row in TABLE {
            assert_eq!(row.metric.name(), row.name);
        }
    }
}
