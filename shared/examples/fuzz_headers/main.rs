//! Feeds the propagator with headers that nobody would send, until it panics or lets something broken through.
//!
//! `cargo run --release -p chimera-shared --example fuzz_headers -- --inputs 10000000` (or `--seconds 600`, `--seed 7`).
//! `scripts/test --only fuzz` runs it for some seconds, unoptimised, so that an overflow is found too.
//!
//! It needs no compiler of its own, as the fuzzers that watch which code runs do: the inputs are made of what the formats
//! are made of, broken here and there, and those that were answered in a new way are broken further.

#![expect(clippy::print_stdout, reason = "what was found is what it is for")]

mod grammar;
mod input;
mod verdict;

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use input::Input;
use verdict::{Judge, Verdict};

/// How many inputs are kept to be broken further.
const KEPT: usize = 4_096;
/// How often the clock is looked at.
const BETWEEN_LOOKS: u64 = 256;

#[derive(Parser)]
struct Arguments {
    /// How many inputs to try.
    #[arg(long, default_value_t = u64::MAX)]
    inputs: u64,
    /// How long to go on.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Where chance begins. The same seed makes the same inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let limit = match arguments.inputs {
        u64::MAX => Duration::from_secs(arguments.seconds),
        _ => Duration::MAX,
    };
    let started = Instant::now();
    let mut run = Run::new(arguments.seed);
    while run.tried < arguments.inputs {
        if run.tried.is_multiple_of(BETWEEN_LOOKS) && started.elapsed() >= limit {
            break;
        }
        if let Some(found) = run.step() {
            println!("input {} of seed {}: {found}", run.tried, arguments.seed);
            return ExitCode::FAILURE;
        }
    }
    println!(
        "figure: fuzzing the propagator: {} inputs in {:.1} s, {} of them answered in ways of their own, seed {}: nothing \
         invalid went out",
        run.tried,
        started.elapsed().as_secs_f64(),
        run.seen.len(),
        arguments.seed,
    );
    ExitCode::SUCCESS
}

struct Run {
    chance: SmallRng,
    judge: Judge,
    kept: Vec<Input>,
    seen: HashSet<u64>,
    tried: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            chance: SmallRng::seed_from_u64(seed),
            judge: Judge::new(),
            kept: Vec::new(),
            seen: HashSet::new(),
            tried: 0,
        }
    }

    /// Tries one input, and returns what is wrong with its answer.
    fn step(&mut self) -> Option<String> {
        self.tried += 1;
        let input = match self.kept.len() {
            0 => Input::new(&mut self.chance),
            kept if self.chance.random_ratio(1, 2) => {
                self.kept[self.chance.random_range(0..kept)].broken(&mut self.chance)
            }
            _ => Input::new(&mut self.chance),
        };
        match self.judge(&input) {
            Ok(answer) => {
                if self.seen.insert(answer) {
                    self.keep(input);
                }
                None
            }
            Err(wrong) => Some(self.smallest(input, wrong)),
        }
    }

    fn judge(&self, input: &Input) -> Verdict {
        // The panic itself has been printed by then.
        let judged = catch_unwind(AssertUnwindSafe(|| self.judge.of(input)));
        judged.unwrap_or_else(|_| Err("it panicked".to_owned()))
    }

    fn keep(&mut self, input: Input) {
        if self.kept.len() < KEPT {
            self.kept.push(input);
        } else {
            let at = self.chance.random_range(0..KEPT);
            self.kept[at] = input;
        }
    }

    /// What is left of `input` when all is taken away that it is wrong without.
    fn smallest(&self, mut input: Input, mut wrong: String) -> String {
        'again: loop {
            for smaller in input.smaller() {
                if let Err(still) = self.judge(&smaller) {
                    (input, wrong) = (smaller, still);
                    continue 'again;
                }
            }
            return format!("{wrong}\n{input:#?}");
        }
    }
}
