//! A server of the test's own, whichever it is.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    answer::Greeting,
    container::{Container, Recipe},
    origin::{Kind, variable},
    ports,
    process::{LOOK_EVERY, Process},
    scratch,
};

/// Where the logs go instead of the temporary directory.
const LOGS: &str = "CHIMERA_TEST_LOGS";

/// How long a server may take to answer. It takes some seconds; a machine that is busy with other tests, some more.
const PATIENCE: Duration = Duration::from_secs(90);

/// A port that was free can be taken by the time the server asks for it.
const STARTS: usize = 3;

/// How many lines of a log stand in the message of a panic.
const TAIL_LINES: usize = 30;

/// How a server is run.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) command: Command,
    /// The container that the command attaches to, if there is one.
    pub(crate) container: Option<Container>,
    /// Where it is asked whether it is ready.
    pub(crate) port: u16,
    /// What must be there before it, and ends with it.
    pub(crate) companion: Option<Process>,
}

impl Launch {
    /// Runs a program.
    pub(crate) fn program(command: Command, port: u16) -> Self {
        Self {
            command,
            container: None,
            port,
            companion: None,
        }
    }

    /// Makes a container that publishes `port`.
    pub(crate) fn container(recipe: &Recipe, port: u16) -> Self {
        let container = Container::create(recipe);
        Self {
            command: container.start(),
            container: Some(container),
            port,
            companion: None,
        }
    }
}

/// A server that can be stopped and started again. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    greeting: Greeting,
    process: Mutex<Option<Process>>,
    launch: Launch,
    log: PathBuf,
    /// Its data. It is removed when this is dropped.
    _directory: TempDir,
}

impl Server {
    /// Starts a server, and returns when it answers. `prepare` is given a directory of the server's own, and says how to run
    /// it; it is called again, for other ports, when the server ends at once.
    pub(crate) fn start<T>(
        kind: Kind,
        greeting: Greeting,
        prepare: impl Fn(&Path) -> (Launch, T),
    ) -> (Self, T) {
        let mut attempt = 1;
        loop {
            let directory = scratch::directory(kind.program);
            let (launch, more) = prepare(directory.path());
            let server = Self {
                kind,
                greeting,
                process: Mutex::new(None),
                log: log_path(kind.program, directory.path()),
                launch,
                _directory: directory,
            };
            match server.run() {
                Ok(()) => return (server, more),
                Err(_) if attempt < STARTS => attempt += 1,
                Err(why) => panic!("{why}"),
            }
        }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.launch.port
    }

    /// Asks it to end, and returns when it has. Nothing happens when it does not run.
    pub(crate) fn stop(&self) {
        if let Some(process) = self.process().take() {
            process.stop();
        }
    }

    /// Ends it at once. Nothing happens when it does not run.
    pub(crate) fn kill(&self) {
        if let Some(process) = self.process().take() {
            process.kill();
        }
    }

    /// Stops its clock: it neither answers nor closes its connections.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// Starts it on the same ports with the same data, and returns when it answers.
    pub(crate) fn start_again(&self) {
        assert!(self.process().is_none(), "{} still runs", self.kind.name);
        if let Err(why) = self.run() {
            panic!("{why}");
        }
    }

    fn signal(&self, name: &str) {
        let mut process = self.process();
        process.as_mut().expect("it runs").signal(name);
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().expect("no holder of it panics")
    }

    /// # Errors
    /// Why it does not run, with the end of its log.
    fn run(&self) -> Result<(), String> {
        let log = append_to(&self.log).expect("logs can be written");
        let container = self.launch.container.as_ref().map(Container::name);
        let mut process = Process::spawn(&self.launch.command, container, &log);
        let until = Instant::now() + PATIENCE;
        while !self.greeting.is_answered(self.launch.port) {
            let ended = process.ended();
            if ended.is_none() && Instant::now() < until {
                thread::sleep(LOOK_EVERY);
                continue;
            }
            let how = ended.map_or_else(
                || format!("does not answer within {PATIENCE:?}"),
                |status| format!("ended while it started ({status})"),
            );
            let name = self.kind.name;
            return Err(format!("{name} {how}; {}", end_of_log(&self.log)));
        }
        *self.process() = Some(process);
        Ok(())
    }
}

/// What a program said last, with the name of its log.
pub(crate) fn end_of_log(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    format!("the end of {}:\n{}", log.display(), tail.join("\n"))
}

/// Opens a file for writing behind what is there already.
pub(crate) fn append_to(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// Where a program of this name is to write what it says.
pub(crate) fn log_path(name: &str, directory: &Path) -> PathBuf {
    let Some(logs) = variable(LOGS) else {
        return directory.join("server.log");
    };
    let logs = PathBuf::from(logs);
    fs::create_dir_all(&logs).expect("the directory for logs can be made");
    let number = ports::random();
    logs.join(format!("{name}-{}-{number:08x}.log", process::id()))
}
