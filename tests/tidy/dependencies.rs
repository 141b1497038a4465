//! Which crate may know which.

use std::{collections::BTreeMap, fs};

use toml::{Table, Value};

use crate::{
    Breach, assert_none,
    repository::{self, File, names},
};

/// The crates of the repository that each crate may use. Those that are not here may use all.
const HOUSE: [(&str, &[&str]); 9] = [
    ("chimera-bus", &[]),
    ("chimera-traces", &[]),
    ("chimera-questions", &[]),
    ("chimera-shared", &["chimera-bus", "chimera-traces"]),
    ("chimera-servers", &[]),
    ("chimera-api", AGENT),
    ("chimera-query", AGENT),
    ("chimera-retrieval", AGENT),
    ("chimera-analysis", AGENT),
];

/// What an agent stands on: never another agent.
const AGENT: &[&str] = &["chimera-bus", "chimera-questions", "chimera-shared"];

/// The crates that only some may use, beside those that only test with them.
const GUARDED: [(&str, &[&str], &str); 9] = [
    (
        "chimera-servers",
        &["chimera-tests"],
        "a program of ours is told where its servers are, and starts none",
    ),
    (
        "lapin",
        &["chimera-bus"],
        "RabbitMQ is behind the trait of the bus, so that agents cannot tell which bus they run on",
    ),
    (
        "mongodb",
        &["chimera-shared"],
        "documents are behind one instrumented client, or calls would fall out of the trace",
    ),
    (
        "redis",
        &["chimera-shared"],
        "the cache is behind one instrumented client, or calls would fall out of the trace",
    ),
    (
        "reqwest",
        &["chimera-shared", "chimera-cli", "chimera-tests"],
        "HTTP goes out through one instrumented client, or calls would fall out of the trace",
    ),
    (
        "axum",
        &[
            "chimera-api",
            "chimera-cli",
            "chimera-retrieval",
            "chimera-shared",
            "chimera-tests",
            "chimera-traces",
        ],
        "only what serves HTTP needs to know how",
    ),
    (
        "opentelemetry",
        &["chimera-cli", "chimera-shared", "chimera-traces"],
        "handlers use the context's spans, so that every span has its service and its parent",
    ),
    (
        "tracing-opentelemetry",
        &["chimera-shared"],
        "the bridge belongs to the one place that makes subscribers",
    ),
    (
        "fjall",
        &["chimera-bus", "chimera-shared", "chimera-traces"],
        "the storage engine is behind journal, documents and trace store",
    ),
];

/// A crate of the repository.
struct Member {
    path: String,
    text: String,
    manifest: Table,
}

impl Member {
    fn name(&self) -> &str {
        self.manifest["package"]["name"]
            .as_str()
            .expect("a name is a text")
    }

    /// The names of the dependencies of a program, and with `is_test` of its tests.
    fn dependencies(&self, is_test: bool) -> Vec<(&String, &Value)> {
        let tables: &[&str] = if is_test {
            &["dev-dependencies"]
        } else {
            &["dependencies", "build-dependencies"]
        };
        let tables = tables
            .iter()
            .filter_map(|table| self.manifest.get(*table)?.as_table());
        tables.flatten().collect()
    }

    fn breach(&self, named: &str, what: String) -> Breach {
        let line = self.text.lines().position(|line| line.starts_with(named));
        Breach {
            file: self.path.clone(),
            line: line.map_or(0, |line| line + 1),
            what,
        }
    }
}

fn root_manifest() -> Table {
    let text = fs::read_to_string(repository::root().join("Cargo.toml"))
        .expect("there is a root manifest");
    text.parse().expect("cargo has read it")
}

fn members() -> Vec<Member> {
    let root = root_manifest();
    let paths = root["workspace"]["members"]
        .as_array()
        .expect("members are a list");
    let read = |path: &Value| {
        let path = format!("{}/Cargo.toml", path.as_str().expect("a member is a path"));
        let text =
            fs::read_to_string(repository::root().join(&path)).expect("a member has a manifest");
        Member {
            manifest: text.parse().expect("cargo has read it"),
            path,
            text,
        }
    };
    paths.iter().map(read).collect()
}

#[test]
fn dependencies_point_one_way() {
    let house = BTreeMap::from(HOUSE);
    let mut breaches = Vec::new();
    for member in members() {
        let Some(allowed) = house.get(member.name()) else {
            continue;
        };
        // Whatever a room knows, its tests may need a server, and may look at the spans of what makes some.
        let tested_with = |name: &str| {
            name == "chimera-servers"
                || allowed.contains(&"chimera-shared") && name == "chimera-traces"
        };
        let program = member.dependencies(false).into_iter();
        let tests = member.dependencies(true).into_iter();
        for (name, _) in program.chain(tests.filter(|(name, _)| !tested_with(name))) {
            if name.starts_with("chimera-") && !allowed.contains(&name.as_str()) {
                breaches
                    .push(member.breach(name, format!("`{}` may not use `{name}`", member.name())));
            }
        }
    }
    assert_none(
        &breaches,
        "a room that knows only what is below it can be understood, tested and replaced alone",
    );
}

