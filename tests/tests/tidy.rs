//! The architecture as a test: which module may name which, and what the code base does not contain.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::fs;
use std::path::{Path, PathBuf};

const RUNTIME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/src");

/// What each module of the runtime may name besides itself.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("limits", &[]),
    ("clock", &[]),
    ("model", &["limits"]),
    ("engine", &["model", "limits", "hash"]),
    ("store", &["model"]),
    ("dependency", &[]),
    ("encoding", &["model"]),
    (
        "context",
        &[
            "engine",
            "model",
            "limits",
            "arguments",
            "encoding",
            "definition",
            "dependency",
            "external_event",
            "status_type",
            "call",
        ],
    ),
    (
        "registration",
        &[
            "engine",
            "context",
            "arguments",
            "dependency",
            "external_event",
            "schemas",
        ],
    ),
    ("schemas", &["model", "limits", "bounded", "context"]),
    (
        "replay",
        &["model", "engine", "client", "registration", "registry"],
    ),
    (
        "deploy",
        &[
            "replay",
            "model",
            "engine",
            "limits",
            "store",
            "client",
            "host",
            "registration",
            "registry",
        ],
    ),
    ("registry", &["registration", "dependency"]),
    (
        "worker",
        &[
            "model",
            "engine",
            "context",
            "dependency",
            "registration",
            "registry",
            "store",
            "clock",
            "hash",
            "external_event",
            "limits",
        ],
    ),
    (
        "client",
        &[
            "model",
            "engine",
            "context",
            "registration",
            "store",
            "worker",
            "arguments",
            "encoding",
            "definition",
            "external_event",
            "status_type",
            "call",
            "clock",
            "limits",
            "schemas",
        ],
    ),
    (
        "http",
        &[
            "model",
            "client",
            "limits",
            "clock",
            "registration",
            "schemas",
        ],
    ),
    (
        "call_http",
        &[
            "model",
            "limits",
            "engine",
            "context",
            "arguments",
            "encoding",
            "call",
            "definition",
            "registration",
        ],
    ),
];

/// What the deterministic core must not reach for.
const NOT_IN_THE_ENGINE: &[&str] = &[
    "tokio",
    "rusqlite",
    "axum",
    "SystemTime",
    "Instant::",
    "std::fs",
    "std::net",
    "std::env",
    "Timestamp::now",
    "new_v4",
];

