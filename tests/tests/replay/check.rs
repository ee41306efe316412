//! The check of a store against new code.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use steadfast::deploy::{self, Check, CheckError, Report};
use steadfast::prelude::*;
use steadfast::replay::DivergenceKind;
use steadfast::store::codec::{CodecStore, Encryption, EncryptionKey};
use steadfast::store::sqlite::{SqliteReader, SqliteStore};
use steadfast::{InstanceFilter, Registration, definitions};

use crate::support::{World, child, count, pack, send, ship, weigh};

/// Five orders that wait for their address, one that is done, one for later, and a count.
fn fill(world: &World) {
    let mut worker = world.worker(definitions![ship::first, count, pack, send]);
    let client = worker.client().clone();
    for order in 1..=6 {
        let start = ship::first(order).id(format!("order-{order}"));
        worker.block_on(client.start(start)).unwrap();
    }
    let later = ship::first(7).id("later").start_at(Duration::from_secs(60));
    worker.block_on(client.start(later)).unwrap();
    worker.block_on(client.start(count(1).id("count"))).unwrap();
    let done = worker.client().instance("order-6").unwrap();
    worker
        .block_on(done.raise_event_named("address", "here"))
        .unwrap();
    worker.run_until_idle();
}

fn check(world: &World, definitions: Vec<Registration>) -> Report {
    deploy::check(&world.store, &Check::new().definitions(definitions)).unwrap()
}

fn counted(report: &Report) -> (u64, u64, u64, u64) {
    (
        report.checked,
        report.fine,
        report.diverging,
        report.unchecked,
    )
}

#[test]
fn the_code_that_made_them_fits_all_that_have_not_ended() {
    let world = World::new();
    fill(&world);
    let report = check(&world, definitions![ship::first, count, pack, send]);
    assert_eq!(counted(&report), (7, 7, 0, 0));
    assert!(report.is_fine());
    assert_eq!(report.exit_code(), 0);
    let names: Vec<_> = report.orchestrators.iter().map(|of| &*of.name).collect();
    assert_eq!(names, ["count", "ship"]);
    let text = report.to_string();
    assert!(
        text.ends_with("7 checked: 7 fine, 0 diverging, 0 not checked\n"),
        "{text}"
    );
    let patched = check(
        &world,
        definitions![ship::patched, count, pack, send, weigh],
    );
    assert!(patched.is_fine(), "{patched}");
}

