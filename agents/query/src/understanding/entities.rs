//! What a question names: days, assets and figures, each with the words that name it.

mod pairing;

use chimera_questions::messages::Catalog;
use chimera_questions::{Metric, Ticker};

use super::assets::{self, AssetMention};
use super::days::{self, DayMention, Expression};
use super::metrics::{FIGURES, Figure, by_source_name};
use super::phrases::List;
use super::words::Words;

/// A figure in a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureMention {
    /// Which.
    pub figure: Figure,
    /// The tokens that name it.
    pub tokens: Vec<usize>,
}

/// What a question names, each kind in the order said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entities {
    /// Day expressions.
    pub days: Vec<DayMention>,
    /// Assets.
    pub assets: Vec<AssetMention>,
    /// Figures.
    pub figures: Vec<FigureMention>,
    /// The asset or currency that values were asked in, if not US dollars ("the price of ZEC in BTC").
    pub priced_in: Option<String>,
    /// For each token, whether it names one of the above.
    pub(super) taken: Vec<bool>,
}

/// Finds what a question names.
pub fn extract(words: &Words, catalog: &Catalog) -> Entities {
    let days = days::read::mentions(words);
    let mut taken = vec![false; words.tokens.len()];
    for mention in &days {
        taken[mention.tokens.clone()].fill(true);
    }
    let mut assets = assets::mentions(words, catalog, &taken);
    mark(&mut taken, assets.iter().map(|mention| &mention.tokens));
    let mut figures = figures(words, &taken);
    mark(&mut taken, figures.iter().map(|mention| &mention.tokens));
    drop_general(words, &mut figures);
    let priced_in = take_priced_in(words, &mut assets, &figures).map(|ticker| ticker.to_string());
    let priced_in = priced_in.or_else(|| take_currency(words, &mut taken));
    Entities {
        days,
        assets,
        figures,
        priced_in,
        taken,
    }
}

fn mark<'a>(taken: &mut [bool], mentions: impl Iterator<Item = &'a Vec<usize>>) {
    for token in mentions.flatten() {
        taken[*token] = true;
    }
}

/// Words that may stand between the words of a figure's name.
const BETWEEN: List =
    List("a, an, the, one, each, its, single, daily, average, on, individual, simple");

fn figures(words: &Words, taken: &[bool]) -> Vec<FigureMention> {
    let skip = |at: usize| taken[at] || words.is_in(at, BETWEEN) || words.is_mark(at, '(');
    let mut figures = Vec::new();
    let mut at = 0;
    while at < words.tokens.len() {
        let found = if taken[at] {
            None
        } else {
            figure_at(words, at, skip)
        };
        let found = found.filter(|(_, tokens)| tokens.iter().all(|token| !taken[*token]));
        match found {
            Some((figure, tokens)) => {
                // What stands between the words of one name may be the name of another thing, but an asset's only.
                at = tokens.last().map_or(at, |last| *last) + 1;
                figures.push(FigureMention { figure, tokens });
            }
            None => at += 1,
        }
    }
    figures
}

fn figure_at(
    words: &Words,
    at: usize,
    skip: impl Fn(usize) -> bool,
) -> Option<(Figure, Vec<usize>)> {
    if let Some(metric) = words
        .word(at)
        .filter(|word| word.len() > 4)
        .and_then(by_source_name)
    {
        return Some((Figure::Metric(metric), vec![at]));
    }
    if is_new_coins(words, at, &skip) {
        return Some((Figure::Metric(Metric::GeneratedCoins), vec![at]));
    }
    let found = FIGURES.longest_at(words, at, &skip)?;
    (!is_statistic_of_another(words, at, &found.1, skip)).then_some(found)
}

/// "How many new ZEC", but not "how many new ZEC addresses"; "new ZEC per day".
fn is_new_coins(words: &Words, at: usize, taken: impl Fn(usize) -> bool) -> bool {
    let counted = words.is_any_before(at, &["many", "much"])
        || words.is_any_before(at, &["of"])
            && at > 1
            && words.is_any(at - 2, &["number", "amount"])
        || words.is_any(at + 2, &["per", "each", "every"]);
    words.is_any(at, &["new"])
        && counted
        && taken(at + 1)
        && FIGURES
            .longest_at(words, at + 2, |_| false)
            .is_none_or(|(figure, _)| matches!(figure, Figure::Metric(Metric::GeneratedCoins)))
}

/// "The median transaction" is a figure, and "the median transaction volume" the median of another one.
fn is_statistic_of_another(
    words: &Words,
    at: usize,
    tokens: &[usize],
    skip: impl Fn(usize) -> bool,
) -> bool {
    words.is_any(at, &["median", "typical"])
        && tokens.get(1).is_some_and(|second| {
            FIGURES
                .longest_at(words, *second, skip)
                .is_some_and(|(_, other)| other.last() > tokens.last())
        })
}

