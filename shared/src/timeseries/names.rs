//! Which names and values can be written down by every engine.

use std::collections::BTreeMap;

use super::{Range, Run, TimeSeriesError};

const MAX_NAME_BYTES: usize = 200;

/// What tells a series of a measurement from the others: names with their values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// These names with their values.
    pub fn new<const N: usize>(tags: [(&str, &str); N]) -> Self {
        let owned = tags.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self(owned.into())
    }

    /// Each name with its value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let tags = self.0.iter();
        tags.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

pub(super) fn check_runs(measurement: &str, runs: &[Run]) -> Result<(), TimeSeriesError> {
    check_measurement(measurement)?;
    for run in runs {
        check_series(&run.tags, &run.field)?;
        if !run.samples.iter().all(|sample| sample.value.is_finite()) {
            return Err(TimeSeriesError::NotFinite);
        }
    }
    Ok(())
}

pub(super) fn check_ranges(measurement: &str, ranges: &[Range]) -> Result<(), TimeSeriesError> {
    check_measurement(measurement)?;
    let mut ranges = ranges.iter();
    ranges.try_for_each(|range| check_series(&range.tags, &range.field))
}

pub(super) fn check_measurement(name: &str) -> Result<(), TimeSeriesError> {
    // The line protocol takes a line that begins with `#` for a comment.
    check("measurement", name, !name.starts_with('#'))
}

fn check_series(tags: &Tags, field: &str) -> Result<(), TimeSeriesError> {
    let is_free = |name: &str| name != "time" && !name.starts_with('_');
    for (name, value) in tags.iter() {
        check("tag", name, is_free(name))?;
        check("value of a tag", value, true)?;
    }
    // InfluxDB could not tell the field from the tag.
    let is_tag = tags.0.contains_key(field);
    check("field", field, is_free(field) && !is_tag)
}

/// A backslash cannot be told from the beginning of an escape everywhere in the line protocol.
fn check(what: &'static str, name: &str, is_allowed: bool) -> Result<(), TimeSeriesError> {
    let is_writable = |c: char| !c.is_control() && c != '\\';
    let is_right = (1..=MAX_NAME_BYTES).contains(&name.len()) && name.chars().all(is_writable);
    match is_right && is_allowed {
        true => Ok(()),
        false => Err(TimeSeriesError::Name {
            what,
            bytes: name.len(),
        }),
    }
}
