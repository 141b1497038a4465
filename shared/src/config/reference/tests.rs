//! The default file and the table in the documentation follow from the declarations. After a change to those,
//! `UPDATE=1 cargo test -p chimera-shared config::reference` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::*;
use crate::config::{LoadOptions, Origin, load};

/// Compares `file`, a path from the root of the repository, with what it should hold.
fn check(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch for whoever changes a key, not configuration"
    )]
    let update = env::var("UPDATE").is_ok();
    if update {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{file} does not fit the declarations: run the tests with UPDATE=1 and look at the difference"
    );
}

fn render_toml() -> String {
    let mut text = String::from(
        "# The configuration of Chimera: every key with its default, commented out. Remove a `#` to change a value.\n\
         # A variable beats this file: that of `bus.url` is CHIMERA__BUS__URL. `chimera config` shows what is in force.\n",
    );
    for section in reference() {
        if !section.name.is_empty() {
            text.push('\n');
        }
        for line in &section.about {
            writeln!(text, "# {line}").unwrap();
        }
        if !section.name.is_empty() {
            writeln!(text, "[{}]", section.name).unwrap();
        }
        for key in section.keys {
            text.push('\n');
            for line in &key.about {
                writeln!(text, "# {line}").unwrap();
            }
            writeln!(
                text,
                "#{} = {}",
                key.key.rsplit('.').next().unwrap(),
                key.default
            )
            .unwrap();
        }
    }
    text
}

fn render_table() -> String {
    let mut text = String::from(include_str!("introduction.md"));
    for section in reference() {
        if section.keys.is_empty() {
            continue;
        }
        let title = if section.name.is_empty() {
            "Above all sections".to_owned()
        } else {
            format!("`[{}]`", section.name)
        };
        write!(text, "\n## {title}\n\n{}", section.about.join(" ")).unwrap();
        let gap = if section.about.is_empty() { "" } else { "\n\n" };
        writeln!(
            text,
            "{gap}| key | meaning | allowed | default | variable |\n|---|---|---|---|---|"
        )
        .unwrap();
        for key in section.keys {
            let name = key.key.rsplit('.').next().unwrap();
            let variables: Vec<_> = key
                .variables
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            let cells = [
                key.about.join(" "),
                key.expected,
                format!("`{}`", key.default),
                variables.join(", "),
            ];
            let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            writeln!(text, "| `{name}` | {} |", cells.join(" | ")).unwrap();
        }
    }
    text
}

#[test]
fn the_default_file_follows_the_declarations() {
    check("config/chimera.toml", &render_toml());
}

#[test]
fn the_table_in_the_documentation_follows_the_declarations() {
    check("docs/configuration.md", &render_table());
}

/// With every `#key = default` made real, the file gives what the program has without it, and for every key.
#[test]
fn the_default_file_holds_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let is_key = |line: &str| line.starts_with('#') && !line.starts_with("# ");
    let lines = default_toml()
        .lines()
        .map(|line| if is_key(line) { &line[1..] } else { line });
    fs::create_dir(directory.path().join("config")).unwrap();
    fs::write(
        directory.path().join("config/chimera.toml"),
        lines.collect::<Vec<_>>().join("\n"),
    )
    .unwrap();

    let options = |working_dir: PathBuf| LoadOptions {
        working_dir,
        platform_data_dir: Some(PathBuf::from("/data")),
        ..LoadOptions::default()
    };
    let written = load(&options(directory.path().to_owned())).unwrap();
    let silent = load(&options(directory.path().join("elsewhere"))).unwrap();
    assert_eq!(written.config, silent.config);
    for setting in written.explain() {
        assert_ne!(
            setting.source,
            Origin::Default,
            "{} is missing in the file",
            setting.key
        );
    }
}

#[test]
fn no_two_keys_share_a_variable() {
    let mut owners = BTreeMap::new();
    for key in reference().into_iter().flat_map(|section| section.keys) {
        for variable in key.variables {
            let other = owners.insert(variable.clone(), key.key.clone());
            assert_eq!(other, None, "{variable} sets {} too", key.key);
        }
    }
}
