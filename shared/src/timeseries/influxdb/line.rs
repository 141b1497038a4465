//! The line protocol.
//!
//! Source: <https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/>.

use std::fmt::Write as _;

use crate::timeseries::{Run, Tags};

/// `runs` as lines, each a value of one field; their times are nanoseconds. Names and values were checked.
pub(super) fn lines(measurement: &str, runs: &[Run]) -> String {
    let mut text = String::new();
    for run in runs {
        let series = series(measurement, &run.tags);
        let field = escaped(&run.field, &[',', '=', ' ']);
        for sample in &run.samples {
            // In scientific notation, which has the fewest digits that are read back as the same number.
            let (value, at_ns) = (sample.value, sample.at_ns);
            writeln!(text, "{series} {field}={value:e} {at_ns}").expect("a text takes everything");
        }
    }
    text
}

fn series(measurement: &str, tags: &Tags) -> String {
    let mut text = escaped(measurement, &[',', ' ']);
    for (name, value) in tags.iter() {
        text.push(',');
        text.push_str(&escaped(name, &[',', '=', ' ']));
        text.push('=');
        text.push_str(&escaped(value, &[',', '=', ' ']));
    }
    text
}

fn escaped(name: &str, special: &[char]) -> String {
    let mut text = String::with_capacity(name.len());
    for letter in name.chars() {
        if special.contains(&letter) {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeseries::Sample;

    #[test]
    fn a_value_is_a_line() {
        let run = Run {
            tags: Tags::new([("asset", "ZEC"), ("an odd, tag", "a=b c")]),
            field: "a = b".to_owned(),
            samples: [(-1, 56.43), (1_553_731_200_000_000_000, 1e300)]
                .map(|(at_ns, value)| Sample { at_ns, value })
                .into(),
        };
        assert_eq!(
            lines("dai ly", &[run]),
            "dai\\ ly,an\\ odd\\,\\ tag=a\\=b\\ c,asset=ZEC a\\ \\=\\ b=5.643e1 -1\n\
             dai\\ ly,an\\ odd\\,\\ tag=a\\=b\\ c,asset=ZEC a\\ \\=\\ b=1e300 1553731200000000000\n"
        );
    }
}
