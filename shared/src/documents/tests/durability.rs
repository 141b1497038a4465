//! What a killed process, and a disk that takes nothing, leave behind. Both need a process of their own: this test
//! program starts itself again with one test and the directory to work in.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use super::*;

const DIRECTORY: &str = "CHIMERA_TEST_DOCUMENTS_DIRECTORY";

/// Where the child works; `None` in the test run itself.
fn child_directory() -> Option<std::ffi::OsString> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how a test tells its own child process what to do"
    )]
    std::env::var_os(DIRECTORY)
}

/// Starts this program again to run only `test`, with file size limits left to it to survive.
fn child(test: &str, directory: &Path) -> Child {
    // A shell, because an ignored signal is inherited: writes beyond the size limit then fail instead of killing.
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg(format!("documents::tests::durability::{test}"))
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn collection(store: &Documents) -> Collection {
    let (telemetry, _) = Telemetry::for_test("test");
    store.scoped(&telemetry.root()).collection("numbers")
}

#[derive(Debug, Serialize, Deserialize)]
struct Number {
    n: u64,
}

/// In the child: stores numbers from 16 tasks, and prints each once it is durable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_until_killed() {
    let Some(directory) = child_directory() else {
        return;
    };
    let store = Documents::open_embedded(Path::new(&directory))
        .await
        .unwrap();
    let numbers = collection(&store);
    let next = AtomicU64::new(0);
    let tasks = (0..16).map(|_| async {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            numbers
                .insert(&format!("{n:08}"), &Number { n })
                .await
                .unwrap();
            println!("stored {n}");
        }
    });
    futures_util::future::join_all(tasks).await;
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_it_confirmed() {
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=2 {
        let mut child = child("stores_until_killed", directory.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let stored = lines.map_while(Result::ok).filter_map(|line| number(&line));
        let confirmed: Vec<u64> = stored.take(500).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(confirmed.len(), 500, "round {round}");

        let store = Documents::open_embedded(directory.path()).await.unwrap();
        let numbers = collection(&store);
        for n in confirmed {
            let found = numbers.get::<Number>(&format!("{n:08}")).await.unwrap();
            assert_eq!(found.map(|number| number.n), Some(n), "round {round}");
        }
        // The next round starts at 0 again.
        for found in numbers
            .find::<Number>(Filter::all(), Page::first(usize::MAX))
            .await
            .unwrap()
        {
            numbers.delete(&format!("{:08}", found.n)).await.unwrap();
        }
        store.close().await;
    }
}

fn number(line: &str) -> Option<u64> {
    // The test runner may print on the same line.
    let (_, number) = line.rsplit_once("stored ")?;
    number.parse().ok()
}

/// In the child: the process may not write beyond 4 KiB for a while, as on a full disk.
#[tokio::test]
async fn fills_its_disk() {
    let Some(directory) = child_directory() else {
        return;
    };
    let store = Documents::open_embedded(Path::new(&directory))
        .await
        .unwrap();
    let numbers = collection(&store);
    numbers.insert("before", &Number { n: 1 }).await.unwrap();

    limit_file_size("4096:unlimited");
    let mut error = None;
    for n in 0..100 {
        error = numbers.insert(&format!("{n}"), &Number { n }).await.err();
        if error.is_some() {
            break;
        }
    }
    let error = error.expect("the limit was reached");
    assert!(error.is_transient());
    assert_eq!(error.error_type(), "disk_full", "{error:?}");
    assert!(error.to_string().contains("free space"), "{error}");
    let again = numbers
        .insert("while full", &Number { n: 2 })
        .await
        .unwrap_err();
    assert_eq!(again.error_type(), "disk_full", "{again:?}");
    assert!(store.check().await.is_err());
    assert!(numbers.get::<Number>("before").await.unwrap().is_some());

    limit_file_size("unlimited:unlimited");
    numbers.insert("after", &Number { n: 3 }).await.unwrap();
    store.check().await.unwrap();
    assert!(numbers.get::<Number>("before").await.unwrap().is_some());
    store.close().await;

    let store = Documents::open_embedded(Path::new(&directory))
        .await
        .unwrap();
    let numbers = collection(&store);
    assert!(numbers.get::<Number>("before").await.unwrap().is_some());
    assert!(numbers.get::<Number>("while full").await.unwrap().is_none());
    assert!(numbers.get::<Number>("after").await.unwrap().is_some());
    println!("recovered");
}

fn limit_file_size(limit: &str) {
    let process = std::process::id().to_string();
    let set = Command::new("prlimit")
        .args(["--pid", &process, &format!("--fsize={limit}")])
        .status();
    assert!(set.unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_survived() {
    let directory = tempfile::tempdir().unwrap();
    let output = child("fills_its_disk", directory.path())
        .wait_with_output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("recovered"), "{printed}");
}
