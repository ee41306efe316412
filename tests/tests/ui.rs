//! What compiles and what does not, with the messages that a user sees.
//!
//! A message is part of the interface. So the accepted ones are tested too: a stranger must be able to understand each of them.
//!
//! `STEADFAST_UI=not_async cargo test -p steadfast-tests --test ui` runs the cases whose path contains that text;
//! `TRYBUILD=overwrite` accepts the messages. Read the difference before committing it.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn ui() {
    let selected = std::env::var("STEADFAST_UI").unwrap_or_default();
    let cases = trybuild::TestCases::new();
    for case in files("rs") {
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

/// What nobody outside of this workspace has heard of.
const INTERNAL: [&str; 9] = [
    "__private",
    "__codec",
    "__decode",
    "__start",
    "__arguments",
    "__context",
    "ErrorType",
    "ErrorCodec",
    "ChooseCodec",
];

/// What rustc puts in front of a place that is not in the user's file, and does not let itself be talked out of.
const ELSEWHERE: [(&str, &str); 4] = [
    (
        "note: required by a bound in `",
        "where a method of ours, or a trait with supertraits, asks for what is missing",
    ),
    (
        "note: method defined here",
        "what the arguments of the method are",
    ),
    (
        "help: the trait `",
        "the only type that has a trait, where one is missing",
    ),
    (
        "help: the following other types implement trait `",
        "the types that a conversion takes",
    ),
];

#[test]
fn each_failing_case_has_a_message() {
    for case in failing("rs") {
        let message = fs::read_to_string(case.with_extension("stderr")).unwrap_or_default();
        assert!(
            message.lines().any(|line| line.starts_with("error")),
            "{} has no message",
            case.display()
        );
    }
    for message in files("stderr") {
        let case = message.with_extension("rs");
        assert!(case.exists(), "{} has no case", message.display());
    }
}

#[test]
fn one_mistake_is_one_error() {
    for (path, message) in messages() {
        let errors = message
            .lines()
            .filter(|line| line.starts_with("error"))
            .count();
        let several = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("several_"));
        assert!(
            if several { errors > 1 } else { errors == 1 },
            "{}: {errors} errors; a case of several mistakes is named `several_..`",
            path.display()
        );
    }
}

#[test]
fn no_message_names_what_is_internal() {
    for (path, message) in messages() {
        let found = INTERNAL.iter().find(|name| message.contains(*name));
        assert_eq!(found, None, "{}:\n{message}", path.display());
    }
}

#[test]
fn messages_point_into_the_users_file() {
    for (path, message) in messages() {
        let own = path.with_extension("rs");
        let own = own.to_string_lossy();
        let lines: Vec<_> = message.lines().collect();
        for pair in lines.windows(2) {
            let Some(place) = pair[1].trim_start().strip_prefix("--> ") else {
                continue;
            };
            let is_allowed = ELSEWHERE
                .iter()
                .any(|(start, _)| pair[0].starts_with(start));
            assert!(
                place.starts_with(&*own) || is_allowed,
                "{}: `{}` leads to {place}",
                path.display(),
                pair[0]
            );
        }
    }
}

/// The messages of all failing cases.
fn messages() -> impl Iterator<Item = (PathBuf, String)> {
    failing("stderr").map(|path| {
        let message = fs::read_to_string(&path).expect("it was listed");
        (path, message)
    })
}

fn failing(extension: &str) -> impl Iterator<Item = PathBuf> {
    let cases = files(extension).into_iter();
    cases.filter(|path| path.to_string_lossy().contains("/fail/"))
}

/// All files beside this one with an extension, sorted.
fn files(extension: &str) -> Vec<PathBuf> {
    fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the cases are beside this file") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                collect(&path, extension, found);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }

    let mut found = Vec::new();
    collect(Path::new("tests/ui"), extension, &mut found);
    assert!(!found.is_empty());
    found.sort();
    found
}