#[test]
fn every_crate_has_its_place_in_the_house() {
    let free = ["chimera-cli", "chimera-tests"];
    let known = |name: &str| free.contains(&name) || HOUSE.iter().any(|(known, _)| *known == name);
    let breaches: Vec<Breach> = members()
        .iter()
        .filter(|member| !known(member.name()))
        .map(|member| {
            member.breach(
                "name",
                format!("`{}` has no place in the house", member.name()),
            )
        })
        .collect();
    assert_none(
        &breaches,
        "a new crate needs a reason, which stands in ARCHITECTURE.md, and a line in this test",
    );
}

#[test]
fn guarded_crates_are_used_where_they_belong() {
    for (guarded, allowed, why) in GUARDED {
        let breaches: Vec<Breach> = members()
            .iter()
            .filter(|member| !allowed.contains(&member.name()))
            .filter(|member| {
                member
                    .dependencies(false)
                    .iter()
                    .any(|(name, _)| *name == guarded)
            })
            .map(|member| {
                member.breach(
                    guarded,
                    format!("`{}` may not use `{guarded}`", member.name()),
                )
            })
            .collect();
        assert_none(&breaches, why);
    }
}

#[test]
fn versions_stand_at_the_root() {
    let mut breaches = Vec::new();
    for member in members() {
        for (name, wanted) in member
            .dependencies(false)
            .into_iter()
            .chain(member.dependencies(true))
        {
            let inherits = wanted.get("workspace").and_then(Value::as_bool) == Some(true);
            if !inherits {
                breaches
                    .push(member.breach(name, format!("`{name}` does not say `workspace = true`")));
            }
        }
    }
    assert_none(
        &breaches,
        "one place for versions is what keeps one version of each crate in the program",
    );
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let takes = |member: &&Member| {
        member
            .manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace")?.as_bool())
            == Some(true)
    };
    let breaches: Vec<Breach> = members()
        .iter()
        .filter(|member| !takes(member))
        .map(|member| {
            member.breach(
                "[lints]",
                "there is no `[lints] workspace = true`".to_owned(),
            )
        })
        .collect();
    assert_none(
        &breaches,
        "a crate without them may hold unsafe code, unwraps and undocumented items unnoticed",
    );
}

#[test]
fn every_dependency_is_accounted_for() {
    let architecture =
        fs::read_to_string(repository::root().join("ARCHITECTURE.md")).expect("it is there");
    let manifest = fs::read_to_string(repository::root().join("Cargo.toml")).expect("it is there");
    let root = root_manifest();
    let wanted = root["workspace"]["dependencies"]
        .as_table()
        .expect("dependencies are a table");
    let mut breaches = Vec::new();
    for name in wanted
        .iter()
        .filter(|(_, wanted)| wanted.get("path").is_none())
        .map(|(name, _)| name)
    {
        if !architecture
            .lines()
            .any(|line| line.starts_with(&format!("| `{name}`")))
        {
            let line = manifest
                .lines()
                .position(|line| line.starts_with(&format!("{name} =")));
            let what = format!("`{name}` is not in the table \"Dependencies\" of ARCHITECTURE.md");
            breaches.push(Breach {
                file: "Cargo.toml".to_owned(),
                line: line.map_or(0, |line| line + 1),
                what,
            });
        }
    }
    assert_none(
        &breaches,
        "each dependency is code that we answer for, so that its reason is written down",
    );
}

#[test]
fn no_crate_depends_on_what_it_does_not_name() {
    let sources = repository::sources();
    let mut breaches = Vec::new();
    for member in members() {
        let folder = member.path.replace("Cargo.toml", "");
        let own: Vec<&File> = sources
            .iter()
            .filter(|file| file.path.starts_with(&folder))
            .collect();
        let is_named = |dependency: &str, is_test: bool| {
            let word = dependency.replace('-', "_");
            own.iter()
                .filter(|file| {
                    is_test || !file.program().is_empty() || folder.starts_with("tests/")
                })
                .any(|file| names(&file.text, &word))
        };
        for is_test in [false, true] {
            for (name, _) in member.dependencies(is_test) {
                if !is_named(name, is_test) {
                    breaches.push(
                        member.breach(name, format!("`{}` does not name `{name}`", member.name())),
                    );
                }
            }
        }
    }
    assert_none(
        &breaches,
        "what is not used is built all the same, and looks as if it were needed; what only tests use is a dev-dependency",
    );
}

#[test]
fn every_dependency_is_used() {
    let root = root_manifest();
    let wanted = root["workspace"]["dependencies"]
        .as_table()
        .expect("dependencies are a table");
    let members = members();
    let is_used = |name: &String| {
        members.iter().any(|member| {
            let all = member
                .dependencies(false)
                .into_iter()
                .chain(member.dependencies(true));
            all.map(|(used, _)| used).any(|used| used == name)
        })
    };
    let breaches: Vec<Breach> = wanted
        .keys()
        .filter(|name| !is_used(name))
        .map(|name| Breach {
            file: "Cargo.toml".to_owned(),
            line: 0,
            what: format!("no crate uses `{name}`"),
        })
        .collect();
    assert_none(
        &breaches,
        "a version that nobody uses is read and updated for nothing",
    );
}
