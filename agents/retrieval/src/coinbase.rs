//! Coinbase Exchange: latest prices.

use chimera_questions::{
    Ticker,
    messages::{Quote, SourceError},
};
use chimera_shared::{Context, config::SourceConfig, http::Request};

use crate::{
    source::{Failure, Given, Name, Source, number},
    wire::coinbase::{self, ErrorBody, ticker_path, usd_product},
};

const NAME: Name = Name {
    source: "coinbase",
    peer: "exchange_api",
};

/// The path of a ticker as spans name it.
const TEMPLATE: &str = "/products/{product}/ticker";

/// The source of latest prices.
#[derive(Debug)]
pub(crate) struct Coinbase {
    source: Source,
}

impl Coinbase {
    pub(crate) fn new(config: &SourceConfig, recording: &str) -> Self {
        Self {
            source: Source::new(NAME, config, recording),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.source.name()
    }

    /// The latest price of `asset` in US dollars, or why it could not be had.
    pub(crate) async fn quote(
        &self,
        cx: &Context,
        asset: &Ticker,
    ) -> Result<Given<Quote>, SourceError> {
        let key = format!("coinbase:quote:{asset}");
        let ask = |cx| async move { self.latest(&cx, asset).await };
        let quote = self.source.once(cx, "get_price", &key, ask).await;
        quote
            .and_then(|given| traded(given, asset))
            .map_err(|failure| self.source.error(asset.to_string(), &failure))
    }

    /// `None` when the asset is not traded, which is an answer too, and cached like one.
    async fn latest(&self, cx: &Context, asset: &Ticker) -> Result<Given<Option<Quote>>, Failure> {
        let url = self.source.url(&ticker_path(&usd_product(asset)))?;
        let request = Request::get(url).template(TEMPLATE);
        match self.source.ask::<coinbase::Ticker>(cx, request).await {
            Ok(given) => quote(given, asset),
            Err(failure) if failure.status() == Some(404) => Ok(Given::new(None)),
            Err(failure) => Err(failure.in_words(said)),
        }
    }
}

fn quote(given: Given<coinbase::Ticker>, asset: &Ticker) -> Result<Given<Option<Quote>>, Failure> {
    let coinbase::Ticker { price, time, .. } = &given.value;
    let price_usd = number(price).ok_or_else(|| Failure::value("the price", price, "a number"))?;
    // Times are UTC, so the day is what stands before the `T`.
    let day = time.split('T').next().and_then(|day| day.parse().ok());
    let day = day.ok_or_else(|| Failure::value("the time of the trade", time, "a UTC time"))?;
    let quote = Quote {
        asset: asset.clone(),
        price_usd,
        day,
    };
    Ok(given.map(|_| Some(quote)))
}

fn traded(given: Given<Option<Quote>>, asset: &Ticker) -> Result<Given<Quote>, Failure> {
    let absent = || Failure::Absent(format!("it does not trade {asset} for US dollars"));
    given.transpose().ok_or_else(absent)
}

fn said(body: &[u8]) -> Option<String> {
    serde_json::from_slice(body)
        .ok()
        .map(|body: ErrorBody| body.message)
}
