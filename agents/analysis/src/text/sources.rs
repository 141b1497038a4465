//! Where the data is from, and what is missing of it.

use chimera_questions::{
    Period, SeriesKey, SourceUse,
    messages::{Fetched, SourceError},
};

use crate::observed;

/// What `error` keeps from the asker.
pub(crate) fn wanted_of(error: &SourceError) -> &str {
    match error.source.as_str() {
        "coinbase" => "the latest price",
        "zcash" => "the block height",
        _ => &error.wanted,
    }
}

/// A sentence that says what is missing, without the details, which the warnings have.
pub(crate) fn missing(data: &Fetched, empty: &[&SeriesKey]) -> Option<String> {
    let mut parts: Vec<String> = empty
        .iter()
        .map(|key| format!("{} {} (no value in the range)", key.asset, key.metric))
        .collect();
    parts.extend(data.errors.iter().map(|error| {
        let source = display_name(&error.source);
        format!("{} ({source} failed)", wanted_of(error))
    }));
    (!parts.is_empty()).then(|| format!("Missing: {}.", parts.join(", ")))
}

/// Each source with the days it gave, and whether that is a recording.
pub(crate) fn named(data: &Fetched) -> Vec<String> {
    let of = |recorded| {
        let used: Vec<String> = data
            .sources
            .iter()
            .filter(|source| source.recorded == recorded)
            .filter_map(with_days)
            .collect();
        (!used.is_empty()).then(|| used.join(", "))
    };
    let live = of(false).map(|used| format!("Source, live: {used}."));
    let recorded = of(true).map(|used| {
        let today = data.today;
        format!("Source, recorded rather than live: {used}; the recording ends on {today}.")
    });
    live.into_iter().chain(recorded).collect()
}

/// `Coin Metrics (2019-01-01 to 2019-01-31)`; `None` of a source that gave nothing.
fn with_days(source: &SourceUse) -> Option<String> {
    let days = observed::range(Period {
        from: source.from?,
        to: source.to?,
    });
    Some(format!("{} ({days})", display_name(&source.name)))
}

fn display_name(source: &str) -> &str {
    match source {
        "coinmetrics" => "Coin Metrics",
        "coinbase" => "Coinbase",
        "zcash" => "Zcash node",
        other => other,
    }
}
