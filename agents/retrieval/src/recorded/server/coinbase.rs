//! Coinbase Exchange from a recording.

use axum::{Json, extract::Path, http::StatusCode};
use chimera_questions::{Metric, Ticker};

use super::{Refusal, Shared, decimal};
use crate::{recorded::Recording, wire::coinbase};

/// `GET /products`: a pair with US dollars for each asset that has a price.
pub(super) async fn products(recording: Shared) -> Json<Vec<coinbase::Product>> {
    let priced = recording
        .tickers()
        .filter(|ticker| recording.points(ticker, Metric::PriceUsd).is_some());
    Json(priced.map(describe).collect())
}

/// `GET /products/{id}`
pub(super) async fn product(
    recording: Shared,
    Path(id): Path<String>,
) -> Result<Json<coinbase::Product>, Refusal<coinbase::ErrorBody>> {
    let asset = asset_of(&recording, &id).ok_or_else(refusal)?;
    Ok(Json(describe(&asset)))
}

/// `GET /products/{id}/ticker`: price and volume of the asset's last recorded day.
pub(super) async fn ticker(
    recording: Shared,
    Path(id): Path<String>,
) -> Result<Json<coinbase::Ticker>, Refusal<coinbase::ErrorBody>> {
    let asset = asset_of(&recording, &id).ok_or_else(refusal)?;
    last_day_of(&recording, &asset)
        .map(Json)
        .ok_or_else(refusal)
}

/// What the exchange says of a path that it does not have; candles too, since none are recorded.
pub(super) async fn not_found() -> Refusal<coinbase::ErrorBody> {
    refusal()
}

/// The recorded asset that the product trades for US dollars.
fn asset_of(recording: &Recording, product: &str) -> Option<Ticker> {
    let product = product.to_ascii_uppercase();
    let asset = Ticker::new(product.strip_suffix("-USD")?);
    recording.points(&asset, Metric::PriceUsd).map(|_| asset)
}

fn last_day_of(recording: &Recording, asset: &Ticker) -> Option<coinbase::Ticker> {
    let &(day, price) = recording.points(asset, Metric::PriceUsd)?.last()?;
    let volume_usd = recording
        .points(asset, Metric::ExchangeVolumeUsd)
        .and_then(|points| points.last())
        .filter(|&&(volume_day, _)| volume_day == day);
    Some(coinbase::Ticker {
        trade_id: None,
        price: decimal(price),
        size: None,
        // The figure is one of the day; the time of its last trade is not recorded.
        time: format!("{day}T00:00:00Z"),
        bid: None,
        ask: None,
        // The exchange counts its volume in the base currency, the recording in US dollars; eight decimals are a coin's.
        volume: volume_usd
            .filter(|_| price > 0.0)
            .map(|&(_, usd)| format!("{:.8}", usd / price)),
    })
}

fn describe(asset: &Ticker) -> coinbase::Product {
    coinbase::Product {
        id: coinbase::usd_product(asset),
        base_currency: asset.to_string(),
        quote_currency: "USD".to_owned(),
        display_name: format!("{asset}/USD"),
        status: None,
        trading_disabled: None,
    }
}

fn refusal() -> Refusal<coinbase::ErrorBody> {
    let message = "NotFound".to_owned();
    (StatusCode::NOT_FOUND, Json(coinbase::ErrorBody { message }))
}
