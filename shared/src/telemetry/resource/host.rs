//! The machine that a service runs on.

use std::{env, fs, path::Path};

/// Where a machine's id is kept, the first one that has it.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/resource/host/#collecting-hostid-from-non-containerized-systems>.
const MACHINE_ID: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// The machine's id, where the system has given it one; `host.id`.
pub(super) fn id() -> Option<String> {
    machine_id(&MACHINE_ID.map(Path::new))
}

/// Before its first start, and in most containers, a system has none: no file, an empty one, or `uninitialized` in it.
fn machine_id(paths: &[&Path]) -> Option<String> {
    let ids = paths
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    let mut ids = ids.map(|text| text.trim().to_owned());
    ids.find(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(super) fn name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

/// Source: <https://opentelemetry.io/docs/specs/semconv/registry/attributes/host/>, `host.arch`.
pub(super) fn arch() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// Source: <https://opentelemetry.io/docs/specs/semconv/registry/attributes/os/>, `os.type`.
pub(super) fn os_type() -> &'static str {
    match env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_with_an_id_counts() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        const ID: &str = "0123456789abcdef0123456789abcdef";
        let missing = directory.path().join("missing");
        let whole = file("whole", &format!("{ID}\n"));
        let check = |first: &Path, expected: Option<&str>| {
            assert_eq!(machine_id(&[first]).as_deref(), expected);
            assert_eq!(machine_id(&[first, &whole]).as_deref(), Some(ID));
        };
        check(&missing, None);
        check(&file("empty", ""), None);
        check(&file("new", "uninitialized\n"), None);
        check(&file("short", "0123"), None);
        check(&whole, Some(ID));
    }
}
