//! Servers whose process is gone, and servers that are not there.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The processes that were told to use `directory`, where the system shows that.
fn processes_in(directory: &Path) -> usize {
    let name = directory.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let environments =
        processes.filter_map(|process| fs::read(process.path().join("environ")).ok());
    environments
        .filter(|environment| environment.windows(name.len()).any(|text| text == name))
        .count()
}

/// Starts a server in another process, kills that, and finds nothing that it leaves behind.
fn check(server: &str) {
    let place = TempDir::new().expect("there is room for a directory");
    let mut starter = Command::new(env!("CARGO_BIN_EXE_chimera-servers"))
        .arg(server)
        .env("TMPDIR", place.path())
        .env_remove("CHIMERA_TEST_AMQP_URL")
        .env_remove("CHIMERA_TEST_REDIS_URL")
        .env_remove("CHIMERA_TEST_LOGS")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is built for this test");
    let mut line = String::new();
    BufReader::new(starter.stdout.take().expect("it was asked for"))
        .read_line(&mut line)
        .expect("it is text");
    let address = line.split('\'').nth(1).expect("there is a URL");
    let address = address
        .rsplit(['@', '/'])
        .find(|part| part.contains("127.0.0.1"));
    let address = address.expect("it is on this machine");
    TcpStream::connect(address).expect("it runs");

    if Path::new("/proc/self/environ").exists() {
        assert!(processes_in(place.path()) > 2, "they cannot be seen");
    }

    starter.kill().expect("it is our child");
    starter.wait().expect("it is our child");
    eventually("it listens no more", || {
        TcpStream::connect(address).is_err()
    });
    eventually("no process is left", || processes_in(place.path()) == 0);
    eventually("no file is left", || {
        fs::read_dir(place.path())
            .expect("it is ours")
            .next()
            .is_none()
    });
}

#[test]
fn redis_ends_with_the_process_that_started_it() {
    check("redis");
}

#[test]
fn rabbitmq_ends_with_the_process_that_started_it() {
    check("rabbitmq");
}

#[test]
fn what_is_missing_is_said_in_one_line() {
    let nowhere = TempDir::new().expect("there is room for a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_chimera-servers"))
        .arg("redis")
        .env("PATH", nowhere.path())
        .env_remove("CHIMERA_TEST_REDIS_URL")
        .env_remove("CHIMERA_TEST_REDIS")
        .env_remove("CHIMERA_TEST_REDIS_IMAGE")
        .output()
        .expect("it is built for this test");
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said
        .lines()
        .find(|line| line.contains("this test needs Redis"));
    assert!(
        line.is_some_and(|line| line.contains("run scripts/test, install `redis-server`")),
        "{said}"
    );
}
