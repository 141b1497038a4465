//! Draws the trace in a file of OTLP JSON: `cargo run -p chimera-traces --example waterfall -- traces/fixtures/question.json`
//! with `[WIDTH] [color] [ascii] [wide]` after it.
#![expect(clippy::print_stdout, reason = "it draws on the terminal")]

use chimera_traces::{
    tree::{Trace, spans_from_otlp_json},
    waterfall::{Colors, Glyphs, Names, Options, render},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    let mut options = Options::default();
    for argument in arguments {
        match argument.as_str() {
            "color" => options.colors = Colors::Ansi,
            "ascii" => options.glyphs = Glyphs::Ascii,
            "wide" => options.names = Names::Full,
            width => options.width = width.parse()?,
        }
    }
    let spans = spans_from_otlp_json(&std::fs::read(file)?)?;
    print!("{}", render(&Trace::from_spans(spans), &options));
    Ok(())
}