#[test]
fn what_would_be_set_aside_is_counted_and_told_with_its_place() {
    let world = World::new();
    fill(&world);
    let report = check(&world, definitions![ship::weighing, count, weigh, send]);
    assert_eq!(counted(&report), (7, 2, 5, 0));
    assert_eq!(report.exit_code(), 1);
    let ship = report
        .orchestrators
        .iter()
        .find(|of| of.name == "ship")
        .unwrap();
    assert_eq!((ship.checked, ship.fine, ship.diverging), (6, 1, 5));
    let [finding] = ship.findings.as_slice() else {
        panic!("{report}");
    };
    assert_eq!((finding.kind, finding.count), (DivergenceKind::Calls, 5));
    assert_eq!(finding.event_id, Some(0));
    assert_eq!(finding.instances.len(), 5);
    let text = report.to_string();
    for part in [
        "`ship` at tests/tests/replay/support.rs:",
        ": 5 of 6 diverge\n",
        "`order-1`, `order-2`, `order-3`, `order-4`, `order-5`\n",
        "    expected  a call of activity `pack`\n    found     a call of activity `weigh`\n    at        tests/",
        "what to do: ",
        "fine: `count`: 1 checked\n",
        "7 checked: 2 fine, 5 diverging, 0 not checked\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let json: Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["diverging"], 5);
    let finding = &json["orchestrators"][1]["findings"][0];
    assert_eq!(finding["kind"], "calls");
    assert_eq!(finding["instances"][0], "order-1");
    assert_eq!(finding["found"], "a call of activity `weigh`");
    assert!(
        finding["location"]
            .as_str()
            .unwrap()
            .contains("support.rs:")
    );
}

#[test]
fn only_so_many_are_named_and_a_filter_says_which_are_looked_at() {
    let world = World::new();
    fill(&world);
    let options = || {
        Check::new()
            .definitions(definitions![ship::weighing])
            .examples(2)
    };
    let few = deploy::check(
        &world.store,
        &options().filter(InstanceFilter::new().name("ship")),
    );
    let text = few.unwrap().to_string();
    assert!(text.contains("`order-1`, `order-2` and 3 more\n"), "{text}");
    let ended = InstanceFilter::new().runtime_status([RuntimeStatus::Completed]);
    let ended = Check::new()
        .definitions(definitions![ship::reworded])
        .filter(ended);
    let ended = deploy::check(&world.store, &ended).unwrap();
    let finding = &ended.orchestrators[0].findings[0];
    assert_eq!((finding.kind, finding.count), (DivergenceKind::Output, 1));
}

#[test]
fn missing_definitions_and_undecodable_inputs_are_found() {
    let world = World::new();
    fill(&world);
    let report = check(&world, definitions![ship::retyped, pack, send]);
    assert_eq!(counted(&report), (7, 0, 7, 0));
    let kinds: Vec<_> = report
        .orchestrators
        .iter()
        .map(|of| (&*of.name, of.findings[0].kind, of.findings[0].count))
        .collect();
    assert_eq!(
        kinds,
        [
            ("count", DivergenceKind::MissingDefinition, 1),
            ("ship", DivergenceKind::Undecodable, 6)
        ]
    );
}

#[test]
fn what_fits_and_cannot_advance_today_is_told() {
    let world = World::new();
    let mut worker = world.worker(definitions![ship::foreign, pack]);
    let client = worker.client().clone();
    let order = worker.block_on(client.start(ship::foreign(1).id("a")));
    worker.run_until_idle();
    let status = worker.block_on(order.unwrap().status()).unwrap();
    assert!(status.stalled.is_some());
    drop(worker);
    let report = check(&world, definitions![ship::foreign, pack]);
    assert!(report.is_fine(), "{report}");
    assert_eq!(report.orchestrators[0].fine_and_stalled, 1);
    assert_eq!(
        report.to_string(),
        "fine: `ship`: 1 checked\n  1 of those that fit cannot advance today; whether they will is not in their history\n\
         1 checked: 1 fine, 0 diverging, 0 not checked\n"
    );
}

#[test]
fn an_activity_that_is_waited_for_and_gone_is_missing() {
    let world = World::new();
    let mut worker = world.worker(definitions![child]);
    let client = worker.client().clone();
    let waiting = worker.block_on(client.start(child(1).id("a"))).unwrap();
    worker.run_until_idle();
    assert!(worker.block_on(waiting.status()).unwrap().stalled.is_some());
    drop(worker);
    let report = check(&world, definitions![child]);
    let finding = &report.orchestrators[0].findings[0];
    assert_eq!(
        (finding.kind, finding.already_stalled),
        (DivergenceKind::MissingActivity, 1)
    );
    assert!(finding.message.contains("`pack`"), "{report}");
    assert!(
        finding.location.as_deref().unwrap().contains("support.rs:"),
        "{report}"
    );
    assert!(check(&world, definitions![child, pack]).is_fine());
}

#[test]
fn panics_and_endless_loops_do_not_end_the_check() {
    let world = World::new();
    fill(&world);
    for (definition, kind) in [
        (
            definitions![ship::panicking, count, pack],
            DivergenceKind::Panic,
        ),
        (
            definitions![ship::spinning, count, pack],
            DivergenceKind::PollBound,
        ),
        (
            definitions![ship::foreign, count, pack],
            DivergenceKind::ForeignAwait,
        ),
    ] {
        let report = check(&world, definition);
        assert_eq!(counted(&report), (7, 2, 5, 0), "{report}");
        let findings = &report.orchestrators[1].findings;
        assert_eq!((findings[0].kind, findings[0].count), (kind, 5), "{report}");
    }
}

/// What holds a thread until the test lets it go.
static GATE: Mutex<Option<Receiver<()>>> = Mutex::new(None);

/// Does not return, as a loop without an `.await` does not.
fn block() {
    let gate = GATE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(gate) = &*gate {
        let _ = gate.recv();
    }
}

#[orchestrator(name = "ship")]
async fn blocking(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
    let parcel = ctx.call(pack(order)).await?;
    block();
    Ok(parcel)
}

#[test]
fn one_that_does_not_return_is_left_behind() {
    let world = World::new();
    fill(&world);
    let (open, gate): (Sender<()>, _) = channel();
    *GATE.lock().unwrap() = Some(gate);
    let filter = InstanceFilter::new()
        .id_prefix("order-")
        .runtime_status([RuntimeStatus::Running]);
    let options = Check::new()
        .definitions(definitions![blocking, pack])
        .filter(filter)
        .patience(Duration::from_millis(1));
    let report = deploy::check(&world.store, &options).unwrap();
    assert_eq!(counted(&report), (5, 0, 5, 0), "{report}");
    let finding = &report.orchestrators[0].findings[0];
    assert_eq!(
        (finding.kind, finding.count),
        (DivergenceKind::DoesNotReturn, 5)
    );
    drop(open);
}

#[test]
fn what_cannot_be_checked_is_told_apart_from_what_diverges() {
    let world = World::new();
    fill(&world);
    let nothing = Check::new().definitions([]);
    let error = deploy::check(&world.store, &nothing).unwrap_err();
    assert!(matches!(error, CheckError::NoDefinitions), "{error}");
    assert!(
        error.to_string().contains("use that_library as _;"),
        "{error}"
    );
    let twice = Check::new().definitions(definitions![ship::first, ship::weighing]);
    let error = deploy::check(&world.store, &twice).unwrap_err();
    assert!(matches!(error, CheckError::DuplicateName(_)), "{error}");
}

/// The bytes of the database, and its epoch.
fn looked_at(path: &Path) -> (Vec<u8>, i64) {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let epoch = db.query_row("SELECT epoch FROM partitions", [], |row| row.get(0));
    (fs::read(path).unwrap(), epoch.unwrap())
}

#[test]
fn a_file_is_checked_beside_its_owner_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let world = World::on(SqliteStore::open(&path).unwrap());
    fill(&world);
    let owned = SqliteReader::open(&path).unwrap();
    let before = looked_at(&path);
    let options = Check::new().definitions(definitions![ship::first, count, pack, send]);
    let report = deploy::check(&owned, &options).unwrap();
    assert_eq!(counted(&report), (7, 7, 0, 0));
    assert_eq!(looked_at(&path), before);

    // What is committed later is seen by the next check.
    let mut worker = world.worker(definitions![ship::first, count, pack, send]);
    let client = worker.client().clone();
    worker
        .block_on(client.start(count(1).id("another")))
        .unwrap();
    worker.run_until_idle();
    assert_eq!(deploy::check(&owned, &options).unwrap().checked, 8);
    drop((worker, client, owned, world));

    // And so with nobody who owns it.
    let before = looked_at(&path);
    let alone = SqliteReader::open(&path).unwrap();
    assert_eq!(deploy::check(&alone, &options).unwrap().checked, 8);
    drop(alone);
    assert_eq!(looked_at(&path), before);
    assert!(SqliteStore::open(&path).is_ok());
}

