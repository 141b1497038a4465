//! Any program that a test needs: a browser's driver, for one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use tempfile::TempDir;

use crate::{
    origin::{on_the_path, variable},
    process::Process,
    scratch,
    server::{append_to, end_of_log, log_path},
};

/// A program with a directory of its own, and with all that it starts. They end when it is dropped, and with this process.
#[derive(Debug)]
pub struct Program {
    process: Process,
    log: PathBuf,
    directory: TempDir,
}

impl Program {
    /// Where a program is: where `variable` says, or on the `PATH`.
    pub fn find(variable_name: &str, program: &str) -> Option<PathBuf> {
        variable(variable_name)
            .map(PathBuf::from)
            .or_else(|| on_the_path(program))
    }

    /// Starts what `command` makes of the new directory. `name` is that of its log.
    ///
    /// # Panics
    /// When there is no room for its files.
    pub fn start(name: &str, command: impl FnOnce(&Path) -> Command) -> Self {
        let directory = scratch::directory(name);
        let log = log_path(name, directory.path());
        let file = append_to(&log).expect("logs can be written");
        Self {
            process: Process::spawn(&command(directory.path()), None, &file),
            log,
            directory,
        }
    }

    /// Its directory, which is gone when it is.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        let said = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// What it said last, with the name of its log.
    pub fn said_last(&self) -> String {
        end_of_log(&self.log)
    }
}
