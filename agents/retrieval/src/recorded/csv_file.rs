//! One `<ticker>.csv`.

use std::{collections::BTreeMap, io};

use chimera_questions::{Day, Metric};

use super::Points;

const DATE: &str = "date";

/// Where and why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line}{}", column.as_ref().map(|name| format!(", column `{name}`")).unwrap_or_default())]
pub struct FileError {
    /// The line, from 1.
    pub line: u64,
    /// The column's name, where one is to blame.
    pub column: Option<String>,
    /// What is wrong there.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The text is not CSV.
    #[error("not a line of comma-separated values with as many fields as the header")]
    Malformed(#[source] csv::Error),
    /// The header lacks the column.
    #[error("the header has no such column")]
    NoColumn,
    /// None of the header's columns is that of a metric.
    #[error("the header has no column of a metric")]
    NoMetric,
    /// The header has the column twice.
    #[error("the header has this column twice")]
    TwiceInHeader,
    /// The field is not a day.
    #[error("`{0}` is not a day like 2019-03-28")]
    NotADay(String),
    /// The day is not after the one of the line before.
    #[error("the day {0} is not after that of the line before")]
    NotAscending(Day),
    /// The field is neither empty nor a finite number.
    #[error("`{0}` is not a number; leave the field empty where the value is not known")]
    NotANumber(String),
}

/// Where a metric's values stand in a line.
struct Column {
    index: usize,
    name: &'static str,
    metric: Metric,
}

/// Reads the points of every known column; a column without any value is left out.
pub(super) fn read(text: impl io::Read) -> Result<BTreeMap<Metric, Points>, FileError> {
    let mut reader = csv::Reader::from_reader(text);
    let header = reader
        .headers()
        .map_err(|error| malformed(1, error))?
        .clone();
    let date = position(&header, DATE)?.ok_or_else(|| at(1, Some(DATE), Problem::NoColumn))?;
    let columns = columns(&header)?;
    let mut series: BTreeMap<Metric, Points> = BTreeMap::new();
    let mut previous: Option<Day> = None;
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        if !reader
            .read_record(&mut record)
            .map_err(|error| malformed(line, error))?
        {
            return Ok(series);
        }
        let line = record.position().map_or(line, csv::Position::line);
        let day = day(&record[date]).map_err(|problem| at(line, Some(DATE), problem))?;
        if previous.is_some_and(|previous| previous >= day) {
            return Err(at(line, Some(DATE), Problem::NotAscending(day)));
        }
        previous = Some(day);
        for column in &columns {
            let value = number(&record[column.index])
                .map_err(|problem| at(line, Some(column.name), problem))?;
            if let Some(value) = value {
                series.entry(column.metric).or_default().push((day, value));
            }
        }
    }
}

fn columns(header: &csv::StringRecord) -> Result<Vec<Column>, FileError> {
    let mut columns = Vec::new();
    for metric in Metric::all() {
        let Some(name) = metric.column() else {
            continue;
        };
        if let Some(index) = position(header, name)? {
            columns.push(Column {
                index,
                name,
                metric,
            });
        }
    }
    if columns.is_empty() {
        return Err(at(1, None, Problem::NoMetric));
    }
    Ok(columns)
}

fn position(header: &csv::StringRecord, name: &str) -> Result<Option<usize>, FileError> {
    // A spreadsheet may have put a byte order mark before the first name.
    let mut found = header
        .iter()
        .enumerate()
        .filter(|(_, column)| column.trim_start_matches('\u{feff}').trim() == name)
        .map(|(index, _)| index);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(at(1, Some(name), Problem::TwiceInHeader)),
        (first, None) => Ok(first),
    }
}

fn day(field: &str) -> Result<Day, Problem> {
    field
        .trim()
        .parse()
        .map_err(|_| Problem::NotADay(field.to_owned()))
}

fn number(field: &str) -> Result<Option<f64>, Problem> {
    let field = field.trim();
    if field.is_empty() {
        return Ok(None);
    }
    match field.parse() {
        Ok(value) if f64::is_finite(value) => Ok(Some(value)),
        _ => Err(Problem::NotANumber(field.to_owned())),
    }
}

fn at(line: u64, column: Option<&str>, problem: Problem) -> FileError {
    FileError {
        line,
        column: column.map(str::to_owned),
        problem,
    }
}

fn malformed(line: u64, error: csv::Error) -> FileError {
    let line = error.position().map_or(line, csv::Position::line);
    at(line, None, Problem::Malformed(error))
}
