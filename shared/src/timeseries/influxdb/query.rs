//! InfluxQL, and its answers.
//!
//! Source: <https://docs.influxdata.com/influxdb/v1/query_language/spec/>.

use serde::Deserialize;

use crate::timeseries::{Range, Sample};

/// The first and the last moment that InfluxDB can tell.
const FIRST_NS: i64 = i64::MIN + 2;
const LAST_NS: i64 = i64::MAX - 1;

/// One statement for each of `ranges`.
pub(super) fn select(measurement: &str, ranges: &[Range]) -> String {
    let statements = ranges.iter().map(|range| {
        let tags = range.tags.iter();
        let tags: String = tags
            .map(|(name, value)| format!("{} = {} AND ", identifier(name), text(value)))
            .collect();
        format!(
            "SELECT {} FROM {} WHERE {tags}time >= {} AND time <= {}",
            identifier(&range.field),
            identifier(measurement),
            range.from_ns.clamp(FIRST_NS, LAST_NS),
            range.to_ns.clamp(FIRST_NS, LAST_NS)
        )
    });
    statements.collect::<Vec<_>>().join(";")
}

pub(super) fn create_database(name: &str) -> String {
    format!("CREATE DATABASE {}", identifier(name))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// What answers a query: one result for each statement.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    results: Vec<Outcome>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    #[serde(default)]
    series: Vec<Series>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Series {
    values: Vec<(i64, Option<f64>)>,
}

impl Answer {
    /// The samples of each statement, or what the server has against one of them.
    pub(super) fn samples(self) -> Result<Vec<Vec<Sample>>, String> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let results = self.results.into_iter();
        results
            .map(|result| match result.error {
                Some(error) => Err(error),
                None => Ok(of_series(result.series)),
            })
            .collect()
    }
}

fn of_series(series: Vec<Series>) -> Vec<Sample> {
    let values = series.into_iter().flat_map(|series| series.values);
    values
        .filter_map(|(at_ns, value)| {
            Some(Sample {
                at_ns,
                value: value?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeseries::Tags;

    #[test]
    fn names_and_values_are_quoted() {
        let range = Range {
            tags: Tags::new([("asset", "Z'EC")]),
            field: "a \"field\"".to_owned(),
            from_ns: -5,
            to_ns: 7,
        };
        assert_eq!(
            select("daily", &[range.clone(), range]),
            "SELECT \"a \\\"field\\\"\" FROM \"daily\" WHERE \"asset\" = 'Z\\'EC' AND time >= -5 AND time <= 7;\
             SELECT \"a \\\"field\\\"\" FROM \"daily\" WHERE \"asset\" = 'Z\\'EC' AND time >= -5 AND time <= 7"
        );
    }

    #[test]
    fn an_answer_has_samples_or_an_error() {
        let check = |json: &str, expected: Result<Vec<Vec<(i64, f64)>>, &str>| {
            let answer: Answer = serde_json::from_str(json).unwrap();
            let samples = answer.samples();
            let samples = samples.map(|all| {
                let pairs = |one: Vec<Sample>| one.iter().map(|s| (s.at_ns, s.value)).collect();
                all.into_iter().map(pairs).collect::<Vec<Vec<_>>>()
            });
            assert_eq!(samples, expected.map_err(str::to_owned));
        };
        check(
            r#"{"results":[{"statement_id":0},{"statement_id":1,"series":[{"name":"daily",
                "columns":["time","value"],"values":[[1,0.1],[2,null],[3,4]]}]}]}"#,
            Ok(vec![vec![], vec![(1, 0.1), (3, 4.0)]]),
        );
        check(
            r#"{"results":[{"statement_id":0,"error":"no"}]}"#,
            Err("no"),
        );
        check(r#"{"error":"unable to parse"}"#, Err("unable to parse"));
    }
}
