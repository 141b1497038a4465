//! Coinbase Exchange's public market API.
//!
//! Sources: <https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-all-known-trading-pairs>,
//! `get-single-product`, `get-product-ticker` and `get-product-candles` beside it. The root is
//! `https://api.exchange.coinbase.com`. Every number is a string.

use serde::{Deserialize, Serialize};

/// Path of the list of products below the API's base URL; one product is `/products/{id}`.
pub const PRODUCTS: &str = "/products";

/// The product in which `ticker` is traded for US dollars: `ZEC-USD`.
pub fn usd_product(ticker: &chimera_questions::Ticker) -> String {
    format!("{ticker}-USD")
}

/// Path of a product's ticker: `/products/ZEC-USD/ticker`.
pub fn ticker_path(product: &str) -> String {
    format!("{PRODUCTS}/{product}/ticker")
}

/// A trading pair. Which orders it takes is left out but for whether it trades.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// For example `ZEC-USD`.
    pub id: String,
    /// What is traded, for example `ZEC`.
    pub base_currency: String,
    /// What it is paid in, for example `USD`.
    pub quote_currency: String,
    /// For people, for example `ZEC/USD`.
    pub display_name: String,
    /// `online`, `offline`, `internal` or `delisted`; not known of a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether trading is stopped; not known of a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_disabled: Option<bool>,
}

/// The last trade of a product, its best offers, and its volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticker {
    /// The trade's number; not known of a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade_id: Option<u64>,
    /// The last price, in the quote currency.
    pub price: String,
    /// The trade's size, in the base currency; not known of a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// When it was, RFC 3339 in UTC.
    pub time: String,
    /// The best bid, in the quote currency; not known of a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<String>,
    /// The best ask, in the quote currency; not known of a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// The volume of 24 hours, in the base currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
}

/// The body of an answer that is not 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong, for example `NotFound`.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_ticker_is_read() {
        let ticker: Ticker = serde_json::from_str(
            r#"{"ask":"0.998","bid":"0.997094","volume":"1903188.03750000","trade_id":843439,"price":"0.997999",
                "size":"80.29769","time":"2020-01-28T02:13:33.012523Z","rfq_volume":"12.1"}"#,
        )
        .expect("the documented shape");
        assert_eq!(ticker.price, "0.997999");
        assert_eq!(ticker.trade_id, Some(843_439));
    }
}
