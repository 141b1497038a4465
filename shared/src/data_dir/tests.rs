use std::fs;

use super::*;

fn refused(path: &Path) -> DataDirError {
    DataDir::open(path, "test").expect_err("it must be refused")
}

#[test]
fn it_is_created_for_this_user_alone() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b");
    let data_dir = DataDir::open(&path, "chimera up").unwrap();
    assert_eq!(data_dir.path(), path);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}

#[test]
fn the_second_is_told_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert_eq!(DataDir::holder(path), None);
    let first = DataDir::open(path, "chimera up").unwrap();
    let (pid, program) = (process::id(), "chimera up".to_owned());
    assert_eq!(DataDir::holder(path), Some(Holder { pid, program }));
    assert_eq!(
        refused(path).to_string(),
        format!(
            "the data directory `{}` is used by `chimera up` (process {pid}); stop it or choose another with --data-dir",
            path.display()
        )
    );
    drop(first);
    assert_eq!(DataDir::holder(path), None);
    DataDir::open(path, "chimera ask").unwrap();
}

/// What a crashed process wrote stays in the file, its lock does not stay.
#[test]
fn a_crash_leaves_nothing_to_clean_up() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join(LOCK_FILE),
        "4242 chimera up, a program with a long name\n",
    )
    .unwrap();
    assert_eq!(DataDir::holder(directory.path()), None);
    let _data_dir = DataDir::open(directory.path(), "x").unwrap();
    let text = fs::read_to_string(directory.path().join(LOCK_FILE)).unwrap();
    assert_eq!(text, format!("{} x\n", process::id()));
}

/// A holder that has not signed yet, or signed with something else.
#[test]
fn an_unsigned_lock_is_a_lock() {
    let directory = tempfile::tempdir().unwrap();
    let lock = File::create(directory.path().join(LOCK_FILE)).unwrap();
    lock.lock().unwrap();
    assert!(matches!(
        refused(directory.path()),
        DataDirError::Locked { holder: None, .. }
    ));
}

#[test]
fn a_file_in_the_way_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        assert_eq!(
            refused(&path).to_string(),
            format!(
                "the data directory `{}` is not a directory; move that file away or choose another with --data-dir",
                path.display()
            )
        );
    }
}

/// `/dev/full` refuses each write as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", directory.path().join(LOCK_FILE)).unwrap();
    assert_eq!(
        refused(directory.path()).to_string(),
        format!(
            "no space is left for the data directory `{}`; free some or choose another with --data-dir",
            directory.path().display()
        )
    );
}

/// Nobody, root included, may create a directory in the kernel's own file system, however it is mounted.
#[cfg(target_os = "linux")]
#[test]
fn a_place_that_may_not_be_written_to_is_named() {
    let error = refused(Path::new("/sys/chimera"));
    assert!(
        matches!(
            error,
            DataDirError::NoPermission { .. } | DataDirError::ReadOnly { .. }
        ),
        "{error:?}"
    );
}

#[test]
fn each_failure_says_what_to_do() {
    #[track_caller]
    fn check(kind: ErrorKind, expected: &str) {
        let error = failed(Path::new("/data"), kind.into());
        assert_eq!(error.to_string(), expected);
    }
    check(
        ErrorKind::ReadOnlyFilesystem,
        "the data directory `/data` is on a read-only file system; choose another with --data-dir",
    );
    check(
        ErrorKind::PermissionDenied,
        "this user may not write to the data directory `/data`; change its owner or choose another with --data-dir",
    );
    check(
        ErrorKind::QuotaExceeded,
        "no space is left for the data directory `/data`; free some or choose another with --data-dir",
    );
    check(
        ErrorKind::NotFound,
        "the data directory `/data` cannot be used; choose another with --data-dir",
    );
}
