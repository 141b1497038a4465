//! The sentences of each intent, from the facts of one series.

use chimera_questions::{
    Fact, FactName, Metric, Series,
    answer::{Direction, FactValue},
    interpretation::Extreme,
};

use super::number::{probability, signed, with_unit};
use crate::{facts::Sheet, observed};

/// The figure of one day, and its change.
pub(crate) fn value(sheet: &Sheet<'_>) -> Vec<String> {
    let Some(value) = sheet.get(FactName::Value) else {
        return Vec::new();
    };
    let series = &sheet.observed.series;
    let mut sentence = format!("The {} {} {}", subject(series), was(series), on(value));
    match (
        sheet.get(FactName::Previous),
        sheet.get(FactName::ChangePct),
    ) {
        (Some(previous), Some(change)) => {
            sentence += &format!(", after {} ({})", on(previous), signed(change));
        }
        (Some(previous), None) => sentence += &format!(", after {}", on(previous)),
        (None, _) => {}
    }
    vec![sentence + "."]
}

/// From the first to the last day, the range in between, the direction and the volatility.
pub(crate) fn trend(sheet: &Sheet<'_>) -> Vec<String> {
    [
        change(sheet),
        level(sheet),
        direction(sheet),
        volatility(sheet),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The extreme and its day.
pub(crate) fn extreme(sheet: &Sheet<'_>, extreme: Extreme) -> Vec<String> {
    let subject = subject(&sheet.observed.series);
    let was = was(&sheet.observed.series);
    let range = observed::range(sheet.observed.period);
    let of_value = |word, fact| {
        let fact = on(sheet.get(fact)?);
        Some(format!(
            "The {word} {subject} in the range {range} {was} {fact}."
        ))
    };
    let of_change = |word, fact| {
        let fact = sheet.get(fact)?;
        Some(format!(
            "The {word} day for the {subject} in the range {range} was {}, with a change of {} to the day before.",
            fact.date?,
            signed(fact)
        ))
    };
    let sentence = match extreme {
        Extreme::Highest => of_value("highest", FactName::Max),
        Extreme::Lowest => of_value("lowest", FactName::Min),
        Extreme::BestDay => of_change("best", FactName::Max),
        Extreme::WorstDay => of_change("worst", FactName::Min),
    };
    let none = || {
        format!(
            "No daily change of the {subject} is known in the range {range}, so that no day is best or worst."
        )
    };
    vec![sentence.unwrap_or_else(none)]
}

/// Count, mean, spread and volatility.
pub(crate) fn summary(sheet: &Sheet<'_>) -> Vec<String> {
    [
        centre(sheet),
        spread(sheet),
        volatility(sheet),
        missing_days(sheet),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What the exchange or the chain says now.
pub(crate) fn now(fact: &Fact) -> String {
    let asset = fact.asset.as_ref().map_or("", |asset| asset.as_str());
    if fact.name == FactName::LatestPrice {
        format!("The latest price of {asset} on Coinbase was {}.", on(fact))
    } else {
        format!("The height of the {asset} chain was {}.", on(fact))
    }
}

fn change(sheet: &Sheet<'_>) -> Option<String> {
    let subject = subject(&sheet.observed.series);
    let (first, last) = (sheet.get(FactName::First)?, sheet.get(FactName::Last)?);
    if first.date == last.date {
        let only = on(first);
        return Some(format!("Of the {subject} only one value is known: {only}."));
    }
    let by = sheet.get(FactName::ChangeAbs)?;
    let verb = match by.value {
        FactValue::Number(by) if by > 0.0 => "rose",
        FactValue::Number(by) if by < 0.0 => "fell",
        _ if sheet.number(FactName::Min) == sheet.number(FactName::Max) => "stayed the same,",
        _ => "was unchanged,",
    };
    let mut changes = vec![signed(by)];
    changes.extend(sheet.get(FactName::ChangePct).map(signed));
    Some(format!(
        "The {subject} {verb} from {} to {} ({}).",
        on(first),
        on(last),
        changes.join(", ")
    ))
}

fn level(sheet: &Sheet<'_>) -> Option<String> {
    let (first, last) = (sheet.get(FactName::First)?, sheet.get(FactName::Last)?);
    if first.date == last.date {
        return None;
    }
    Some(format!(
        "The lowest value was {}, the highest {}, and the mean {}.",
        on(sheet.get(FactName::Min)?),
        on(sheet.get(FactName::Max)?),
        with_unit(sheet.get(FactName::Mean)?)
    ))
}

fn direction(sheet: &Sheet<'_>) -> Option<String> {
    let change = sheet.number(FactName::ChangeAbs).unwrap_or_default();
    // The first and the last day alone may say the opposite of all the days between them.
    let direction = match sheet.direction()? {
        Direction::Rising if change <= 0.0 => "Yet over the whole range the trend is rising",
        Direction::Falling if change >= 0.0 => "Yet over the whole range the trend is falling",
        Direction::Rising => "The trend is rising",
        Direction::Falling => "The trend is falling",
        Direction::Flat => "No trend is certain (flat)",
    };
    Some(format!(
        "{direction}: the Theil-Sen slope is {}, and the Mann-Kendall test gives {}.",
        with_unit(sheet.get(FactName::SlopePerDay)?),
        probability(sheet.number(FactName::TrendP)?)
    ))
}

fn volatility(sheet: &Sheet<'_>) -> Option<String> {
    let volatility = with_unit(sheet.get(FactName::VolatilityPct)?);
    Some(format!(
        "The annual volatility of daily returns was {volatility}."
    ))
}

fn centre(sheet: &Sheet<'_>) -> Option<String> {
    let series = &sheet.observed.series;
    let deviation = sheet.get(FactName::Std).map_or(String::new(), |std| {
        format!(", with a standard deviation of {}", with_unit(std))
    });
    Some(format!(
        "{}, the {} had {} daily {}: the mean was {} and the median {}{deviation}.",
        within(sheet),
        subject(series),
        with_unit(sheet.get(FactName::Count)?),
        if series.points.len() == 1 {
            "value"
        } else {
            "values"
        },
        with_unit(sheet.get(FactName::Mean)?),
        with_unit(sheet.get(FactName::Median)?),
    ))
}

fn spread(sheet: &Sheet<'_>) -> Option<String> {
    Some(format!(
        "The lowest value was {} and the highest {}; the middle half lies between {} and {}.",
        on(sheet.get(FactName::Min)?),
        on(sheet.get(FactName::Max)?),
        with_unit(sheet.get(FactName::Q1)?),
        with_unit(sheet.get(FactName::Q3)?),
    ))
}

fn missing_days(sheet: &Sheet<'_>) -> Option<String> {
    let missing = sheet.get(FactName::Missing)?;
    let number = sheet.number(FactName::Missing)?;
    (number > 0.0).then(|| {
        let days = with_unit(missing);
        format!(
            "Days of the range without a value: {}.",
            days.trim_end_matches(" days")
        )
    })
}

/// `In the range 2019-01-01 to 2019-01-31`, or `On 2019-01-01`
fn within(sheet: &Sheet<'_>) -> String {
    let period = sheet.observed.period;
    let range = observed::range(period);
    if period.from == period.to {
        format!("On {range}")
    } else {
        format!("In the range {range}")
    }
}

/// `price of ZEC`; what is summed up over a day says so.
fn subject(series: &Series) -> String {
    let label = match series.metric {
        Metric::BlockSizeBytes => "total size of the day's blocks",
        metric => metric.label(),
    };
    format!("{label} of {}", series.asset)
}

/// `was`, or `were` of the one label that is a plural.
fn was(series: &Series) -> &'static str {
    if series.metric == Metric::Fees {
        "were"
    } else {
        "was"
    }
}

/// `56.43 USD on 2019-01-01`
fn on(fact: &Fact) -> String {
    let number = with_unit(fact);
    match fact.date {
        Some(day) => format!("{number} on {day}"),
        None => number,
    }
}
