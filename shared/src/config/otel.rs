//! The standard variables of OpenTelemetry, as entries of the telemetry section.
//!
//! Sources: the OpenTelemetry specification, "Environment Variable Specification" and "OpenTelemetry Protocol
//! Exporter". An empty value counts as unset; one that cannot be used is left out with a warning and never stops the
//! program; what is said for one signal beats what is said for all.

mod aliases;
mod in_files;
mod unread;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::LoadOptions;
use super::choices::{Exporter, LogsExporter, MetricsExporter, OtlpProtocol, Propagator};
use super::layers::{Entry, Input, WhenWrong};
use super::problem::{Origin, quoted};
use super::secret::Secret;
use super::secret_files::SUFFIX;
use super::sections::{OtlpConfig, Signal};
use super::value::{Value, elements, pairs};
use variables::{Kind, Variable};

pub(super) use variables::variables;

/// What "no limit" becomes: the most milliseconds that a 32-bit integer holds, as the specification suggests.
const UNLIMITED_MS: u64 = i32::MAX as u64;

/// The entries that the standard variables make; what cannot be used goes to `warnings`. How OTLP is spoken, which decides
/// about endpoints without a scheme, `otlp` says.
pub(super) fn entries(
    options: &LoadOptions,
    otlp: &OtlpConfig,
    warnings: &mut Vec<String>,
) -> Vec<Entry> {
    let in_files = in_files::read(options, warnings);
    let mut reading = Reading {
        environment: &options.environment,
        in_files: &in_files,
        otlp,
        warnings,
        entries: Vec::new(),
    };
    reading.unread();
    reading.aliases();
    reading.sdk_disabled();
    reading.list("OTEL_TRACES_EXPORTER", "exporters", Exporter::None);
    reading.list(
        "OTEL_METRICS_EXPORTER",
        "metrics_exporters",
        MetricsExporter::None,
    );
    reading.list("OTEL_LOGS_EXPORTER", "logs_exporters", LogsExporter::None);
    reading.list("OTEL_PROPAGATORS", "propagators", Propagator::None);
    // Before the plain variables, so that OTEL_SERVICE_NAME beats a `service.name` among the attributes.
    reading.resource_attributes();
    for variable in variables::plain() {
        reading.plain(&variable);
    }
    reading.sampler_arg();
    reading.prometheus();
    reading.entries
}

/// The environment being read.
struct Reading<'a> {
    environment: &'a BTreeMap<String, String>,
    /// The values of those whose `…_FILE` is set.
    in_files: &'a BTreeMap<String, Secret>,
    otlp: &'a OtlpConfig,
    warnings: &'a mut Vec<String>,
    entries: Vec<Entry>,
}

