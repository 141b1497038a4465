//! The words that hint at an intent.

use std::sync::LazyLock;

use chimera_questions::interpretation::Extreme;

use crate::understanding::phrases::{List, Phrases};

/// What a phrase hints at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::understanding) enum Cue {
    Forecast,
    Why,
    Correlate,
    Anomaly,
    Compare,
    Extreme(Extreme),
    /// "How high did it go", which is a highest; "how high was it" asks for a value.
    HowFar(Extreme),
    /// "High" and "low", which are an extreme only as nouns.
    Noun(Extreme),
    /// "Most" and "least", which are an extreme only before a figure.
    Most(Extreme),
    Summary,
    Describe,
    Trend,
    Value,
}

const CUES: &[(Cue, &str)] = &[
    (
        Cue::Forecast,
        "will, predict, predicts, predicted, prediction, predictions, forecast, forecasts, forecasting, \
         going to, gonna, heading, headed, expect, expected, expectation, outlook, projection, projected, \
         future, shall, estimate for next",
    ),
    (
        Cue::Why,
        "why, what caused, cause, causes, caused, reason, reasons, explain, explains, explained, \
         explanation, what drove, drove, what led to, what is behind, what was behind, how come, due to, \
         because of, responsible for, what triggered, triggered, what made",
    ),
    (
        Cue::Correlate,
        "correlate, correlates, correlated, correlation, correlations, correlating, move together, \
         moved together, moves together, moving together, go together, depend, depends, depended, dependent, \
         lead, leads, lag, lags, lagged, relationship, related, relation, link between, connection, \
         connected, in step, follow, follows, followed, influence, influences, influenced, in sync, \
         move with, moves with, moved with, move in tandem, tandem, track, tracks, coupled",
    ),
    (
        Cue::Anomaly,
        "unusual, unusually, anomaly, anomalies, anomalous, spike, spikes, spiked, outlier, outliers, \
         strange, abnormal, weird, odd, suspicious, irregular, irregularities, unexpected, extraordinary",
    ),
    (
        Cue::Compare,
        "compare, compares, compared, comparing, comparison, versus, vs, than, outperform, outperformed, \
         outperforms, difference between, relative to, differ, differs, differed, against, beat, beats, \
         as much as, as many as, in comparison",
    ),
    (
        Cue::Extreme(Extreme::Highest),
        "highest, peak, peaks, peaked, maximum, maximal, max, maxima, largest, biggest, greatest, ath, top, \
         topped, record, high point, highest point, priciest, most valuable, strongest, \
         all time highest, best",
    ),
    (
        Cue::Extreme(Extreme::Lowest),
        "lowest, bottom, bottoms, bottomed, minimum, minimal, min, minima, smallest, atl, floor, trough, \
         low point, lowest point, cheapest, least valuable, nadir, weakest, worst",
    ),
    (
        Cue::Extreme(Extreme::BestDay),
        "best day, best days, best trading day, best performing day, best performance, best week, \
         best month, strongest day, rise the most, rose the most, gain the most, gained the most, \
         grow the most, grew the most, jump the most, jumped the most, increase the most, \
         increased the most, go up the most, went up the most, up the most, rise most, rose most",
    ),
    (
        Cue::Extreme(Extreme::WorstDay),
        "worst day, worst days, worst trading day, worst performing day, worst performance, worst week, \
         worst month, weakest day, fall the most, fell the most, drop the most, dropped the most, \
         decline the most, declined the most, lose the most, lost the most, decrease the most, \
         decreased the most, crash the most, go down the most, went down the most, down the most, fall most, \
         fell most",
    ),
    (
        Cue::HowFar(Extreme::Highest),
        "how high did, how high has, how high had, how high could",
    ),
    (
        Cue::HowFar(Extreme::Lowest),
        "how low did, how low has, how low had, how low could",
    ),
    (Cue::Noun(Extreme::Highest), "high, highs"),
    (Cue::Noun(Extreme::Lowest), "low, lows"),
    (Cue::Most(Extreme::Highest), "most"),
    (Cue::Most(Extreme::Lowest), "least, fewest"),
    (
        Cue::Summary,
        "statistics, statistic, stats, statistical, average, averages, averaged, mean, median, medians, \
         overview, summary, summarize, summarise, volatile, volatility, standard deviation, deviation, std, \
         variance, quartile, quartiles, distribution, percentile, percentiles, typical, typically, \
         on average, fluctuate, fluctuated, fluctuation, fluctuations, how stable, spread out, stddev",
    ),
    (
        Cue::Describe,
        "describe, description, everything, analysis, analyse, analyze",
    ),
    (
        Cue::Trend,
        "trend, trends, trended, trending, develop, develops, developed, developing, development, \
         developments, rise, rises, rising, rose, risen, fall, falls, falling, fell, fallen, drop, drops, \
         dropped, dropping, gain, gains, gained, gaining, grow, grows, grew, grown, growing, growth, \
         increase, increases, increased, increasing, decrease, decreases, decreased, decreasing, decline, \
         declines, declined, declining, perform, performs, performed, performing, performance, change, \
         changes, changed, changing, evolve, evolves, evolved, evolving, evolution, chart, charts, graph, \
         plot, course, movement, movements, move, moves, moved, moving, going up, going down, go up, \
         go down, went up, went down, gone up, gone down, up or down, direction, doing, done, fare, fared, \
         crash, crashed, crashing, climb, climbed, climbing, surge, surged, soar, soared, plunge, plunged, \
         slump, slumped, rally, rallied, return, returns, lose, loses, lost, losing, recover, recovered, \
         recovery, momentum, over time, trajectory, how did, how has, go, what happened, happened, upwards, \
         downwards, upward, downward, up, down, timeline, progress, slide, slid, tank, tanked, jump, jumped, \
         shrink, shrank, double, doubled, halve, halved, how was, how were, how is, how are, stable, steady, \
         flat, bullish, bearish, loss, losses, changed by, appreciate, appreciated, depreciate, depreciated, \
         went, behave, behaved",
    ),
    (
        Cue::Value,
        "how much, how many, latest, how high, how low, how large, how big",
    ),
];

