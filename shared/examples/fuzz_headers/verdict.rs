//! What must hold for every input.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chimera_bus::Headers;
use chimera_shared::telemetry::{
    Scope, SpanKind, SpanStart, Telemetry,
    propagation::{Disclosure, Propagator},
};
use opentelemetry::{Context as OtelContext, trace::TraceContextExt as _};

use crate::{
    grammar::Grammar,
    input::{Carrier, Input},
};

/// A number for the way in which an input was answered, or what is wrong with the answer.
pub(crate) type Verdict = Result<u64, String>;

/// Names and values, sorted.
type Pairs = Vec<(String, String)>;

/// A service for each choice of formats, on and off, and the grammars.
pub(crate) struct Judge {
    grammar: Grammar,
    services: Vec<[Telemetry; 2]>,
}

impl Judge {
    pub(crate) fn new() -> Self {
        let service = |choice: usize| {
            let input = Input::of_choice(choice);
            let formats = input.formats();
            [
                Telemetry::off("off").with_formats(&formats),
                Telemetry::new("on", Vec::new()).with_formats(&formats),
            ]
        };
        Self {
            grammar: Grammar::new(),
            services: (0..Input::CHOICES).map(service).collect(),
        }
    }

    /// Judges what becomes of `input`.
    ///
    /// What goes out must match the grammars; come in again, it must go out the same; and under a span it must be the same
    /// trace.
    pub(crate) fn of(&self, input: &Input) -> Verdict {
        let service = &self.services[input.choice()][usize::from(input.is_on)];
        let propagator = service.propagator();
        let (context, out) = match input.carrier {
            Carrier::Message => through_message(propagator, input.table()),
            Carrier::Http => through_http(propagator, input.http()),
        };
        self.all_valid(&out, !input.is_on)?;
        let mut again = Headers::new();
        for (name, value) in &out {
            again.append(name.as_str(), value.as_str());
        }
        let (context_again, out_again) = match input.carrier {
            Carrier::Message => through_message(propagator, again),
            Carrier::Http => through_http(propagator, Input::with_table(&again).http()),
        };
        if out != out_again || span_of(&context) != span_of(&context_again) {
            return Err(format!(
                "it changes when it comes again: {out:?}, {out_again:?}"
            ));
        }
        self.under_a_span(service, &context)?;
        ids_alone(propagator, &context)?;
        Ok(way(input, &out))
    }

    fn all_valid(&self, out: &Pairs, as_it_came: bool) -> Result<(), String> {
        for (at, (name, value)) in out.iter().enumerate() {
            if let Some(breach) = self.grammar.breach(name, value, as_it_came) {
                return Err(format!("{breach}: {name}: {value:?}"));
            }
            if out[..at].iter().any(|(other, _)| other == name) {
                return Err(format!("{name} is there twice"));
            }
        }
        Ok(())
    }

    fn under_a_span(&self, service: &Telemetry, context: &OtelContext) -> Result<(), String> {
        let scope = Scope::new(service.clone(), context.clone());
        let span = scope.start(SpanStart::new(SpanKind::Server, "fuzz"));
        let (before, after) = (span_of(context), span_of(span.scope().context()));
        if service.is_on() && (after.0 == 0 || after.1 == before.1) {
            return Err("no span was made".to_owned());
        }
        if before.0 != 0 && before.0 != after.0 {
            return Err("the trace was lost".to_owned());
        }
        let mut headers = Headers::new();
        service
            .propagator()
            .inject_headers(span.scope().context(), &mut headers);
        self.all_valid(&pairs(&headers), !service.is_on())
    }
}

/// Trace id and span id.
fn span_of(context: &OtelContext) -> (u128, u64) {
    let span = context.span();
    let span = span.span_context();
    let (trace_id, span_id) = (span.trace_id().to_bytes(), span.span_id().to_bytes());
    (u128::from_be_bytes(trace_id), u64::from_be_bytes(span_id))
}

/// Only what belongs to the formats is looked at; what else a message carries is not the propagator's.
fn pairs(headers: &Headers) -> Pairs {
    let texts = headers.iter().map(|(name, value)| {
        let text = value.as_str().unwrap_or("\0not text");
        (name.to_owned(), text.to_owned())
    });
    let mut pairs: Vec<_> = texts.collect();
    pairs.sort_unstable();
    pairs
}

fn through_message(propagator: &Propagator, headers: Headers) -> (OtelContext, Pairs) {
    let context = propagator.extract_headers(&headers);
    // What was there is replaced; so nothing but what was written is left of what belongs to the formats.
    let mut replaced = headers;
    propagator.inject_headers(&context, &mut replaced);
    let mut written = Headers::new();
    propagator.inject_headers(&context, &mut written);
    replaced.retain(|name| written.get(name).is_some() || belongs(propagator, name));
    (context, pairs(&replaced))
}

fn through_http(propagator: &Propagator, mut headers: http::HeaderMap) -> (OtelContext, Pairs) {
    let context = propagator.extract_http(&headers);
    propagator.inject_http(&context, Disclosure::ALL, &mut headers);
    let mut pairs: Vec<_> = headers
        .iter()
        .filter(|(name, _)| belongs(propagator, name.as_str()))
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    pairs.sort_unstable();
    (context, pairs)
}

fn belongs(propagator: &Propagator, name: &str) -> bool {
    use opentelemetry::propagation::TextMapPropagator as _;
    let has_jaeger = propagator.fields().any(|field| field == "uber-trace-id");
    let name = name.to_ascii_lowercase();
    (has_jaeger && name.starts_with("uberctx-")) || propagator.fields().any(|field| field == name)
}

fn ids_alone(propagator: &Propagator, context: &OtelContext) -> Result<(), String> {
    let mut headers = http::HeaderMap::new();
    propagator.inject_http(context, Disclosure::IDS, &mut headers);
    let is_value =
        |name: &str| matches!(name, "tracestate" | "baggage") || name.starts_with("uberctx-");
    match headers.keys().find(|name| is_value(name.as_str())) {
        Some(name) => Err(format!("{name} is told to everybody")),
        None => Ok(()),
    }
}

/// Which headers went out, about how long, for how many of which formats.
fn way(input: &Input, out: &Pairs) -> u64 {
    let mut hasher = DefaultHasher::new();
    (input.choice(), input.is_on, input.headers.len().min(6)).hash(&mut hasher);
    for (name, value) in out {
        let members = value.split(',').count();
        (name, value.len().checked_ilog2(), members.min(66)).hash(&mut hasher);
    }
    hasher.finish()
}
