//! Surroundings that do not fit: one clear line, and an exit code that is not 0.

use std::{net::TcpListener, process::Command};

use crate::process::{Up, chimera, directory, run, stderr};

#[test]
fn a_second_up_says_who_has_the_data_directory() {
    let directory = directory();
    let up = Up::start(directory.path(), &[]);
    // On the same ports, as with two that are started alike: the directory is what is worth telling.
    let taken = format!(
        "viewer.listen={}",
        up.address("chimera", "traces and commands")
    );
    let output = run(directory.path(), &["--set", &taken, "up"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(
        said.contains(&up.pid().to_string()) && said.contains("chimera up"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_taken_port_is_named_with_its_setting() {
    let directory = directory();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for setting in ["api.listen", "viewer.listen"] {
        let output = run(
            directory.path(),
            &["--set", &format!("{setting}={address}"), "up"],
        );
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(
            said.contains(&address.to_string()) && said.contains(setting),
            "{said}"
        );
        assert!(said.contains("another program listens there"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn commands_without_a_key_stay_on_this_machine() {
    let directory = directory();
    let output = run(
        directory.path(),
        &["--set", "viewer.listen=0.0.0.0:0", "up"],
    );
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("viewer.listen is 0.0.0.0:0"), "{said}");
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let directory = directory();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    for data_dir in [file.as_path(), std::path::Path::new("/sys/chimera")] {
        let output = run(data_dir, &["up"]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(
            said.contains(&data_dir.display().to_string()) && said.contains("--data-dir"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// A limit on file sizes fails a write as a full disk does, and needs no disk of its own.
#[test]
fn a_full_disk_is_said_in_one_line() {
    let directory = directory();
    let program = chimera(directory.path());
    let quoted: Vec<String> = std::iter::once(program.get_program())
        .chain(program.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let script = format!("trap '' XFSZ; ulimit -f 0; exec {} up", quoted.join(" "));
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let said = stderr(&output);
    assert_ne!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains(&directory.path().display().to_string()),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}
