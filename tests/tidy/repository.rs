//! The files of the repository, and what of them is code.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What is in the root beside the project: results of a build or of a test run, and git's own.
const NOT_OURS: [&str; 3] = [".git", ".test-logs", "target"];

/// A text file of the repository.
pub(crate) struct File {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the crate is in a folder of the root")
}

/// Every text file, sorted by path.
pub(crate) fn files() -> Vec<File> {
    let mut paths = Vec::new();
    collect(root(), &mut paths);
    paths.sort();
    paths
        .into_iter()
        .filter_map(|path| {
            let text = String::from_utf8(fs::read(&path).ok()?).ok()?;
            let path = path.strip_prefix(root()).ok()?;
            Some(File {
                path: path.to_string_lossy().replace('\\', "/"),
                text,
            })
        })
        .collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the repository can be read") {
        let path = entry.expect("the repository can be read").path();
        if NOT_OURS.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        if path.is_dir() {
            collect(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

/// Every Rust source, sorted by path.
pub(crate) fn sources() -> Vec<File> {
    let mut files = files();
    files.retain(|file| file.path.ends_with(".rs"));
    files
}

impl File {
    /// Whether the whole file is for tests, benches or examples.
    pub(crate) fn is_test(&self) -> bool {
        let path = &self.path;
        let folders = ["tests/", "benches/", "examples/"];
        let is_in =
            |folder: &&str| path.starts_with(*folder) || path.contains(&format!("/{folder}"));
        folders.iter().any(is_in)
            || path.ends_with("/tests.rs")
            || path.starts_with("bus/src/conformance")
    }

    /// The lines before the unit tests at the bottom, numbered from 1. None of a file that is for tests.
    pub(crate) fn program(&self) -> Vec<(usize, &str)> {
        if self.is_test() {
            return Vec::new();
        }
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.windows(2).position(|pair| {
            pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod tests")
        });
        let end = tests.unwrap_or(lines.len());
        (1..).zip(lines.into_iter().take(end)).collect()
    }

    /// The lines of [`File::program`] without those that are comments.
    pub(crate) fn code(&self) -> Vec<(usize, &str)> {
        let mut lines = self.program();
        lines.retain(|(_, line)| !line.trim_start().starts_with("//"));
        lines
    }
}

/// Whether `line` has `word` as a name of its own, and not as a part of another.
pub(crate) fn names(line: &str, word: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(is_name) && !after.starts_with(is_name)
    })
}
