//! The directory of this process, in which every server has one of its own.

use std::{
    io,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{ChildStdin, Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

/// Removes a directory when its standard input ends; more than once, as killed servers may still be writing.
const REMOVE_AT_THE_END: &str = r#"
read -r line
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$1" 2>/dev/null && exit
    sleep 0.2
done
"#;

/// A new directory. It is gone when it is dropped, or when the process has ended, however it ended.
pub(crate) fn directory(name: &str) -> TempDir {
    tempfile::Builder::new()
        .prefix(&format!("{name}."))
        .tempdir_in(root())
        .expect("there is room for a directory")
}

fn root() -> &'static PathBuf {
    static ROOT: OnceLock<(PathBuf, ChildStdin)> = OnceLock::new();
    let (path, _) = ROOT.get_or_init(|| make_root().expect("a temporary directory can be made"));
    path
}

/// What is returned has to be kept: its closing is what the shell waits for.
fn make_root() -> io::Result<(PathBuf, ChildStdin)> {
    let path = tempfile::Builder::new()
        .prefix("chimera-servers.")
        .tempdir()?
        .keep();
    let mut shell = Command::new("sh")
        .args(["-c", REMOVE_AT_THE_END, "sh"])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    Ok((path, shell.stdin.take().expect("it was asked for")))
}
