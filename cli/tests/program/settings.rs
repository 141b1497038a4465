//! `chimera config`, `--help` and the completions.

use crate::process::{chimera, directory, run, stderr, stdout};

const COMMANDS: [&str; 10] = [
    "ask",
    "up",
    "publish",
    "request",
    "traces",
    "trace",
    "sources",
    "doctor",
    "config",
    "completions",
];

#[test]
fn settings_are_shown_with_their_source_and_without_their_secrets() {
    let directory = directory();
    let file = directory.path().join("mine.toml");
    std::fs::write(&file, "[api]\nmax_wait = \"5s\"\n").unwrap();
    let output = chimera(directory.path())
        .args(["--config", file.to_str().unwrap()])
        .args(["--set", "bus.url=amqp://guest:one-secret@rabbit/chimera"])
        .env("CHIMERA__SOURCES__ZCASH__PASSWORD", "another-secret")
        .arg("config")
        .output()
        .unwrap();
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let check = |key: &str, value: &str, source: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        assert!(line.contains(value) && line.ends_with(source), "{line}");
    };
    check(
        "data_dir",
        directory.path().to_str().unwrap(),
        "the flag --data-dir",
    );
    check(
        "bus.url",
        "amqp://guest:***@rabbit/chimera",
        "the flag --set",
    );
    check("api.max_wait", "\"5s\"", "mine.toml line 2");
    check(
        "sources.zcash.password",
        "\"***\"",
        "the environment variable CHIMERA__SOURCES__ZCASH__PASSWORD",
    );
    check("bus.prefetch", "32", "# the default");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn a_refused_setting_is_no_secret_leak() {
    let directory = directory();
    let output = run(
        directory.path(),
        &["--set", "bus.url=nonsense://u:hidden@h", "config"],
    );
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("bus.url") && !said.contains("hidden"),
        "{said}"
    );
}

#[test]
fn each_command_has_an_example() {
    let directory = directory();
    for command in COMMANDS {
        let output = run(directory.path(), &[command, "--help"]);
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(0));
        assert!(text.contains("Example:  "), "{command}: {text}");
        assert!(
            text.contains(&format!("chimera {command}")),
            "{command}: {text}"
        );
    }
    let text = stdout(&run(directory.path(), &["--help"]));
    for command in COMMANDS {
        assert!(
            text.contains(&format!("\n  {command} ")),
            "{command}: {text}"
        );
    }
}

#[test]
fn completions_know_every_command() {
    let directory = directory();
    for shell in ["bash", "zsh", "fish"] {
        let output = run(directory.path(), &["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        let script = stdout(&output);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
    let unknown = run(directory.path(), &["completions", "cmd"]);
    assert_eq!(unknown.status.code(), Some(2));
}
