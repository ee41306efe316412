//! What compiles and what does not, with the messages that a user sees.
//!
//! `STEADFAST_UI=not_async cargo test -p steadfast-tests --test ui` runs the cases whose path contains that text;
//! `TRYBUILD=overwrite` accepts the messages. Read the difference before committing it.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn ui() {
    let selected = std::env::var("STEADFAST_UI").unwrap_or_default();
    let cases = trybuild::TestCases::new();
    for case in sources(Path::new("tests/ui")) {
        let path = case.to_string_lossy();
        if !path.contains(&selected) {
            continue;
        }
        if path.contains("/pass/") {
            cases.pass(&case)
        } else {
            cases.compile_fail(&case)
        }
    }
}

/// All source files in a folder, sorted.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the cases are beside this file") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
