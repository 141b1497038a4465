//! The process that a service runs in.

use std::{
    env, fs,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

/// Name and path of the program's file.
pub(super) fn executable() -> (Option<String>, Option<String>) {
    let Ok(path) = env::current_exe() else {
        return (None, None);
    };
    let name = path.file_name();
    (
        name.map(|name| name.to_string_lossy().into_owned()),
        Some(path.to_string_lossy().into_owned()),
    )
}

/// The name of the user whose process this is, `process.owner`. Only the system's own list of users is looked at: asking
/// a directory service would be a call that may hang.
pub(super) fn owner() -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    name_of(&users, rustix::process::geteuid().as_raw())
}

/// `root:x:0:0:root:/root:/bin/sh` is a line of `users`.
fn name_of(users: &str, id: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let is_it = fields.nth(1)?.parse() == Ok(id);
        is_it.then(|| name.to_owned())
    })
}

/// When the process began, by ISO 8601; `process.creation.time`. Where the system does not tell (only Linux does), nothing.
pub(super) fn creation_time() -> Option<String> {
    // All services of a process say the same, however the clock is set meanwhile.
    static CREATED: LazyLock<Option<SystemTime>> = LazyLock::new(|| {
        let age = age(
            &fs::read_to_string("/proc/self/stat").ok()?,
            &fs::read_to_string("/proc/uptime").ok()?,
            rustix::param::clock_ticks_per_second(),
        )?;
        SystemTime::now().checked_sub(age)
    });
    CREATED.map(|time| humantime::format_rfc3339_millis(time).to_string())
}

/// The age of a process, by its line in `stat`, and by how long the system has been up.
///
/// Source: proc(5), the 22nd field of `/proc/PID/stat` and the first one of `/proc/uptime`.
fn age(stat: &str, uptime: &str, ticks_per_second: u64) -> Option<Duration> {
    // The second field is the program's name, which may have anything in it, also blanks and brackets.
    let (_, after_name) = stat.rsplit_once(") ")?;
    let ticks: f64 = after_name.split(' ').nth(19)?.parse().ok()?;
    let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
    Duration::try_from_secs_f64(uptime - ticks / ticks_per_second as f64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_found_by_number() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\n:x:7:7\nbroken\nann:x:1000:1000::/home/ann:/bin/sh\n";
        let check = |id, expected| assert_eq!(name_of(users, id).as_deref(), expected);
        check(0, Some("root"));
        check(1000, Some("ann"));
        check(7, None);
        check(8, None);
    }

    #[test]
    fn an_age_is_what_is_left_of_the_uptime() {
        let stat = |name: &str| {
            format!("7 ({name}) R 1 7 7 0 -1 0 99 0 0 0 0 0 0 0 20 0 1 0 150 3133440 409")
        };
        let check = |name, uptime, expected| {
            let expected: Option<u64> = expected;
            let age = age(&stat(name), uptime, 100);
            assert_eq!(age, expected.map(Duration::from_millis));
        };
        check("cat", "2.25 9.00\n", Some(750));
        check("a) R 1", "2.25 9.00\n", Some(750));
        // The clocks disagree.
        check("cat", "1.00 9.00\n", None);
        check("cat", "", None);
        assert_eq!(age("7 (cat) R", "2.25 9.00", 100), None);
    }

    #[test]
    fn this_process_began_before_now() {
        let text = creation_time();
        assert_eq!(text.is_some(), cfg!(target_os = "linux"));
        if let Some(text) = &text {
            let began = humantime::parse_rfc3339(text).unwrap();
            assert!(began < SystemTime::now(), "{text}");
        }
        assert_eq!(creation_time(), text);
    }
}
