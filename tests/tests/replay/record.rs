//! Recording histories of a store.

use std::fs;
use std::path::Path;

use steadfast::deploy::{self, RecordError, Recording};
use steadfast::prelude::*;
use steadfast::testing::replay;
use steadfast::{ExportedHistory, InstanceFilter, definitions};

use crate::support::{World, count, pack, send, ship};

/// Orders that wait, one that is done, one that failed, and one of another orchestrator.
fn world() -> World {
    let world = World::new();
    let mut worker = world.worker(definitions![ship::first, count, pack, send]);
    let client = worker.client().clone();
    for order in [1, 2, 3, 4, 13] {
        let start = ship::first(order).id(format!("order {order}*"));
        worker.block_on(client.start(start)).unwrap();
    }
    worker.block_on(client.start(count(1).id("count"))).unwrap();
    let done = worker.client().instance("order 4*").unwrap();
    worker
        .block_on(done.raise_event_named("address", "here"))
        .unwrap();
    worker.run_until_idle();
    drop(worker);
    world
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn some_of_each_are_written_and_every_one_of_them_fits() {
    let world = world();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("deep/histories");
    let recording = Recording::new().limit(2);
    let recorded = deploy::record(&world.store, &folder, &recording).unwrap();
    assert_eq!((recorded.files.len(), recorded.left_out), (5, 1));
    let first = names(&folder);
    assert_eq!(first.len(), 5);
    for begin in [
        "count.Running.count.",
        "ship.Completed.order%204%2A.",
        "ship.Failed.order%2013%2A.",
        // The newest two of those that wait.
        "ship.Running.order%202%2A.",
        "ship.Running.order%203%2A.",
    ] {
        let found = first
            .iter()
            .any(|name| name.starts_with(begin) && name.ends_with(".json"));
        assert!(found, "{begin} is not among {first:?}");
    }
    for file in &recorded.files {
        let history = ExportedHistory::read_from(file).unwrap();
        replay(&history)
            .in_full()
            .against(definitions![ship::first, count]);
    }
    // The same again are the same files.
    let again = deploy::record(&world.store, &folder, &recording).unwrap();
    assert_eq!((again, names(&folder)), (recorded, first));
}

#[test]
fn a_filter_says_which_and_payloads_are_blanked_on_request() {
    let world = world();
    let folder = tempfile::tempdir().unwrap();
    let filter = InstanceFilter::new()
        .name("SHIP")
        .runtime_status([RuntimeStatus::Failed]);
    let recording = Recording::new().filter(filter).redact();
    let recorded = deploy::record(&world.store, folder.path(), &recording).unwrap();
    let [file] = recorded.files.as_slice() else {
        panic!("{recorded:?}");
    };
    let text = fs::read_to_string(file).unwrap();
    assert!(!text.contains("no box"), "{text}");
    let history = ExportedHistory::from_json(&text).unwrap();
    assert!(history.redacted);
    replay(&history).against(definitions![ship::first]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let world = world();
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("histories");
    let error = deploy::record(&world.store, &below, &Recording::new()).unwrap_err();
    assert!(matches!(error, RecordError::File { .. }));
    assert!(
        error.to_string().contains("histories` cannot be written"),
        "{error}"
    );
}