#[test]
fn what_is_no_store_is_said_so_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.db");
    let error = SqliteReader::open(&missing).unwrap_err();
    assert!(error.to_string().contains("there is no file"), "{error}");
    assert!(!missing.exists());
    for (name, content) in [
        ("empty.db", ""),
        ("text.db", "this is a text and no database at all"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let error = SqliteReader::open(&path).unwrap_err();
        assert!(error.to_string().contains("is not a store"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn rows_that_cannot_be_read_would_be_set_aside_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let world = World::on(SqliteStore::open(&path).unwrap());
    fill(&world);
    drop(world);
    let db = Connection::open(&path).unwrap();
    db.execute(
        "UPDATE history SET events = '[[0,0,{\"EntityLocked\":{}}]]' WHERE episode = 1
         AND incarnation = (SELECT incarnation FROM instances WHERE id = 'order-1')",
        [],
    )
    .unwrap();
    drop(db);
    let store = SqliteReader::open(&path).unwrap();
    let options = Check::new().definitions(definitions![ship::first, count, pack, send]);
    let report = deploy::check(&store, &options).unwrap();
    assert_eq!(counted(&report), (7, 6, 1, 0));
    let finding = &report.orchestrators[1].findings[0];
    assert_eq!(finding.kind, DivergenceKind::Undecodable);
    assert!(finding.message.contains("episode 1"), "{report}");
}

#[test]
fn a_store_that_is_encrypted_is_read_through_its_codec() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let encryption =
        |byte| Encryption::new(EncryptionKey::new("key", &[byte, 7].repeat(16)).unwrap());
    let world = World::on(CodecStore::new(
        SqliteStore::open(&path).unwrap(),
        encryption(1),
    ));
    fill(&world);
    let options = Check::new().definitions(definitions![ship::first, count, pack, send]);
    let check = |byte| {
        let store = CodecStore::new(SqliteReader::open(&path).unwrap(), encryption(byte));
        deploy::check(&store, &options).unwrap()
    };
    assert_eq!(counted(&check(1)), (7, 7, 0, 0));
    // Neither says anything of the code.
    let wrong = check(2);
    assert_eq!(counted(&wrong), (0, 0, 0, 7));
    let why = &wrong.first_unchecked[0].reason;
    assert!(why.contains("does not decrypt with the key `key`"), "{why}");
    let without = deploy::check(&SqliteReader::open(&path).unwrap(), &options).unwrap();
    assert_eq!((counted(&without), without.exit_code()), ((0, 0, 0, 7), 2));
    let why = &without.first_unchecked[0].reason;
    assert!(why.contains("open the store with that codec"), "{why}");
}
