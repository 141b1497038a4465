//! Coin Metrics API v4, as far as daily asset metrics need it.
//!
//! Source: the OpenAPI document behind <https://docs.coinmetrics.io/api/v4/>, operations `getTimeseriesAssetMetrics` and
//! `getCatalogV2AssetMetrics`. The root of the community API, which needs no key, is
//! `https://community-api.coinmetrics.io/v4`.

use std::collections::BTreeMap;

use chimera_questions::Day;
use serde::{Deserialize, Serialize};

/// Path of daily values below the API's base URL (which ends before `/v4`).
pub const ASSET_METRICS: &str = "/v4/timeseries/asset-metrics";
/// Path of what can be had, below the API's base URL.
pub const CATALOG_ASSET_METRICS: &str = "/v4/catalog-v2/asset-metrics";
/// The most items that a page may have (`page_size`); without the parameter it has 100.
pub const MAX_PAGE_SIZE: usize = 10_000;
/// The `frequency` of daily values.
pub const DAILY: &str = "1d";

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items; a page from the end has them in ascending order too.
    pub data: Vec<T>,
    /// The token of the page that follows; `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    /// The whole URL of the page that follows; `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_url: Option<String>,
}

/// The values of one asset on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetMetrics {
    /// The asset, in lower case.
    pub asset: String,
    /// The UTC day; on the wire its first nanosecond.
    #[serde(with = "midnight")]
    pub time: Day,
    /// Decimal numbers by metric. `None` where the day has no value of it; a metric that the asset never has is not
    /// there at all. Reviewable metrics bring `…-status` and `…-status-time` along.
    #[serde(flatten)]
    pub values: BTreeMap<String, Option<String>>,
}

/// What can be had of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogAsset {
    /// The asset, in lower case.
    pub asset: String,
    /// Its metrics.
    pub metrics: Vec<CatalogMetric>,
}

/// What can be had of one metric of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogMetric {
    /// The metric's name, for example `PriceUSD`.
    pub metric: String,
    /// How often it is computed.
    pub frequencies: Vec<CatalogFrequency>,
}

/// The range of a metric at one frequency. Fields about blocks (`1b`) are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogFrequency {
    /// `1d` for daily values.
    pub frequency: String,
    /// The UTC day of the first value.
    #[serde(with = "midnight")]
    pub min_time: Day,
    /// The UTC day of the last value.
    #[serde(with = "midnight")]
    pub max_time: Day,
    /// Whether it can be had without a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub community: Option<bool>,
}

/// The body of an answer that is not 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: ErrorObject,
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorObject {
    /// The kind, for programs: `bad_parameter`, `unauthorized`, `wrong_credentials`, `forbidden`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For people; may change without notice.
    pub message: String,
}

/// A UTC day as the time of its first nanosecond: `2019-01-31T00:00:00.000000000Z`.
mod midnight {
    use chimera_questions::Day;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(day: &Day, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{day}T00:00:00.000000000Z"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let time = String::deserialize(deserializer)?;
        // Times are always UTC, so the day is what stands before the `T`; other frequencies have times of the day.
        let day = time.split('T').next().unwrap_or_default();
        day.parse()
            .map_err(|_| D::Error::custom(format!("`{time}` is not a UTC time")))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_documented_example_is_read() {
        let page: Page<AssetMetrics> = serde_json::from_str(
            r#"{"data":[{"asset":"btc","time":"2020-02-29T00:00:00.000000000Z","PriceUSD":"8582.09029964933",
                "SplyBMXNtv":null,"SplyBMXNtv-status":"reviewed"}],
                "next_page_token":"0.MjAyMC0wNi0wN1QwMDowMDowMFo",
                "next_page_url":"https://api.coinmetrics.io/v4/timeseries/asset-metrics?page_size=2"}"#,
        )
        .expect("the documented shape");
        assert_eq!(page.data[0].time, date(2020, 2, 29));
        assert_eq!(
            page.data[0].values["PriceUSD"].as_deref(),
            Some("8582.09029964933")
        );
        assert_eq!(page.data[0].values["SplyBMXNtv"], None);
    }

    #[test]
    fn a_catalog_with_other_frequencies_is_read() {
        let asset: CatalogAsset = serde_json::from_str(
            r#"{"asset":"btc","metrics":[{"metric":"AdrActCnt","frequencies":[
                {"frequency":"1b","min_time":"2009-01-03T18:15:05.000000000Z","max_time":"2023-05-11T14:40:34.000000000Z",
                 "min_height":"0","max_height":"789270"},
                {"frequency":"1d","min_time":"2009-01-03T00:00:00.000000000Z","max_time":"2023-05-10T00:00:00.000000000Z",
                 "community":true}]}]}"#,
        )
        .expect("the documented shape");
        let daily = &asset.metrics[0].frequencies[1];
        assert_eq!(
            (daily.min_time, daily.max_time),
            (date(2009, 1, 3), date(2023, 5, 10))
        );
        assert_eq!(daily.community, Some(true));
    }
}