impl<'a> Reading<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        let given = self.environment.get(name).map(String::as_str);
        let in_file = self.in_files.get(name).map(Secret::expose);
        let values = [given, in_file].into_iter().flatten().map(str::trim);
        values.into_iter().find(|value| !value.is_empty())
    }

    /// The variable itself, or the one that names the file with its value.
    fn origin(&self, name: &str) -> Origin {
        let suffix = match self.in_files.contains_key(name) {
            true => SUFFIX,
            false => "",
        };
        Origin::Variable(format!("{name}{suffix}"))
    }

    /// `key` stands below `telemetry`.
    fn add(&mut self, name: &str, key: &str, input: Input) {
        self.add_whole(name, format!("telemetry.{key}"), input);
    }

    fn add_whole(&mut self, name: &str, key: String, input: Input) {
        self.entries.push(Entry {
            key,
            input,
            origin: self.origin(name),
            when_wrong: WhenWrong::Warn,
        });
    }

    fn warn(&mut self, name: &str, what: &str) {
        let origin = self.origin(name);
        self.warnings.push(format!("{origin} is ignored: {what}"));
    }

    /// Of a list whose other members are used.
    fn warn_of_member(&mut self, name: &str, member: &str, what: &dyn fmt::Display) {
        let (member, origin) = (quoted(member), self.origin(name));
        self.warnings
            .push(format!("{member} in {origin} is ignored: {what}"));
    }

    fn plain(&mut self, variable: &Variable) {
        let Variable { name, key, kind } = variable;
        let Some(text) = self.get(name) else { return };
        let string = |text: String| Some(Input::Toml(text.into()));
        let input = match kind {
            Kind::Text => string(text.to_owned()),
            Kind::Endpoint => string(self.endpoint(variable, text)),
            Kind::Word => string(text.to_ascii_lowercase()),
            Kind::Pairs | Kind::List => Some(Input::Text(text.to_owned())),
            Kind::Count => text
                .parse::<i64>()
                .ok()
                .map(|count| Input::Toml(count.into())),
            Kind::Milliseconds => text
                .parse::<u64>()
                .ok()
                .and_then(|count| string(format!("{count}ms"))),
            Kind::Timeout => text.parse::<u64>().ok().and_then(|count| {
                let count = if count == 0 { UNLIMITED_MS } else { count };
                string(format!("{count}ms"))
            }),
        };
        match input {
            Some(input) => self.add(name, key, input),
            None => self.warn(
                name,
                &format!("expected a whole number, found {}", quoted(text)),
            ),
        }
    }

    fn sdk_disabled(&mut self) {
        let name = "OTEL_SDK_DISABLED";
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            Some("true") => self.add(name, "enabled", Input::Toml(false.into())),
            // It is said for this one program: a file, or a variable of an older system, does not switch it off then.
            Some("false") => self.add(name, "enabled", Input::Toml(true.into())),
            // Any other value "will have no effect", says the specification.
            None => {}
            Some(other) => self.warn(
                name,
                &format!("expected true or false, found {}", quoted(other)),
            ),
        }
    }

    /// gRPC is used to addresses without a scheme, and so `localhost:4317` is one where that is spoken; whether it goes
    /// without TLS, a variable of its own says.
    fn endpoint(&self, variable: &Variable, text: &str) -> String {
        let mut signals = Signal::ALL.into_iter();
        let own =
            signals.find(|signal| variable.key == format!("otlp.{}.endpoint", signal.as_str()));
        let protocol = own.map_or(self.otlp.protocol, |signal| self.otlp.protocol_of(signal));
        if text.contains("://") || protocol != OtlpProtocol::Grpc {
            return text.to_owned();
        }
        let insecure = variables::insecure_of(&variable.name);
        let insecure = insecure
            .into_iter()
            .find_map(|name| self.get(&name).map(str::to_owned));
        match insecure {
            Some(insecure) if insecure.eq_ignore_ascii_case("true") => format!("http://{text}"),
            Some(_) | None => format!("https://{text}"),
        }
    }

    /// Of a list, the names that are known count, each once.
    fn list<T: Value + Copy + PartialEq>(&mut self, name: &str, key: &str, none: T) {
        let Some(text) = self.get(name) else { return };
        let (mut known, mut wrong) = (Vec::new(), Vec::new());
        for word in elements(text) {
            match T::from_toml(&word.to_ascii_lowercase().into()) {
                Ok(value) if known.contains(&value) => {}
                Ok(value) => known.push(value),
                Err(problem) => wrong.push((word, problem)),
            }
        }
        for (word, problem) in wrong {
            match known.is_empty() {
                true => self.warn(name, &problem.to_string()),
                false => self.warn_of_member(name, word, &problem),
            }
        }
        if known.len() > 1 && known.contains(&none) {
            self.warn_of_member(name, "none", &"others stand beside it");
            known.retain(|value| *value != none);
        }
        if !known.is_empty() {
            self.add(name, key, Input::Toml(known.to_toml()));
        }
    }

    /// Where Prometheus fetches from: the page of health, which has `/metrics`. The defaults are the specification's.
    fn prometheus(&mut self) {
        let (host_name, port_name) = (
            "OTEL_EXPORTER_PROMETHEUS_HOST",
            "OTEL_EXPORTER_PROMETHEUS_PORT",
        );
        let (host, port) = (self.get(host_name), self.get(port_name));
        let name = match (host, port) {
            (None, None) => return,
            (_, Some(_)) => port_name,
            (Some(_), None) => host_name,
        };
        let ip = match host.unwrap_or("localhost") {
            "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            address => address.parse(),
        };
        let Ok(ip) = ip else {
            return self.warn(host_name, "expected `localhost` or an IP address");
        };
        let Ok(port) = port.unwrap_or("9464").parse() else {
            return self.warn(port_name, "expected a port");
        };
        let listen = SocketAddr::new(ip, port).to_string();
        self.add_whole(
            name,
            "agent.health_listen".to_owned(),
            Input::Toml(listen.into()),
        );
    }

    fn sampler_arg(&mut self) {
        let name = "OTEL_TRACES_SAMPLER_ARG";
        let Some(text) = self.get(name) else { return };
        let Some(sampler) = self.get("OTEL_TRACES_SAMPLER") else {
            return self.warn(name, "it counts only when OTEL_TRACES_SAMPLER is set");
        };
        // What the specification has no sampler for takes its rate here as well.
        let is_rate = sampler.to_ascii_lowercase().ends_with("ratelimited");
        let key = if is_rate {
            "sampler_rate"
        } else {
            "sampler_arg"
        };
        match text.parse::<f64>() {
            Ok(number) => self.add(name, key, Input::Toml(number.into())),
            Err(_) => self.warn(name, &format!("expected a number, found {}", quoted(text))),
        }
    }

    /// One malformed pair discards them all, as the specification asks for.
    fn resource_attributes(&mut self) {
        let name = "OTEL_RESOURCE_ATTRIBUTES";
        let Some(text) = self.get(name) else { return };
        match pairs(text) {
            Ok(attributes) => {
                let mut attributes: BTreeMap<_, _> = attributes.into_iter().collect();
                if let Some(service) = attributes.remove("service.name") {
                    self.add(name, "service_name", Input::Toml(service.into()));
                }
                if !attributes.is_empty() {
                    let table = attributes
                        .into_iter()
                        .map(|(key, value)| (key, value.into()));
                    self.add(
                        name,
                        "resource_attributes",
                        Input::Toml(toml::Value::Table(table.collect())),
                    );
                }
            }
            Err(problem) => self.warn(name, &problem.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
