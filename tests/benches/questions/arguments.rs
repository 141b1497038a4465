//! What a bench was asked to measure.

use std::time::Duration;

/// How long each row is measured, unless said.
const SECONDS: u64 = 3;

/// What a bench was asked to measure.
#[derive(Debug)]
pub(crate) struct Arguments {
    sections: Vec<String>,
    /// How long each row is measured.
    pub(crate) each: Duration,
}

impl Arguments {
    /// Those of this process; `known` are the sections that there are.
    ///
    /// # Panics
    /// When they are something else.
    pub(crate) fn read(known: &[&str]) -> Self {
        let mut arguments = std::env::args().skip(1);
        let (mut sections, mut seconds) = (Vec::new(), SECONDS);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seconds" => {
                    let number = arguments.next().and_then(|number| number.parse().ok());
                    seconds = number.expect("--seconds takes a number");
                }
                // Cargo says that this is a bench.
                "--bench" => {}
                section => sections.push(section.to_owned()),
            }
        }
        let unknown = sections
            .iter()
            .find(|section| !known.contains(&section.as_str()));
        if let Some(unknown) = unknown {
            panic!("there is no section `{unknown}`, but {}", known.join(", "));
        }
        Self {
            sections,
            each: Duration::from_secs(seconds),
        }
    }

    /// Whether it is to measure `section`: all, unless some were named.
    pub(crate) fn want(&self, section: &str) -> bool {
        self.sections.is_empty() || self.sections.iter().any(|named| named == section)
    }
}
