//! The fuzz targets over the seeds of the repository, and over generated inputs: the same ones each time.

#![allow(
    clippy::unwrap_used,
    reason = "a test panics when something is not as it should be"
)]

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use steadfast_tests::fuzz::{TARGETS, Target};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds");

/// How many inputs are generated for each target.
const CASES: u32 = 300;

/// The seeds of a target, in the order of their names.
fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(SEEDS).join(target.name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// What is done to a seed.
#[derive(Clone, Debug)]
enum Edit {
    Cut(Index),
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Join(Index, Vec<u8>),
}

fn edited(mut bytes: Vec<u8>, edits: Vec<Edit>) -> Vec<u8> {
    for edit in edits {
        let length = bytes.len();
        match edit {
            Edit::Cut(at) => bytes.truncate(at.index(length + 1)),
            Edit::Set(at, byte) if length > 0 => bytes[at.index(length)] = byte,
            Edit::Set(..) => {}
            Edit::Insert(at, more) => {
                let at = at.index(length + 1);
                bytes.splice(at..at, more);
            }
            Edit::Join(at, other) => {
                bytes.truncate(at.index(length + 1));
                bytes.extend(other);
            }
        }
    }
    bytes
}

fn inputs(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let seed = select(seeds);
    let edit = prop_oneof![
        1 => any::<Index>().prop_map(Edit::Cut),
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (any::<Index>(), vec(any::<u8>(), 1..5)).prop_map(|(at, more)| Edit::Insert(at, more)),
        1 => (any::<Index>(), seed.clone()).prop_map(|(at, other)| Edit::Join(at, other)),
    ];
    prop_oneof![
        1 => vec(any::<u8>(), 0..400),
        1 => "\\PC{0,40}".prop_map(String::into_bytes),
        2 => (seed, vec(edit, 1..4)).prop_map(|(seed, edits)| edited(seed, edits)),
    ]
}

/// Runs a target over its seeds, and over what is made of them.
fn holds(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap();
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| (target.run)(seed));
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let held = TestRunner::new_with_rng(config, rng).run(&inputs(seeds), |data| {
        (target.run)(&data);
        Ok(())
    });
    if let Err(broken) = held {
        panic!("{broken}");
    }
}

macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                holds(stringify!($name));
            }
        )*

        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

tests![
    arguments,
    call_http,
    custom_status,
    filters,
    forwarded,
    history,
    http,
    import,
    names,
    replay,
    rows,
    signed_urls,
    trace_context,
];

#[test]
fn every_target_has_seeds_a_binary_and_a_test() {
    let mut folders: Vec<_> = fs::read_dir(SEEDS)
        .unwrap()
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(folders, names);
    assert_eq!(TESTED, names);
    let manifest = fs::read_to_string(Path::new(SEEDS).with_file_name("Cargo.toml")).unwrap();
    let binaries = manifest.split("[[bin]]").skip(1);
    let binaries: Vec<_> = binaries
        .map(|binary| binary.split('"').nth(1).unwrap())
        .collect();
    assert_eq!(binaries, names);
}
