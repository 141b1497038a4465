//! The facts of each intent.

pub(crate) mod extreme;
pub(crate) mod now;
pub(crate) mod summary;
pub(crate) mod trend;
pub(crate) mod value;

use chimera_questions::{
    Day, Fact, FactName, Unit,
    answer::{Direction, FactValue},
};

use crate::{
    observed::Observed,
    statistics::returns::{Changes, volatility_percent},
};

/// Values that a volatility needs.
const VOLATILITY_VALUES: usize = 3;

/// The facts of one series as they are found, and what is doubtful about them.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    pub(crate) observed: &'a Observed,
    pub(crate) facts: Vec<Fact>,
    pub(crate) warnings: Vec<String>,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(observed: &'a Observed) -> Self {
        Self {
            observed,
            facts: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The fact of that name.
    pub(crate) fn get(&self, name: FactName) -> Option<&Fact> {
        self.facts.iter().find(|fact| fact.name == name)
    }

    /// The number of the fact of that name.
    pub(crate) fn number(&self, name: FactName) -> Option<f64> {
        match self.get(name)?.value {
            FactValue::Number(number) => Some(number),
            FactValue::Direction(_) => None,
        }
    }

    /// The direction, where there is one.
    pub(crate) fn direction(&self) -> Option<Direction> {
        match self.get(FactName::Direction)?.value {
            FactValue::Direction(direction) => Some(direction),
            FactValue::Number(_) => None,
        }
    }

    /// A fact in the series' own unit.
    fn put(&mut self, name: FactName, value: f64) {
        self.put_as(name, value, self.observed.series.unit);
    }

    /// A fact in the series' own unit that belongs to a day.
    fn put_on(&mut self, name: FactName, (day, value): (Day, f64)) {
        self.put(name, value);
        self.date_last(day);
    }

    /// The same, where there is one.
    fn put_found(&mut self, name: FactName, point: Option<(Day, f64)>) {
        if let Some(point) = point {
            self.put_on(name, point);
        }
    }

    /// A fact in the series' own unit, where it is known.
    fn put_known(&mut self, name: FactName, value: Option<f64>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// A fact in a unit of its own.
    fn put_as(&mut self, name: FactName, value: f64, unit: Unit) {
        self.put_value(name, FactValue::Number(value), unit);
    }

    fn put_value(&mut self, name: FactName, value: FactValue, unit: Unit) {
        let series = &self.observed.series;
        self.facts.push(Fact {
            name,
            asset: Some(series.asset.clone()),
            metric: Some(series.metric),
            value,
            unit,
            date: None,
            period: None,
        });
    }

    /// Gives the latest fact its day.
    fn date_last(&mut self, day: Day) {
        if let Some(fact) = self.facts.last_mut() {
            fact.date = Some(day);
        }
    }

    /// A warning about this series.
    fn warn(&mut self, text: impl AsRef<str>) {
        let series = &self.observed.series;
        self.warnings.push(format!(
            "{} {}: {}",
            series.asset,
            series.metric,
            text.as_ref()
        ));
    }

    /// Warns that `facts` need more values than there are.
    fn warn_too_few(&mut self, facts: &str, needed: usize) {
        let there = match self.observed.series.points.len() {
            1 => "is 1".to_owned(),
            n => format!("are {n}"),
        };
        self.warn(format!("{facts} {needed} values, there {there}"));
    }

    /// Counts the days of the range without a value, and says so.
    fn warn_missing_days(&mut self) {
        let days = self.observed.days();
        let missing = days - self.observed.series.points.len();
        if missing > 0 {
            self.warn(format!(
                "{missing} of the {days} days of the range have no value and are left out"
            ));
        }
    }

    /// The volatility of the range, or a warning why there is none.
    fn put_volatility(&mut self) {
        let points = &self.observed.series.points;
        if points.len() < VOLATILITY_VALUES {
            return self.warn_too_few("volatility_pct needs", VOLATILITY_VALUES);
        }
        let returns = Changes::log_returns(points);
        if returns.left_out > 0 {
            self.warn(format!(
                "{} of the daily returns are left out of volatility_pct, since they start or end at a value that is \
                 not above 0",
                returns.left_out
            ));
        }
        match volatility_percent(&returns.values()) {
            Some(volatility) => self.put_as(FactName::VolatilityPct, volatility, Unit::Percent),
            None => self.warn(format!(
                "volatility_pct needs 2 daily returns, there {}",
                match returns.days.len() {
                    1 => "is 1".to_owned(),
                    n => format!("are {n}"),
                }
            )),
        }
    }
}
