//! A program that does not outlive this process.

use std::{
    ffi::OsStr,
    fs::File,
    io::{Read as _, Write as _},
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt as _},
    },
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Runs its arguments as a program, sends it the signals that it reads, says so each time, and ends it when there is no
/// more to read.
///
/// `CONTAINER` names the container that the program only attaches to: that one is sent the signals then. Its first process
/// may be a script, so that it is paused as a whole.
const KEEPER: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
signal() {
    case $1-$CONTAINER in
    *-) kill -s "$1" "$server" ;;
    STOP-*) docker pause "$CONTAINER" ;;
    CONT-*) docker unpause "$CONTAINER" ;;
    *) docker kill --signal "$1" "$CONTAINER" ;;
    esac >/dev/null 2>&1
}
(
    while read -r name <&3; do signal "$name"; echo done >&3; done
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

/// How long it may take in a container, where the first process may be a script that is deaf to being asked.
const PATIENCE_WITH_CONTAINERS: Duration = Duration::from_secs(10);

/// A script that a shell runs when this is dropped or this process has ended, however it ended.
#[derive(Debug)]
pub(crate) struct AtTheEnd {
    shell: Child,
}

impl AtTheEnd {
    /// Will run `script`, with `argument` as its `$1`.
    pub(crate) fn run(script: &str, argument: &OsStr) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("read -r line\n{script}"), "sh"])
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let shell = shell.spawn().expect("there is a shell");
        Self { shell }
    }
}

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    keeper: Child,
    /// To the keeper and back.
    line: UnixStream,
    is_container: bool,
}

impl Process {
    /// Runs `command` with what it prints in `log`; `container` is the one that it attaches to.
    pub(crate) fn spawn(command: &Command, container: Option<&str>, log: &File) -> Self {
        let (line, end) = UnixStream::pair().expect("the system has sockets");
        line.set_read_timeout(Some(PATIENCE))
            .expect("it is not zero");
        let outputs = (log.try_clone(), log.try_clone());
        let mut keeper = Command::new("sh");
        keeper
            .args(["-c", KEEPER, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .env("CONTAINER", container.unwrap_or_default())
            .stdin(OwnedFd::from(end))
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
        Self {
            keeper,
            line,
            is_container: container.is_some(),
        }
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.keeper.try_wait().expect("it is our child")
    }

    /// Sends it a signal (`TERM`, `KILL`, `STOP`, `CONT`), and returns when it is sent. Nothing happens when it has ended.
    pub(crate) fn signal(&mut self, name: &str) {
        // Both fail only when the keeper is gone, and its server with it.
        let _ = writeln!(self.line, "{name}");
        let _ = self.line.read_exact(&mut [0; b"done\n".len()]);
    }

    /// Asks it to end, and returns when it has.
    ///
    /// # Panics
    /// When it does not end.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        if self.is_container {
            if !self.ends_within(PATIENCE_WITH_CONTAINERS) {
                self.kill();
            }
        } else {
            assert!(
                self.ends_within(PATIENCE),
                "a server does not end within {PATIENCE:?}"
            );
        }
    }

    /// Ends it without a chance to put its things in order.
    pub(crate) fn kill(mut self) {
        self.signal("KILL");
        assert!(self.ends_within(PATIENCE), "a server cannot be killed");
    }

    fn ends_within(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.ended().is_none() {
            if Instant::now() > until {
                return false;
            }
            thread::sleep(LOOK_EVERY);
        }
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The keeper reads to the end, and ends.
        let _ = self.line.shutdown(Shutdown::Both);
        let _ = self.keeper.wait();
    }
}