/// Words that the biggest of changes is called by.
pub(super) const SIZES: List = List(
    "biggest, largest, greatest, highest, strongest, sharpest, steepest, best, worst, most, max, maximum, top",
);

/// Words for a change upwards.
pub(super) const GAINS: List = List(
    "gain, gains, rise, rises, increase, increases, jump, jumps, growth, return, returns, rally, change, \
     move, surge, spike, swing, climb, upswing, pump",
);

/// Words for a change downwards.
pub(super) const LOSSES: List = List(
    "drop, drops, fall, falls, loss, losses, decline, declines, decrease, decreases, crash, plunge, dip, \
     slump, dump, downswing, correction",
);

/// Every phrase that hints at an intent.
pub(super) static PHRASES: LazyLock<Phrases<Cue>> =
    LazyLock::new(|| Phrases::new(CUES.iter().map(|(cue, phrases)| (*cue, *phrases))));

/// Words that may stand between the words of a hint: "biggest daily drop", "rise by the most".
pub(super) const BETWEEN: List =
    List("daily, single, one, day, intraday, percentage, percent, by, it, its, ever, 1");

/// Every word of every hint, with what it hints at.
pub(in crate::understanding) fn words() -> impl Iterator<Item = (&'static str, Cue)> {
    PHRASES.words()
}

/// First words of hints that are in all kinds of questions.
pub(super) const VAGUE: List = List(
    "how, what, will, go, went, up, down, best, worst, top, done, doing, happened, lost, lose, lead, \
     leads, follow, follows, followed, future, record, going, beat, beats, against, reason, reasons, \
     cause, causes, caused, why, explain, related, because, responsible, low, high, than",
);

/// Words that "high" and "low" are nouns after.
pub(super) const BEFORE_NOUN: List = List(
    "time, alltime, record, the, its, a, an, year, month, week, day, days, weeks, months, years, yearly, \
     monthly, weekly, daily, annual, new, historic, historical, hit, multi, price, what, all, ever, w",
);
