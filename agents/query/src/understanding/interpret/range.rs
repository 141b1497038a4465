//! The days that a question is about.

use chimera_questions::messages::Catalog;
use chimera_questions::query::Clarification;
use chimera_questions::{Day, Intent, Metric, Period, SeriesKey};

use super::Question;
use super::sentences::{no_such_day, stretches, taken_for};
use crate::understanding::days::resolve::{Aim, Clock, Reach, moved, one};
use crate::understanding::days::{Expression, Stretch, Unit, Year};

// Both are told in words, since every number in the text of an answer is one of its facts.
/// How many days a question without a range is about.
const DEFAULT_DAYS: i32 = 30;

/// How many days a forecast without a range is about.
const FORECAST_DAYS: i32 = 7;

/// The days that a question is about, and the intent that follows from them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    pub(super) intent: Intent,
    pub(super) period: Period,
    pub(super) periods: Option<[Period; 2]>,
    /// Whether it lies wholly after today though no forecast is asked for.
    pub(super) future: bool,
    /// Whether it holds no day, such as the days before the first.
    pub(super) empty: bool,
    pub(super) assumptions: Vec<String>,
}

/// Chooses the days.
///
/// # Errors
/// What to ask back, when a day is named that does not exist.
pub(super) fn choose(
    question: &Question<'_>,
    series: &[SeriesKey],
) -> Result<Range, Clarification> {
    let chooser = Chooser {
        question,
        series,
        intent: question.reading.intent,
        clock: Clock {
            today: question.catalog.today,
            first: first_day(question.catalog, series),
            aim: match question.reading.intent {
                Intent::Forecast => Aim::Future,
                _ => Aim::Past,
            },
        },
    };
    chooser.choose()
}

/// The first day with a value of any of the series.
fn first_day(catalog: &Catalog, series: &[SeriesKey]) -> Day {
    series
        .iter()
        .filter_map(|key| known(catalog, key))
        .map(|period| period.from)
        .min()
        .unwrap_or(catalog.today)
}

/// The days for which a series has values; a chain's height is known for today only.
pub(super) fn known(catalog: &Catalog, key: &SeriesKey) -> Option<Period> {
    let metrics = catalog.assets.get(&key.asset)?;
    match key.metric {
        Metric::BlockHeight => (key.asset.as_str() == "ZEC").then(|| one(catalog.today)),
        metric => metrics.get(&metric).copied(),
    }
}

struct Chooser<'a> {
    question: &'a Question<'a>,
    series: &'a [SeriesKey],
    intent: Intent,
    clock: Clock,
}