fn sources(of: &Path) -> Vec<PathBuf> {
    if of.is_file() {
        return vec![of.to_owned()];
    }
    let entries = fs::read_dir(of).unwrap_or_else(|error| panic!("{}: {error}", of.display()));
    entries
        .flat_map(|entry| sources(&entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}

/// The files of a module that are not tests, with their code before the unit tests.
fn module(name: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(RUNTIME).join(name);
    let root = if folder.is_dir() {
        folder
    } else {
        folder.with_extension("rs")
    };
    // Of the path below the module only: this package is in a folder of that name.
    let is_test = |path: &PathBuf| {
        let below = path.strip_prefix(&root).unwrap();
        below.components().any(|part| part.as_os_str() == "tests")
    };
    let files = sources(&root).into_iter().filter(|path| !is_test(path));
    let code = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        text.split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap()
            .to_owned()
    };
    let files: Vec<_> = files
        .filter(|path| path.file_name().is_some_and(|name| name != "tests.rs"))
        .map(|path| (path.clone(), code(&path)))
        .collect();
    assert!(!files.is_empty(), "the module `{name}` is not there");
    files
}

#[test]
fn dependencies_point_one_way() {
    for (name, may_name) in MAY_NAME {
        for (path, code) in module(name) {
            for line in code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
            {
                for other in line.split("crate::").skip(1) {
                    let other = other
                        .split(|c: char| !c.is_alphanumeric() && c != '_')
                        .next()
                        .unwrap();
                    let is_module = Path::new(RUNTIME).join(other).is_dir()
                        || Path::new(RUNTIME)
                            .join(other)
                            .with_extension("rs")
                            .is_file();
                    assert!(
                        !is_module || other == *name || may_name.contains(&other),
                        "{}: `{name}` must not name `{other}`: {line}",
                        path.display()
                    );
                }
            }
        }
    }
}

#[test]
fn the_engine_is_deterministic() {
    for name in ["model", "engine"] {
        for (path, code) in module(name) {
            for line in code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
            {
                for word in NOT_IN_THE_ENGINE {
                    assert!(
                        !line.contains(word),
                        "{}: `{name}` must not use `{word}`: {line}",
                        path.display()
                    );
                }
            }
        }
    }
}

/// Among them is that `unsafe` is forbidden.
#[test]
fn every_package_has_the_lints_of_the_workspace() {
    let root = Path::new(RUNTIME).join("../..");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = ["));
    let members = members.unwrap().trim_end_matches(']');
    for member in members.split(',').map(|name| name.trim().trim_matches('"')) {
        let manifest = fs::read_to_string(root.join(member).join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains("\n[lints]\nworkspace = true\n"),
            "{member}"
        );
    }
}

#[test]
fn nothing_is_left_for_later() {
    let root = Path::new(RUNTIME).join("../..");
    for folder in ["macros/src", "runtime/src", "examples/src", "tests/src"] {
        for path in sources(&root.join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            for word in ["todo!", "unimplemented!", "FIXME", "TODO"] {
                assert!(!text.contains(word), "{}: `{word}`", path.display());
            }
        }
    }
}

/// A guide that is read in the repository too has definitions of its links at its end, which hold there. In the documentation others
/// come first.
#[test]
fn links_of_the_http_guide_hold_in_the_repository() {
    let docs = Path::new(RUNTIME).join("../docs");
    let read = |name| fs::read_to_string(docs.join(name)).unwrap();
    let (guide, in_documentation) = (read("http.md"), read("http.links"));
    let definitions = |text: &str| -> Vec<(String, String)> {
        let lines = text.lines().filter(|line| line.starts_with('['));
        let definitions = lines.filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        definitions
            .map(|(label, target)| (label.to_owned(), target.to_owned()))
            .collect()
    };
    let (own, others) = (definitions(&guide), definitions(&in_documentation));
    let labels = |definitions: &[(String, String)]| -> Vec<String> {
        definitions.iter().map(|(label, _)| label.clone()).collect()
    };
    assert_eq!(labels(&own), labels(&others));
    for (label, target) in &own {
        let file = target.split('#').next().unwrap();
        assert!(docs.join(file).is_file(), "{label}: {target}");
        let uses = guide.matches(&format!("[{label}]")).count();
        assert!(uses > 1, "{label} is not used");
    }
    assert!(!guide.contains("](crate::"));
    // Every odd part is code, which may have brackets of its own.
    let text: String = guide.split("```").step_by(2).collect();
    for label in text.split("[`").skip(1) {
        let (label, rest) = label.split_once("`]").unwrap();
        let is_defined = own.iter().any(|(own, _)| own.trim_matches('`') == label);
        assert!(is_defined || rest.starts_with('('), "{label}");
    }
}

/// The folders that `ARCHITECTURE.md` names files from.
const NAMED_FROM: &[&str] = &["", "runtime/src", "tests/tests/simulation"];

/// What `{definition,call}.rs` stands for.
fn alternatives(path: &str) -> Vec<String> {
    match path.split_once('{').zip(path.split_once('}')) {
        Some(((before, _), (inside, after))) => {
            let inside = &inside[before.len() + 1..];
            let paths = inside
                .split(',')
                .map(|name| format!("{before}{name}{after}"));
            paths.collect()
        }
        None => vec![path.to_owned()],
    }
}

#[test]
fn what_the_architecture_names_is_there() {
    let root = Path::new(RUNTIME).join("../..");
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let folders = ["runtime/src", "runtime/benches", "macros", "tests"];
    let code: String = folders
        .iter()
        .flat_map(|folder| sources(&root.join(folder)))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    // Every second part is between backticks; blocks of code are left out.
    let text: String = page.split("```").step_by(2).collect();
    let mut paths = 0;
    for named in text.split('`').skip(1).step_by(2) {
        if named.ends_with(".rs") || named.ends_with('/') {
            for path in alternatives(named) {
                let exists = |folder| root.join(folder).join(&path).exists();
                assert!(NAMED_FROM.iter().any(exists), "`{path}` is not there");
                paths += 1;
            }
        } else if named
            .chars()
            .all(|c| c.is_alphanumeric() || "_:".contains(c))
        {
            let name = named.rsplit("::").next().unwrap();
            assert!(code.contains(name), "nothing is called `{named}`");
        }
    }
    assert!(paths > 50, "the page names {paths} paths only");
}

/// The anchors of a page: its headings as GitHub and rustdoc write them in an address.
fn anchors(page: &str) -> Vec<String> {
    let text: String = page.split("```").step_by(2).collect();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let root = Path::new(RUNTIME).join("../..");
    let guides = fs::read_dir(root.join("runtime/docs")).unwrap();
    let guides = guides.map(|entry| entry.unwrap().path());
    let pages = [
        "README.md",
        "ARCHITECTURE.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ];
    let pages = pages.iter().chain(&["examples/README.md"]);
    let pages = pages.map(|page| root.join(page)).chain(guides);
    let mut links = 0;
    for page in pages.filter(|path| path.extension().is_some_and(|e| e == "md")) {
        let text = fs::read_to_string(&page).unwrap();
        let folder = page.parent().unwrap();
        let prose: String = text.split("```").step_by(2).collect();
        for link in prose.split("](").skip(1) {
            let link = link.split_once(')').unwrap().0;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file.strip_prefix("crate::") {
                _ if file.starts_with("http") => continue,
                // A guide; other modules, and items, are for rustdoc to check.
                Some(module) => {
                    let guide = module.replace('_', "-") + ".md";
                    let guide = root.join("runtime/docs").join(guide);
                    if !guide.is_file() {
                        continue;
                    }
                    guide
                }
                None if file.is_empty() => page.clone(),
                None if folder.ends_with("docs") => continue,
                None => folder.join(file),
            };
            assert!(target.exists(), "{}: `{link}`", page.display());
            links += 1;
            let is_there = |text: String| anchors(&text).iter().any(|own| own == anchor);
            assert!(
                anchor.is_empty() || is_there(fs::read_to_string(target).unwrap()),
                "{}: there is no heading for `{link}`",
                page.display()
            );
        }
    }
    assert!(links > 50, "{links} links only");
}
