//! The parameters of Coin Metrics' API v4, and how it refuses bad ones.
//!
//! The texts of unsupported values, of bad times and of too large pages are the documented ones; where the documentation
//! has no text for a refusal, only its form (`bad_parameter`, `Bad parameter '…'. …`) is followed.

use std::collections::BTreeMap;

use axum::{Json, http::StatusCode};
use chimera_questions::{Metric, Ticker};
use jiff::civil::{Date, DateTime};

use super::super::{Refusal, parameters};
use crate::{
    recorded::Recording,
    wire::coin_metrics::{DAILY, ErrorBody, ErrorObject},
};

pub(super) type Failed = Refusal<ErrorBody>;

/// Parameters that ask for what a recording of daily values cannot give, each with the one value that asks for nothing.
const UNRECORDED: &[(&str, &str)] = &[
    ("frequency", DAILY),
    ("timezone", "UTC"),
    ("format", "json"),
    ("status", "all"),
    ("null_as_zero", "false"),
    ("start_height", ""),
    ("end_height", ""),
    ("start_hash", ""),
    ("end_hash", ""),
    ("min_confirmations", ""),
];

const TIME_FORMATS: &str = "Supported formats are 'yyyy-MM-dd', 'yyyyMMdd', 'yyyy-MM-ddTHH:mm:ss', 'yyyy-MM-ddTHHmmss', \
     'yyyy-MM-ddTHH:mm:ss.SSS', 'yyyy-MM-ddTHHmmss.SSS', 'yyyy-MM-ddTHH:mm:ss.SSSSSS', 'yyyy-MM-ddTHHmmss.SSSSSS', \
     'yyyy-MM-ddTHH:mm:ss.SSSSSSSSS', 'yyyy-MM-ddTHHmmss.SSSSSSSSS'.";

/// The parameters of one request.
pub(super) struct Parameters(BTreeMap<String, String>);

/// From when to when.
pub(super) struct Range {
    start: Option<(DateTime, bool)>,
    end: Option<(DateTime, bool)>,
}

impl Range {
    /// Whether the first moment of `day` lies in the range.
    pub(super) fn contains(&self, day: Date) -> bool {
        let time = day.to_datetime(jiff::civil::Time::midnight());
        let after = self
            .start
            .is_none_or(|(start, inclusive)| time > start || (inclusive && time == start));
        let before = self
            .end
            .is_none_or(|(end, inclusive)| time < end || (inclusive && time == end));
        after && before
    }
}

impl Parameters {
    pub(super) fn new(query: Option<&str>) -> Self {
        Self(parameters(query))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn refuse_unrecorded(&self) -> Result<(), Failed> {
        let asked = UNRECORDED.iter().find_map(|(name, nothing)| {
            let value = self.get(name).filter(|value| value != nothing)?;
            Some(not_supported(name, value))
        });
        asked.map_or(Ok(()), Err)
    }

    /// The assets, `*` for all; `None` when not said.
    pub(super) fn assets(&self, recording: &Recording) -> Result<Option<Vec<Ticker>>, Failed> {
        if self.get("assets") == Some("*") {
            return Ok(Some(recording.tickers().cloned().collect()));
        }
        let mut assets = self.list("assets", |name| {
            let ticker = Ticker::new(name);
            recording
                .tickers()
                .any(|known| *known == ticker)
                .then_some(ticker)
        })?;
        // Results are ordered by asset, whatever the order asked in.
        if let Some(assets) = &mut assets {
            assets.sort();
            assets.dedup();
        }
        Ok(assets)
    }

    /// The metrics by their names in the API; `None` when not said.
    pub(super) fn metrics(&self) -> Result<Option<Vec<Metric>>, Failed> {
        self.list("metrics", Metric::from_coin_metrics)
    }

    pub(super) fn ignores_unsupported(&self) -> bool {
        self.get("ignore_unsupported_errors") == Some("true")
    }

    pub(super) fn range(&self) -> Result<Range, Failed> {
        Ok(Range {
            start: self.time("start_time", "start_inclusive")?,
            end: self.time("end_time", "end_inclusive")?,
        })
    }

    pub(super) fn limit_per_asset(&self) -> Result<usize, Failed> {
        match self
            .get("limit_per_asset")
            .map(|value| (value, value.parse()))
        {
            None => Ok(usize::MAX),
            Some((_, Ok(limit))) if limit > 0 => Ok(limit),
            Some((value, _)) => Err(not_supported("limit_per_asset", value)),
        }
    }

    pub(super) fn sorted_by_time(&self) -> Result<bool, Failed> {
        match self.get("sort") {
            None | Some("asset") => Ok(false),
            Some("time") => Ok(true),
            Some(other) => Err(not_supported("sort", other)),
        }
    }

    fn list<T>(
        &self,
        name: &str,
        known: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Failed> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let mut items = Vec::new();
        for item in value.split(',') {
            match known(item) {
                Some(item) => items.push(item),
                None if self.ignores_unsupported() => {}
                None => return Err(not_supported(name, item)),
            }
        }
        Ok(Some(items))
    }

    fn time(&self, name: &str, inclusive: &str) -> Result<Option<(DateTime, bool)>, Failed> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let time = moment(value).ok_or_else(|| {
            bad_parameter(
                name,
                &format!("Incorrect time format '{value}'. {TIME_FORMATS}"),
            )
        })?;
        Ok(Some((time, self.flag(inclusive)?)))
    }

    /// A flag that is true unless said.
    fn flag(&self, name: &str) -> Result<bool, Failed> {
        match self.get(name) {
            None | Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(not_supported(name, other)),
        }
    }
}

/// A UTC time in one of the documented formats; the `Z` is optional.
fn moment(text: &str) -> Option<DateTime> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    // An offset or a zone behind the time would be read and ignored.
    let plain = text
        .chars()
        .all(|c| c.is_ascii_digit() || "-T:.".contains(c));
    text.parse().ok().filter(|_| plain)
}

pub(super) fn missing(name: &str) -> Failed {
    bad_parameter(name, "The parameter is required.")
}

pub(super) fn not_supported(name: &str, value: &str) -> Failed {
    bad_parameter(name, &format!("Value '{value}' is not supported."))
}

pub(super) fn bad_parameter(name: &str, text: &str) -> Failed {
    let error = ErrorObject {
        kind: "bad_parameter".to_owned(),
        message: format!("Bad parameter '{name}'. {text}"),
    };
    (StatusCode::BAD_REQUEST, Json(ErrorBody { error }))
}
