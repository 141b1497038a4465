//! What a reader must find, and what must be true of it.

use std::fs;

use crate::{Breach, assert_none, repository};

#[test]
fn every_crate_says_what_it_is_and_what_it_is_not() {
    let mut breaches = Vec::new();
    for file in repository::sources()
        .iter()
        .filter(|file| file.path.ends_with("src/lib.rs"))
    {
        let readme = file.path.replace("src/lib.rs", "README.md");
        let text = fs::read_to_string(repository::root().join(&readme)).unwrap_or_default();
        let mut complain = |what: &str| {
            breaches.push(Breach {
                file: readme.clone(),
                line: 0,
                what: what.to_owned(),
            });
        };
        if text.is_empty() {
            complain("is missing");
        } else if !text.contains("It is not") {
            complain("does not say what the crate is not (\"It is not…\")");
        }
        if !file
            .text
            .starts_with("#![doc = include_str!(\"../README.md\")]")
        {
            breaches.push(Breach {
                file: file.path.clone(),
                line: 1,
                what: "does not take the README as its documentation".to_owned(),
            });
        }
    }
    assert_none(
        &breaches,
        "whoever looks for a place for something has to see where it does not belong",
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut breaches = Vec::new();
    for file in repository::files()
        .iter()
        .filter(|file| file.path.ends_with(".md"))
    {
        let folder = repository::root().join(&file.path);
        let folder = folder.parent().expect("a file is in a folder");
        for (line, text) in (1..).zip(file.text.lines()) {
            for target in targets(text) {
                if !folder.join(target).exists() {
                    breaches.push(Breach {
                        file: file.path.clone(),
                        line,
                        what: format!("links to `{target}`, which is not there"),
                    });
                }
            }
        }
    }
    assert_none(
        &breaches,
        "a link that leads nowhere costs every reader a search",
    );
}

/// The files that a line of Markdown links to, without the place in them.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        let is_file = !target.is_empty() && !target.contains("://") && !target.contains(' ');
        is_file.then_some(target)
    })
}
