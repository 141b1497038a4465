//! What may stand in which source.

use crate::{
    Breach, assert_none,
    repository::{self, File, names},
};

/// Where a file without its tests has become two.
const MAX_LINES: usize = 600;

/// A crate whose name only some files may say.
struct Guarded {
    name: &'static str,
    /// Starts of the paths of those files.
    allowed: &'static [&'static str],
    why: &'static str,
}

const GUARDED: [Guarded; 5] = [
    Guarded {
        name: "lapin",
        allowed: &["bus/src/amqp"],
        why: "RabbitMQ is behind the trait of the bus, so that agents cannot tell which bus they run on",
    },
    Guarded {
        name: "mongodb",
        allowed: &["shared/src/documents/"],
        why: "documents are behind one instrumented client, or calls would fall out of the trace",
    },
    Guarded {
        name: "redis",
        allowed: &["shared/src/cache/"],
        why: "the cache is behind one instrumented client, or calls would fall out of the trace",
    },
    Guarded {
        name: "reqwest",
        allowed: &[
            "shared/src/http.rs",
            "shared/src/http/",
            "shared/src/timeseries/influxdb/",
            "cli/src/door.rs",
            "cli/src/server.rs",
        ],
        why: "HTTP goes out through one instrumented client, or calls would fall out of the trace; \
              requests to InfluxDB are a database's spans, and the command line has its own client, for its commands \
              are not part of any trace",
    },
    Guarded {
        name: "axum",
        allowed: &[
            "agents/api/src/",
            "agents/retrieval/src/recorded/server",
            "cli/src/stack.rs",
            "shared/src/base_agent.rs",
            "shared/src/control.rs",
            "shared/src/door.rs",
            "shared/src/edge.rs",
            "shared/src/health.rs",
            "shared/src/platform/crew.rs",
            "shared/src/platform/running.rs",
            "traces/src/api",
        ],
        why: "only the edge knows how HTTP is served; behind it are typed values",
    },
];

/// What is in nobody's tree in the way that the rule says, with the reason.
const BANNED: [(&str, &str); 3] = [
    (
        "#[ignore",
        "a test that does not run proves nothing; what needs a server is a part of its own that says when it is skipped",
    ),
    (
        "todo!",
        "what is called done is done; a later issue says what is left",
    ),
    (
        "unimplemented!",
        "what is called done is done; a later issue says what is left",
    ),
];

/// The files that hold attribute keys.
const KEYS: [&str; 3] = [
    "shared/src/telemetry/keys.rs",
    "shared/src/telemetry/metrics/names.rs",
    "traces/src/attribute.rs",
];

fn breach(file: &File, line: usize, what: impl Into<String>) -> Breach {
    Breach {
        file: file.path.clone(),
        line,
        what: what.into(),
    }
}

#[test]
fn guarded_crates_are_named_where_they_belong() {
    let sources = repository::sources();
    for guarded in GUARDED {
        let mut breaches = Vec::new();
        for file in sources.iter().filter(|file| {
            !guarded
                .allowed
                .iter()
                .any(|start| file.path.starts_with(start))
        }) {
            let uses = file
                .code()
                .into_iter()
                .filter(|(_, line)| names(line, guarded.name) && names_a_path(line, guarded.name));
            breaches.extend(
                uses.map(|(line, _)| breach(file, line, format!("names `{}`", guarded.name))),
            );
        }
        assert_none(&breaches, guarded.why);
    }
}

/// Whether `name` stands there as a crate, and not as a word in a text: `name::` or `use name`.
fn names_a_path(line: &str, name: &str) -> bool {
    line.contains(&format!("{name}::")) || line.trim_start().starts_with(&format!("use {name}"))
}

#[test]
fn the_environment_is_read_in_one_place() {
    let mut breaches = Vec::new();
    for file in repository::sources()
        .iter()
        .filter(|file| file.path != "shared/src/config/load.rs")
    {
        let reads = file
            .code()
            .into_iter()
            .filter(|(_, line)| line.contains("env::var") || line.contains("env::set_var"));
        breaches.extend(reads.map(|(line, _)| breach(file, line, "reads the environment")));
    }
    assert_none(
        &breaches,
        "a setting that is read anywhere is in no documentation, and no error names it; ask `chimera_shared::config`",
    );
}

#[test]
fn what_is_banned_is_nowhere() {
    let sources = repository::sources();
    for (banned, why) in BANNED {
        let mut breaches = Vec::new();
        for file in sources
            .iter()
            .filter(|file| file.path != "tests/tidy/sources.rs")
        {
            let found = (1..)
                .zip(file.text.lines())
                .filter(|(_, line)| line.contains(banned));
            breaches.extend(found.map(|(line, _)| breach(file, line, format!("has `{banned}`"))));
        }
        assert_none(&breaches, why);
    }
}

#[test]
fn modules_are_named_files() {
    let sources = repository::sources();
    let found = sources.iter().filter(|file| file.path.ends_with("/mod.rs"));
    let breaches: Vec<Breach> = found
        .map(|file| breach(file, 0, "is a `mod.rs`; name it after its folder"))
        .collect();
    assert_none(
        &breaches,
        "ten open files called mod.rs cannot be told apart",
    );
}

#[test]
fn files_are_of_a_size_to_be_read() {
    let limit = |file: &File| match file.path.rsplit('/').next() {
        Some("main.rs") => (15, "a program is its library; `main.rs` only names it"),
        Some("lib.rs") => (100, "`lib.rs` is the table of contents"),
        _ => (
            MAX_LINES,
            "nobody holds more than that in mind; look for the seam, it is there before 400 lines",
        ),
    };
    for file in repository::sources().iter().filter(|file| !file.is_test()) {
        let (most, why) = limit(file);
        let lines = file.program().len();
        let breaches: Vec<Breach> = (lines > most)
            .then(|| {
                breach(
                    file,
                    0,
                    format!("has {lines} lines without its tests, over {most}"),
                )
            })
            .into_iter()
            .collect();
        assert_none(&breaches, why);
    }
}

#[test]
fn attribute_keys_are_constants() {
    let mut breaches = Vec::new();
    for file in repository::sources()
        .iter()
        .filter(|file| !KEYS.contains(&file.path.as_str()))
    {
        for (line, text) in file.code() {
            for namespace in ["messaging.", "http.", "db."] {
                if has_key_in(text, namespace) {
                    breaches.push(breach(
                        file,
                        line,
                        format!("writes a key of `{namespace}` out"),
                    ));
                }
            }
        }
    }
    assert_none(
        &breaches,
        "keys change with the conventions: they are constants of `shared/src/telemetry/keys.rs` (names of metrics: `metrics/names.rs`)",
    );
}

/// Whether there is a string that starts with a key in `namespace`. The namespace alone is none.
fn has_key_in(line: &str, namespace: &str) -> bool {
    let quoted = format!("\"{namespace}");
    line.split(&quoted)
        .skip(1)
        .any(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()))
}

#[test]
fn nothing_of_one_machine_is_in_the_repository() {
    let here = repository::root().to_string_lossy().into_owned();
    // Put together, so that this file is not a breach itself.
    let places = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), here.as_str()];
    let mut breaches = Vec::new();
    for file in repository::files() {
        for (line, text) in (1..).zip(file.text.lines()) {
            for place in places.iter().filter(|place| text.contains(*place)) {
                breaches.push(breach(&file, line, format!("has the path `{place}`")));
            }
        }
    }
    assert_none(&breaches, "a path of one machine means nothing on another");
}
