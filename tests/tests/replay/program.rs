//! `check` and `record` as a program, in a process of its own beside the owner of the store.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use steadfast::definitions;
use steadfast::store::sqlite::SqliteStore;

use crate::support::{World, count, pack, send, ship};

fn deploy(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_deploy_child");
    Command::new(program).args(arguments).output().unwrap()
}

#[track_caller]
fn ends(output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

/// The files of a folder with their bytes, without what SQLite keeps for those who read.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .filter(|(name, _)| !name.ends_with("-shm"))
        .collect();
    files.sort();
    files
}

#[test]
fn the_exit_code_says_how_it_went_and_the_owner_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let store = path.to_str().unwrap();
    let world = World::on(SqliteStore::open(&path).unwrap());
    let mut worker = world.worker(definitions![ship::first, count, pack, send]);
    let client = worker.client().clone();
    let counting = worker.block_on(client.start(count(1).id("count"))).unwrap();
    worker
        .block_on(client.start(ship::first(7).id("order")))
        .unwrap();
    worker.run_until_idle();
    let before = files(folder.path());

    let fine = deploy(&["check", "--store", store, "--name", "count"]);
    let (out, _) = ends(&fine, 0);
    assert_eq!(
        out,
        "fine: `count`: 1 checked\n1 checked: 1 fine, 0 diverging, 0 not checked\n"
    );

    let nobody = deploy(&["check", "--store", store, "--name", "counts"]);
    let (out, err) = ends(&nobody, 2);
    assert!(
        out.contains("0 checked") && err.contains("no instance matches"),
        "{out}{err}"
    );

    let diverging = deploy(&["check", "--store", store]);
    let (out, _) = ends(&diverging, 1);
    assert!(
        out.contains("found     a call of activity `weigh`"),
        "{out}"
    );
    assert!(out.contains("2 checked: 1 fine, 1 diverging"), "{out}");

    let json = deploy(&["check", "--store", store, "--json", "--status", "running"]);
    let (out, _) = ends(&json, 1);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["fine"], &json["diverging"]), (&1.into(), &1.into()));
    assert_eq!(
        json["orchestrators"][1]["findings"][0]["instances"][0],
        "order"
    );

    let into = folder.path().join("histories");
    let into = into.to_str().unwrap();
    let recorded = deploy(&[
        "record", "--store", store, "--into", into, "--redact", "--limit", "1",
    ]);
    let (out, _) = ends(&recorded, 0);
    assert!(out.ends_with("2 recorded, 0 left out\n"), "{out}");
    let names = files(Path::new(into));
    assert!(
        names[0].0.starts_with("count.Running.count."),
        "{}",
        names[0].0
    );
    assert!(
        names[1].0.starts_with("ship.Running.order."),
        "{}",
        names[1].0
    );

    // Nothing was written to the store, and its owner goes on.
    assert_eq!(files(folder.path()), before);
    for _ in 1..=3 {
        worker
            .block_on(counting.raise_event_named("next", &true))
            .unwrap();
    }
    assert_eq!(worker.block_on(counting.output()).unwrap(), 3);
}

#[test]
fn what_could_not_be_done_is_said_on_stderr() {
    let missing = deploy(&["check", "--store", "/none/such.db"]);
    let (out, err) = ends(&missing, 2);
    assert!(out.is_empty() && err.contains("/none"), "{out}{err}");
    let wrong = deploy(&["check", "--store", "app.db", "--status", "Sleeping"]);
    let (_, err) = ends(&wrong, 2);
    assert!(
        err.contains("not a runtime status; they are Running, Completed"),
        "{err}"
    );
    let time = deploy(&[
        "record",
        "--store",
        "app.db",
        "--into",
        "x",
        "--created-to",
        "noon",
    ]);
    let (_, err) = ends(&time, 2);
    assert!(err.contains("not a time such as"), "{err}");
    let (_, err) = ends(&deploy(&[]), 2);
    assert!(err.contains("check") && err.contains("record"), "{err}");
    let (out, _) = ends(&deploy(&["check", "--help"]), 0);
    assert!(out.contains("Exit code: 0 when all is fine"), "{out}");
}
