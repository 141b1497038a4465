//! From the parts of a question to its interpretation, or to why there is none.

mod across;
mod range;
mod refusal;
mod sentences;
mod strangers;
mod sums;
mod thresholds;

use chimera_questions::messages::Catalog;
use chimera_questions::{Intent, Interpretation, Metric, SeriesKey, Ticker};

use super::Understanding;
use super::entities::Entities;
use super::intents::Reading;
use super::words::Words;
use range::Range;

/// How sure a reading is before anything is assumed: never quite.
const CERTAINTY: f64 = 0.97;

/// What each assumption takes from the certainty.
const PER_ASSUMPTION: f64 = 0.05;

/// What each word takes from it that nothing was made of.
const PER_UNREAD: f64 = 0.08;

/// How many words are listed that nothing was made of.
const MAX_LEFT_OUT: usize = 5;

/// The least certainty that is told.
const LEAST: f64 = 0.05;

/// The asset that is meant when none is named.
const DEFAULT_ASSET: &str = "ZEC";

/// A word of the question; of one with digits only that it is one, since every number in the text of an answer is one of
/// its facts.
fn quoted(word: &str) -> String {
    if word.contains(|c: char| c.is_numeric()) {
        "a number".to_owned()
    } else {
        format!("\"{word}\"")
    }
}

/// A question taken apart, and what is known besides.
#[derive(Debug, Clone, Copy)]
struct Question<'a> {
    words: &'a Words,
    entities: &'a Entities,
    reading: &'a Reading,
    catalog: &'a Catalog,
    session: Option<&'a Ticker>,
}

/// What a question asks, or why that cannot be told or answered.
///
/// The interpretation's `confidence` is 0.97, less 0.05 for each assumption and 0.08 for each word of content that
/// nothing was made of, and at least 0.05.
pub fn interpret(
    words: &Words,
    entities: &Entities,
    reading: &Reading,
    catalog: &Catalog,
    session: Option<&Ticker>,
) -> Understanding {
    let question = Question {
        words,
        entities,
        reading,
        catalog,
        session,
    };
    let strangers = strangers::find(&question);
    if let Some(refusal) = refusal::before_reading(&question, &strangers) {
        return refusal;
    }
    let mut assumptions = Vec::new();
    let series = question.series(&strangers, &mut assumptions);
    let range = match range::choose(&question, &series) {
        Ok(range) => range,
        Err(no_such_day) => {
            return Understanding::NeedsClarification {
                interpretation: None,
                questions: vec![no_such_day],
            };
        }
    };
    let interpretation = question.interpretation(series, &range, assumptions);
    refusal::after_reading(&question, interpretation, &range, &strangers)
}

impl Question<'_> {
    /// What is asked for, with what is assumed where nothing is named.
    fn series(&self, strangers: &[String], assumptions: &mut Vec<String>) -> Vec<SeriesKey> {
        assumptions.extend(self.words.corrections.iter().map(|correction| {
            format!(
                "\"{}\" is taken for \"{}\".",
                correction.written, correction.taken_for
            )
        }));
        if self.words.cut {
            assumptions.push("The question is very long; only its beginning was read.".to_owned());
        }
        assumptions.extend(self.reading.assumption.map(str::to_owned));
        if let Some(currency) = &self.entities.priced_in {
            assumptions.push(format!("Values are in US dollars, not in {currency}."));
        }
        if self.entities.names_earnings(self.words) {
            assumptions
                .push("What miners earn is taken for the new coins, without the fees.".to_owned());
        }
        if self.entities.assets.is_empty() && !strangers.is_empty() {
            return Vec::new();
        }
        let asset = self.assumed_asset(assumptions);
        if self.entities.figures.is_empty() && !self.implies_price() {
            assumptions.push("No metric was named, so this is about the price.".to_owned());
        }
        self.entities.series(&asset, Metric::PriceUsd)
    }

    /// Whether a word says that the price is meant without being its name.
    fn implies_price(&self) -> bool {
        (0..self.words.tokens.len()).any(|at| self.words.is_any(at, &["cheapest", "priciest"]))
    }

    /// The asset for where none is named; assumed, and said, only then.
    fn assumed_asset(&self, assumptions: &mut Vec<String>) -> Ticker {
        if self.entities.assets.is_empty() {
            let (asset, why) = match self.session {
                Some(asset) => (asset.clone(), ", as before"),
                None => (self.default_asset(), ""),
            };
            assumptions.push(format!(
                "No asset was named, so this is about {asset}{why}."
            ));
            return asset;
        }
        self.default_asset()
    }

    fn default_asset(&self) -> Ticker {
        let usual = Ticker::new(DEFAULT_ASSET);
        let first = self.catalog.assets.keys().next();
        match first {
            Some(first) if !self.catalog.assets.contains_key(&usual) => first.clone(),
            _ => usual,
        }
    }

    fn interpretation(
        &self,
        series: Vec<SeriesKey>,
        range: &Range,
        mut assumptions: Vec<String>,
    ) -> Interpretation {
        assumptions.extend(range.assumptions.iter().cloned());
        assumptions.extend(sums::not_computed(self, &series, range));
        let confidence = self.confidence(assumptions.len());
        assumptions.extend(self.left_out());
        let mut assets: Vec<Ticker> = Vec::new();
        let mut metrics: Vec<Metric> = self.entities.metrics();
        for key in &series {
            if !metrics.contains(&key.metric) {
                metrics.push(key.metric);
            }
        }
        for ticker in self
            .entities
            .tickers()
            .iter()
            .chain(series.iter().map(|key| &key.asset))
        {
            if !assets.contains(ticker) {
                assets.push(ticker.clone());
            }
        }
        Interpretation {
            intent: range.intent,
            assets,
            metrics,
            series,
            from: range.period.from,
            to: range.period.to,
            periods: range.periods,
            extreme: self
                .reading
                .extreme
                .filter(|_| range.intent == Intent::Extreme),
            assumptions,
            confidence,
        }
    }

    /// The words that nothing was made of, as a sentence. It is no assumption that costs confidence: each word does.
    fn left_out(&self) -> Option<String> {
        let unread = &self.reading.unread;
        let first: Vec<String> = unread
            .iter()
            .take(MAX_LEFT_OUT)
            .map(|at| quoted(&self.words.tokens[*at].text))
            .collect();
        let more = if unread.len() > first.len() {
            " and more"
        } else {
            ""
        };
        (!first.is_empty())
            .then(|| format!("Not understood and left out: {}{more}.", first.join(", ")))
    }

    fn confidence(&self, assumptions: usize) -> f64 {
        let count = |count: usize| f64::from(u16::try_from(count).unwrap_or(u16::MAX));
        let doubt =
            count(assumptions) * PER_ASSUMPTION + count(self.reading.unread.len()) * PER_UNREAD;
        let confidence = (CERTAINTY - doubt).max(LEAST);
        (confidence * 100.0).round() / 100.0
    }
}
