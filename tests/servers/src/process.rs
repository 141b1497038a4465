//! A program that does not outlive this process.

use std::{
    fs::File,
    io::Write as _,
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Runs its arguments as a program, sends it the signals that it reads, and ends it when there is no more to read.
///
/// `CONTAINER` names the container that the program only attaches to: that one is meant then.
const KEEPER: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
signal() {
    if [ -n "$CONTAINER" ]; then docker kill --signal "$1" "$CONTAINER"; else kill -s "$1" "$server"; fi >/dev/null 2>&1
}
(
    while read -r name <&3; do signal "$name"; done
    [ -z "$CONTAINER" ] || docker rm --force --volumes "$CONTAINER" >/dev/null 2>&1
    kill -s KILL 0
) &
reader=$!
wait "$server"
status=$?
kill -s KILL "$reader"
exit "$status"
"#;

/// How often it is looked whether something has happened.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long a server may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    keeper: Child,
}

impl Process {
    /// Runs `command` with what it prints in `log`; `container` is the one that it attaches to.
    pub(crate) fn spawn(command: &Command, container: Option<&str>, log: &File) -> Self {
        let outputs = (log.try_clone(), log.try_clone());
        let mut keeper = Command::new("sh");
        keeper
            .args(["-c", KEEPER, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .env("CONTAINER", container.unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(outputs.0.expect("a file can be opened twice"))
            .stderr(outputs.1.expect("a file can be opened twice"))
            .process_group(0);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => keeper.env(name, value),
                None => keeper.env_remove(name),
            };
        }
        let keeper = keeper.spawn().expect("there is a shell");
        Self { keeper }
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.keeper.try_wait().expect("it is our child")
    }

    /// Sends it a signal (`TERM`, `KILL`, `STOP`, `CONT`). Nothing happens when it has ended.
    pub(crate) fn signal(&mut self, name: &str) {
        let pipe = self.keeper.stdin.as_mut().expect("it was asked for");
        // Fails only when the keeper is gone, and its server with it.
        let _ = writeln!(pipe, "{name}");
    }

    /// Asks it to end, and returns when it has.
    ///
    /// # Panics
    /// When it does not end.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        self.wait();
    }

    /// Ends it without a chance to put its things in order.
    pub(crate) fn kill(mut self) {
        self.signal("KILL");
        self.wait();
    }

    fn wait(&mut self) {
        let until = Instant::now() + PATIENCE;
        while self.ended().is_none() {
            assert!(
                Instant::now() < until,
                "a server does not end within {PATIENCE:?}"
            );
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