/// Drops words that only introduce another figure: "the value of the fees", "the cost of mining difficulty".
fn drop_general(words: &Words, figures: &mut Vec<FigureMention>) {
    let general = |mention: &FigureMention| {
        mention.tokens.len() == 1
            && words.is_any(
                mention.tokens[0],
                &["value", "values", "worth", "cost", "costs"],
            )
    };
    let mut kept: Vec<FigureMention> = Vec::with_capacity(figures.len());
    let mut read = std::mem::take(figures).into_iter().peekable();
    while let Some(mention) = read.next() {
        let introduces = general(&mention)
            && read.peek().is_some_and(|next| {
                let between = mention.tokens[0] + 1..next.tokens[0];
                between.len() <= 5
                    && between
                        .into_iter()
                        .any(|at| words.is_any(at, &["of", "for"]))
            });
        let trails = general(&mention)
            && kept
                .last()
                .and_then(|before| before.tokens.last())
                .is_some_and(|last| last + 1 == mention.tokens[0]);
        if !introduces && !trails {
            kept.push(mention);
        }
    }
    // "Were mined" alone is about coins; after "blocks of ZEC" it is about those.
    if kept.len() > 1 {
        kept.retain(|mention| !words.is_any(mention.tokens[0], &["is", "was", "were", "are"]));
    }
    *figures = kept;
}

/// In "the price of ZEC in BTC" the second asset is a currency. Prices here are in US dollars.
fn take_priced_in(
    words: &Words,
    assets: &mut Vec<AssetMention>,
    figures: &[FigureMention],
) -> Option<Ticker> {
    let [first, second] = &assets[..] else {
        return None;
    };
    let end = first.tokens.last()?;
    let start = second.tokens.first()?;
    let named_in = words.is_any_before(*start, &["in"]);
    let only_figures_between = (end + 1..start - 1).all(|at| {
        figures.iter().any(|figure| figure.tokens.contains(&at))
            || words.is_any(at, &["worth", "value"])
    });
    if named_in && only_figures_between && first.ticker != second.ticker {
        return assets.pop().map(|asset| asset.ticker);
    }
    None
}

/// Currencies that values are not told in.
const CURRENCIES: List = List(
    "eur, euro, euros, gbp, pound, pounds, sterling, yen, jpy, yuan, cny, franc, francs, chf, won, krw, rupee, rupees, inr, \
     rubles, rub, cad, aud, satoshi, satoshis, sats",
);

fn take_currency(words: &Words, taken: &mut [bool]) -> Option<String> {
    let at = (0..words.tokens.len()).find(|at| {
        !taken[*at]
            && words.is_in(*at, CURRENCIES)
            && (words.is_any_before(*at, &["in", "to"]) || words.is_mark(at.wrapping_sub(1), '/'))
    })?;
    taken[at] = true;
    words.word(at).map(str::to_owned)
}

impl Entities {
    /// Whether the token at `at` names anything.
    pub(super) fn is_taken(&self, at: usize) -> bool {
        self.taken.get(at).is_some_and(|taken| *taken)
    }

    /// Whether the token at `at` names a metric.
    pub(super) fn is_metric(&self, at: usize) -> bool {
        self.figures
            .iter()
            .any(|figure| figure.tokens.contains(&at))
    }

    /// Whether the token at `at` names an asset.
    pub(super) fn is_asset(&self, at: usize) -> bool {
        self.assets.iter().any(|asset| asset.tokens.contains(&at))
    }

    /// Whether the new coins are asked for as what miners earn.
    pub(super) fn names_earnings(&self, words: &Words) -> bool {
        self.figures
            .iter()
            .filter(|mention| mention.figure == Figure::Metric(Metric::GeneratedCoins))
            .flat_map(|mention| &mention.tokens)
            .any(|at| words.is_any(*at, &["miners", "miner"]))
    }

    /// Whether the range asked for is by its words in the future: "tomorrow", "next week".
    pub(super) fn is_ahead(&self) -> bool {
        self.days.iter().any(|mention| match &mention.expression {
            Expression::Within(stretch) | Expression::Until(stretch) => stretch.is_ahead(),
            Expression::Between(_, end) => end.is_ahead(),
            _ => false,
        })
    }

    /// The metrics there are, each once.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        for mention in &self.figures {
            if let Figure::Metric(metric) = mention.figure
                && !metrics.contains(&metric)
            {
                metrics.push(metric);
            }
        }
        metrics
    }

    /// The assets, each once.
    pub(super) fn tickers(&self) -> Vec<Ticker> {
        let mut tickers: Vec<Ticker> = Vec::new();
        for mention in &self.assets {
            if !tickers.contains(&mention.ticker) {
                tickers.push(mention.ticker.clone());
            }
        }
        tickers
    }
}
