//! The directory of this process, in which every server has one of its own.

use std::{path::PathBuf, sync::OnceLock};

use tempfile::TempDir;

use crate::process::AtTheEnd;

/// Removes a directory; more than once, as servers that were just killed may still be writing.
const REMOVE: &str = r#"
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
    static ROOT: OnceLock<(PathBuf, AtTheEnd)> = OnceLock::new();
    let (path, _) = ROOT.get_or_init(|| {
        let path = tempfile::Builder::new()
            .prefix("chimera-servers.")
            .tempdir()
            .expect("a temporary directory can be made")
            .keep();
        let end = AtTheEnd::run(REMOVE, path.as_os_str());
        (path, end)
    });
    path
}
