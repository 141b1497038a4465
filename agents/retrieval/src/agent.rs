//! The agent: what it is asked over the bus.

use std::{sync::Arc, time::Duration};

use chimera_questions::{
    Metric, Period, Ticker,
    messages::{
        Catalog, DATA_RETRIEVAL_CATALOG, DATA_RETRIEVAL_REQUEST, DescribeData, FetchData, Fetched,
    },
};
use chimera_shared::{BaseAgent, Context, HandleError, config::SourcesConfig};

use crate::{Sources, fetch::fetch, source, zcash};

/// More than the sources are ever given, so that a slow source is missing from an answer rather than the answer itself.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(30);

/// `data_retrieval_agent`, with the sources of `config`.
///
/// A source whose URL is `recorded:` is asked at `config.recorded_url`, else at `config.listen`, where `chimera sources`
/// serves the recording.
pub fn agent(config: &SourcesConfig) -> BaseAgent {
    let sources = Arc::new(Sources::new(config));
    let describing = Arc::clone(&sources);
    BaseAgent::new("data_retrieval_agent")
        .handler_timeout(HANDLER_TIMEOUT)
        .uses_timeseries()
        .on(DATA_RETRIEVAL_REQUEST, move |cx, wanted| {
            on_fetch(Arc::clone(&sources), cx, wanted)
        })
        .on(DATA_RETRIEVAL_CATALOG, move |cx, _: DescribeData| {
            on_describe(Arc::clone(&describing), cx)
        })
}

async fn on_fetch(
    sources: Arc<Sources>,
    cx: Context,
    wanted: FetchData,
) -> Result<Fetched, HandleError> {
    let span = source::bounded(&cx).span("fetch_data");
    Ok(fetch(&sources, &span, &wanted).await)
}

async fn on_describe(sources: Arc<Sources>, cx: Context) -> Result<Catalog, HandleError> {
    let span = source::bounded(&cx).span("describe_data");
    let given = sources
        .coin_metrics
        .catalog(&span)
        .await
        .map_err(|failure| {
            // It was tried again as often as the source's settings say; the message is not to be, too.
            HandleError::permanent(anyhow::anyhow!(
                "{}: {}",
                sources.coin_metrics.name(),
                failure.message()
            ))
        })?;
    let (today, recorded) = (given.today(), given.recorded_until.is_some());
    let mut assets = given.value;
    // The node tells the height of the chain now, and of no other day.
    if let Some(metrics) = assets.get_mut(&Ticker::new(zcash::CHAIN)) {
        metrics.insert(
            Metric::BlockHeight,
            Period {
                from: today,
                to: today,
            },
        );
    }
    Ok(Catalog {
        today,
        recorded,
        assets,
    })
}
