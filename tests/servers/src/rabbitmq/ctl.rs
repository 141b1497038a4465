//! `rabbitmqctl` for one broker.

use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{container, ports, scratch};

/// How `rabbitmqctl` is run for a broker.
#[derive(Debug)]
pub(super) enum Ctl {
    /// This program, with what the broker has in its environment.
    Program(PathBuf, Vec<(&'static str, OsString)>),
    /// The one in this container.
    Container(String),
}

impl Ctl {
    fn command(&self) -> Command {
        match self {
            Self::Program(program, environment) => {
                let mut command = Command::new(program);
                command.envs(environment.iter().map(|(name, value)| (name, value)));
                command
            }
            Self::Container(name) => {
                let mut command = container::run_in(name);
                command.arg("rabbitmqctl");
                command
            }
        }
    }

    pub(super) fn run(&self, arguments: &[&str]) -> String {
        container::output_of(
            self.command()
                .arg("--quiet")
                .args(arguments)
                .stdin(Stdio::null()),
        )
    }

    /// Makes virtual hosts that `user` may do everything in, and returns their names.
    pub(super) fn new_vhosts(&self, user: &str, count: usize) -> Vec<String> {
        let names: Vec<String> = (0..count)
            .map(|_| format!("test-{:016x}", ports::random()))
            .collect();
        self.import(&definitions(user, &names));
        names
    }

    /// Hands over definitions in the JSON of `rabbitmqctl export_definitions`.
    fn import(&self, definitions: &str) {
        let directory = scratch::directory("definitions");
        let file = directory.path().join("definitions.json");
        fs::write(&file, definitions).expect("the directory is ours");
        match self {
            Self::Program(..) => self.run(&["import_definitions", &file.to_string_lossy()]),
            Self::Container(name) => {
                let inside = "/tmp/definitions.json";
                container::copy_into(name, &file, inside);
                self.run(&["import_definitions", inside])
            }
        };
    }
}

/// The names need no escaping: they are ours.
fn definitions(user: &str, vhosts: &[String]) -> String {
    let list = |entry: &dyn Fn(&String) -> String| -> String {
        vhosts.iter().map(entry).collect::<Vec<_>>().join(",")
    };
    let names = list(&|name| format!(r#"{{"name":"{name}"}}"#));
    let permissions = list(&|name| {
        format!(r#"{{"user":"{user}","vhost":"{name}","configure":".*","write":".*","read":".*"}}"#)
    });
    format!(r#"{{"vhosts":[{names}],"permissions":[{permissions}]}}"#)
}