impl Chooser<'_> {
    fn choose(&self) -> Result<Range, Clarification> {
        let expressions = self.expressions();
        let mut assumptions = Vec::new();
        let mut reaches = Vec::new();
        for expression in &expressions {
            let reach = self
                .clock
                .reach(expression)
                .ok_or_else(|| no_such_day(expression))?;
            self.say(expression, reach, &mut assumptions);
            reaches.push(reach);
        }
        let periods = match &reaches[..] {
            [first, second, ..] if self.intent == Intent::Comparison => {
                Some([self.cut(first.period), self.cut(second.period)])
            }
            _ => None,
        };
        let period = match &reaches[..] {
            [] => self.default_period(&mut assumptions),
            [only] => only.period,
            several => self.joined(&expressions, several, &mut assumptions),
        };
        let mut range = self.bounded(period, assumptions);
        range.periods = periods;
        self.settle(&mut range, &expressions);
        Ok(range)
    }

    /// The expressions that count: "now" is none for what needs more than a day, "ever" none beside another range, and
    /// a month without a year lies in the year that stands elsewhere in the sentence.
    fn expressions(&self) -> Vec<Expression> {
        let all: Vec<&Expression> = self
            .question
            .entities
            .days
            .iter()
            .map(|day| &day.expression)
            .collect();
        let several = all.len() > 1;
        let years: Vec<i16> = all
            .iter()
            .filter_map(|expression| match expression {
                Expression::Within(Stretch::Year(year)) => Some(*year),
                Expression::Within(stretch) => said_year(stretch),
                _ => None,
            })
            .collect();
        let now_counts = matches!(self.intent, Intent::Value | Intent::Comparison);
        let lends = several && years.len() == 1;
        all.into_iter()
            .filter(|expression| match expression {
                Expression::Within(Stretch::AllTime) => !several,
                Expression::Within(Stretch::Now) => {
                    now_counts && (!several || self.intent == Intent::Comparison)
                }
                Expression::Within(Stretch::Year(_)) => !(lends && self.lends_away()),
                _ => true,
            })
            .map(|expression| match expression {
                Expression::Within(stretch) if lends && stretch.has_open_year() => {
                    Expression::Within(stretch.clone().in_year(Year::Said(years[0])))
                }
                other => other.clone(),
            })
            .collect()
    }

    /// Whether a year in the sentence is the year of a month elsewhere in it, and no range of its own.
    fn lends_away(&self) -> bool {
        self.intent != Intent::Comparison
            && self.question.entities.days.iter().any(
                |day| matches!(&day.expression, Expression::Within(stretch) if stretch.has_open_year()),
            )
    }

    /// Several ranges as one: what they have in common where one bounds the other ("since March, before May"), else all
    /// of them; what lies between is said.
    fn joined(
        &self,
        expressions: &[Expression],
        reaches: &[Reach],
        assumptions: &mut Vec<String>,
    ) -> Period {
        let mut periods: Vec<Period> = reaches.iter().map(|reach| reach.period).collect();
        periods.sort_by_key(|period| (period.from, period.to));
        let (mut all, mut inner) = (periods[0], periods[0]);
        let mut gap = false;
        for period in &periods[1..] {
            gap |= moved(all.to, 1, Unit::Day) < period.from;
            all.to = all.to.max(period.to);
            inner.from = period.from;
            inner.to = inner.to.min(period.to);
        }
        let bounds = expressions.iter().any(|expression| {
            !matches!(expression, Expression::Within(_) | Expression::Between(..))
        });
        if self.intent == Intent::Comparison {
            return all;
        }
        if inner.from <= inner.to && (bounds || periods.contains(&inner)) {
            return inner;
        }
        if gap {
            let Period { from, to } = self.cut(all);
            assumptions.push(format!(
                "Several ranges are named, so this is about all from the first to the last day, {from} to {to}."
            ));
        }
        all
    }

    fn say(&self, expression: &Expression, reach: Reach, assumptions: &mut Vec<String>) {
        assumptions.extend(stretches(expression).into_iter().filter_map(taken_for));
        if reach.swapped {
            let Period { from, to } = reach.period;
            assumptions.push(format!(
                "The ends of the range were swapped, so it is from {from} to {to}."
            ));
        }
        if reach.named_future
            && self.intent != Intent::Forecast
            && reach.period.from <= self.clock.today
        {
            assumptions.push(format!("The range ends today, {}.", self.clock.today));
        }
    }

    /// Cut at today, unless the future is asked for.
    fn cut(&self, period: Period) -> Period {
        if self.intent == Intent::Forecast || period.from > self.clock.today {
            return period;
        }
        Period {
            from: period.from,
            to: period.to.min(self.clock.today),
        }
    }

    fn bounded(&self, period: Period, mut assumptions: Vec<String>) -> Range {
        let tomorrow = moved(self.clock.today, 1, Unit::Day);
        let forecast = self.intent == Intent::Forecast;
        let mut period = self.cut(period);
        if forecast && period.to < tomorrow {
            period = self.next_days();
            assumptions.push(format!(
                "A forecast is about days to come, so this is about the next seven, {} to {}.",
                period.from, period.to
            ));
        } else if forecast {
            period.from = period.from.max(tomorrow);
        }
        let empty = period.from > period.to;
        if empty {
            period.from = period.to;
        }
        Range {
            intent: self.intent,
            period,
            periods: None,
            future: !forecast && period.from > self.clock.today,
            empty,
            assumptions,
        }
    }

    /// The value of more than a day is a trend, and the trend of a day is its change against the day before.
    fn settle(&self, range: &mut Range, expressions: &[Expression]) {
        let days = range.period.from != range.period.to;
        match range.intent {
            Intent::Value if days => range.intent = Intent::Trend,
            Intent::Trend if !days => range.intent = Intent::Value,
            _ => {}
        }
        let today = [
            Expression::Within(Stretch::Now),
            Expression::Within(Stretch::Away {
                count: 0,
                unit: Unit::Day,
            }),
        ];
        let Some(last) = self.last_day() else { return };
        if range.intent == Intent::Value
            && matches!(expressions, [only] if today.contains(only))
            && last < self.clock.today
        {
            range.period = one(last);
            range.assumptions.push(format!(
                "There is no value of today yet, so this is the one of {last}."
            ));
        }
    }

    /// The last day up to today that has a value of any of the series.
    fn last_day(&self) -> Option<Day> {
        self.series
            .iter()
            .filter_map(|key| known(self.question.catalog, key))
            .map(|period| period.to.min(self.clock.today))
            .max()
    }

    fn next_days(&self) -> Period {
        Period {
            from: moved(self.clock.today, 1, Unit::Day),
            to: moved(self.clock.today, FORECAST_DAYS, Unit::Day),
        }
    }

    fn default_period(&self, assumptions: &mut Vec<String>) -> Period {
        let today = self.clock.today;
        let (period, said) = match self.intent {
            Intent::Value => {
                let last = self.last_day().unwrap_or(today);
                (
                    one(last),
                    format!("No day was named, so this is about the latest with a value, {last}."),
                )
            }
            Intent::Extreme => {
                let period = Period {
                    from: self.clock.first,
                    to: today.max(self.clock.first),
                };
                (
                    period,
                    "No range was named, so this is about all time.".to_owned(),
                )
            }
            Intent::Forecast => {
                let period = self.next_days();
                let Period { from, to } = period;
                let said = format!(
                    "No range was named, so this is about the next seven days, {from} to {to}."
                );
                (period, said)
            }
            _ => {
                let from = moved(today, 1 - DEFAULT_DAYS, Unit::Day);
                let said = format!(
                    "No range was named, so this is about the last thirty days, {from} to {today}."
                );
                (Period { from, to: today }, said)
            }
        };
        assumptions.push(said);
        period
    }
}

fn said_year(stretch: &Stretch) -> Option<i16> {
    match stretch.year() {
        Some(Year::Said(year)) => Some(year),
        _ => None,
    }
}
