//! Stores whose payloads are encrypted: what is in their files, and what becomes of instances whose payloads do not decrypt.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use steadfast::prelude::*;
use steadfast::store::codec::{CodecStore, Encryption, EncryptionKey};
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::SqliteStore;
use steadfast::store::{Store, StoreErrorKind};
use steadfast::testing::SingleThreaded;
use steadfast::{ClientError, InstanceFilter, Panics, Registration, definitions};
use tempfile::TempDir;

use crate::support::{Worker as _, World, json, wait_for_go};

/// Is in no name, id or tag.
const SECRET: &str = "the grail is in Ulm";

#[activity]
async fn echo(text: String) -> String {
    text
}

#[activity]
async fn fail(text: String) -> Result<(), String> {
    Err(text)
}

/// Says something, and never ends.
#[activity]
async fn report(ctx: ActivityContext, text: String) -> Result<(), String> {
    ctx.heartbeat(&text).map_err(|error| error.to_string())?;
    std::future::pending().await
}

#[orchestrator]
async fn child(ctx: OrchestrationContext, text: String) -> Result<String, String> {
    ctx.set_custom_status(&text).map_err(|e| e.to_string())?;
    Err(text)
}

/// Lets the secret be stored in every way there is.
#[orchestrator]
async fn everything(ctx: OrchestrationContext, text: String) -> Result<String, String> {
    ctx.set_custom_status(&text).map_err(|e| e.to_string())?;
    ctx.call(echo(text.clone())).await?;
    assert!(ctx.call(fail(text.clone())).await.is_err());
    assert!(ctx.call(child(text.clone())).await.is_err());
    assert_eq!(ctx.side_effect(|| text.clone()), text);
    ctx.send_event_named("held", "news", &text)
        .map_err(|e| e.to_string())?;
    ctx.call(report(text.clone())).detach();
    let go: String = ctx
        .wait_for_external_event_named("go")
        .await
        .map_err(|error| error.to_string())?;
    Err(go)
}

#[orchestrator]
async fn again(ctx: OrchestrationContext, text: String, more: bool) -> Result<String, String> {
    if more {
        ctx.set_custom_status(&text).map_err(|e| e.to_string())?;
        return ctx.continue_as_new(again(text, false)).await;
    }
    Ok(text)
}

#[orchestrator]
async fn broken(_ctx: OrchestrationContext, text: String) -> Result<String, String> {
    panic!("{text}")
}

fn definitions_here() -> Vec<Registration> {
    definitions![
        echo,
        fail,
        report,
        child,
        everything,
        again,
        broken,
        wait_for_go
    ]
}

fn key(id: &str) -> EncryptionKey {
    let secret: Vec<u8> = id.bytes().cycle().take(32).collect();
    EncryptionKey::new(id, &secret).unwrap()
}

fn sqlite(directory: &TempDir) -> SqliteStore {
    SqliteStore::open(directory.path().join("app.db")).unwrap()
}

/// A worker on the file, whose payloads this key encrypts.
fn opened(directory: &TempDir, id: &str) -> SingleThreaded {
    worker(World::on_exactly(CodecStore::new(
        sqlite(directory),
        Encryption::new(key(id)),
    )))
}

fn worker(world: World) -> SingleThreaded {
    let world = World {
        panics: Panics::SetAside,
        ..world
    };
    world.worker(definitions_here())
}

/// Why no worker starts on a store.
fn refused(store: impl Store) -> String {
    let started = World::on_exactly(store).try_worker(definitions_here());
    let error = started.map(drop).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Codec, "{error}");
    error.to_string()
}

/// What a program with `sqlite3` does to a store that is closed.
fn change(directory: &TempDir, statements: &str) {
    let db = Connection::open(directory.path().join("app.db")).unwrap();
    db.execute_batch(statements).unwrap();
}

fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let with = files.filter(|path| {
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    });
    with.map(|path| path.display().to_string()).collect()
}

/// Lets instances come into every state in which something of theirs is stored.
fn live(worker: &mut SingleThreaded) {
    let client = worker.client().clone();
    let text = || SECRET.to_owned();
    worker.wait(client.start(wait_for_go().id("held")));
    worker.run_until_idle();
    let held = worker.instance("held");
    worker.wait(held.suspend(Some(SECRET)));
    worker.run_until_idle();
    worker.wait(client.start(everything(text()).id("all")));
    worker.wait(client.start(again(text(), true).id("again")));
    worker.wait(client.start(broken(text()).id("broken")));
    worker.run_until_idle();

    let all = worker.status("all");
    assert_eq!(all.input, json(SECRET));
    assert_eq!(all.custom_status.unwrap().as_json(), json(SECRET).unwrap());
    assert_eq!(all.progress[0].details, json(SECRET).unwrap());
    let stalled = worker.status("broken").stalled.unwrap();
    assert!(stalled.contains(SECRET), "{stalled}");
    assert_eq!(worker.status("again").output, json(SECRET));

    let all = worker.instance("all");
    worker.wait(all.raise_event_named("go", SECRET));
    let end = worker.status("all");
    assert_eq!(end.failure.unwrap().error_message, SECRET);
    worker.wait(all.rewind(Some(SECRET)));
    worker.run_until_idle();
    worker.wait(held.resume(Some(SECRET)));
    worker.run_until_idle();
    worker.wait(held.terminate(Some(SECRET)));
    assert_eq!(worker.status("held").output, json(SECRET));
}

#[test]
fn no_payload_is_in_the_files_of_an_encrypted_store() {
    let (plain, encrypted) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut without = worker(World::on_exactly(sqlite(&plain)));
    let mut with = opened(&encrypted, "first");
    for worker in [&mut without, &mut with] {
        live(worker);
    }
    // Open, with the log beside it, and closed.
    assert_eq!(files_with(encrypted.path(), SECRET), [""; 0]);
    assert!(!files_with(encrypted.path(), "everything").is_empty());
    drop((without, with));
    assert_eq!(files_with(encrypted.path(), SECRET), [""; 0]);
    assert!(!files_with(encrypted.path(), "everything").is_empty());
    assert!(!files_with(plain.path(), SECRET).is_empty());
}

/// An instance `it` that waits to go on, in a file that is closed.
fn waiting(key: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut worker = opened(&directory, key);
    let client = worker.client().clone();
    for id in ["it", "other"] {
        worker.wait(client.start(wait_for_go().id(id)));
    }
    worker.run_until_idle();
    drop(worker);
    directory
}

/// Why it cannot advance.
fn stalled(worker: &mut SingleThreaded, id: &str) -> String {
    let status = worker.status(id);
    status
        .stalled
        .unwrap_or_else(|| panic!("{id} is set aside"))
}

fn goes_on(worker: &mut SingleThreaded, id: &str) {
    assert_eq!(worker.status(id).stalled, None);
    let instance = worker.instance(id);
    worker.wait(instance.raise_event_named("go", "went"));
    assert_eq!(worker.status(id).output, json("went"));
}

#[test]
fn without_its_key_an_instance_is_set_aside_and_the_worker_goes_on() {
    let directory = waiting("first");
    let store = CodecStore::new(sqlite(&directory), Encryption::new(key("second")));
    let mut worker = worker(World::on_exactly(store.accept_undecodable()));
    let why = stalled(&mut worker, "it");
    assert!(why.contains("the key `first` encrypted it"), "{why}");
    assert!(why.contains("`second`"), "{why}");
    let (it, other) = (worker.instance("it"), worker.instance("other"));
    let history = worker.block_on(it.history()).unwrap_err();
    assert!(history.to_string().contains("`first`"), "{history}");
    let mut all = worker.client().query(InstanceFilter::new());
    assert!(worker.wait(all.next()).unwrap().stalled.is_some());

    let client = worker.client().clone();
    worker.wait(client.start(wait_for_go().id("new")));
    goes_on(&mut worker, "new");
    // An event waits with it; ending it needs no key.
    worker.wait(it.raise_event_named("go", "late"));
    worker.wait(other.terminate(None));
    worker.run_until_idle();
    let ended = worker.block_on(other.status()).unwrap_err();
    assert!(matches!(ended, ClientError::Undecodable { .. }), "{ended}");
    worker.wait(other.purge());
    drop((worker, client, it, other, all));

    let codec = Encryption::new(key("second"));
    let codec = codec.with_earlier_key(key("first")).unwrap();
    let world = World::on_exactly(CodecStore::new(sqlite(&directory), codec));
    let mut worker = self::worker(world);
    assert_eq!(worker.status("it").output, json("late"));
}

#[test]
fn the_keys_that_are_in_use_are_seen_in_the_database() {
    let directory = waiting("first");
    let codec = Encryption::new(key("second"));
    let codec = codec.with_earlier_key(key("first")).unwrap();
    let store = CodecStore::new(sqlite(&directory), codec);
    drop(worker(World::on_exactly(store)));
    let db = Connection::open(directory.path().join("app.db")).unwrap();
    let mut select = db
        .prepare(
            "SELECT DISTINCT substr(events, 15, instr(substr(events, 15), ' ') - 1) FROM history",
        )
        .unwrap();
    let keys = select.query_map([], |row| row.get(0)).unwrap();
    let keys: Vec<String> = keys.map(Result::unwrap).collect();
    assert_eq!(keys, ["first"]);
}

#[test]
fn what_was_moved_or_changed_in_the_file_is_not_taken_for_what_was_written() {
    const IT: &str = "(SELECT incarnation FROM instances WHERE id = 'it')";
    const OTHER: &str = "(SELECT incarnation FROM instances WHERE id = 'other')";
    let another = format!("SELECT events FROM history WHERE incarnation = {OTHER} AND");
    for (statement, says) in [
        // Another instance's events, and another episode's.
        (
            format!(
                "UPDATE history SET events = ({another} episode = 1) WHERE incarnation = {IT} AND episode = 1"
            ),
            "is not where it was written",
        ),
        (
            format!(
                "UPDATE history SET events = (SELECT events FROM history WHERE incarnation = {IT} AND episode = 0) WHERE incarnation = {IT} AND episode = 1"
            ),
            "is not where it was written",
        ),
        // Said to be for this place.
        (
            format!(
                "UPDATE history SET events = replace(({another} episode = 0), (SELECT lower(hex(execution_id)) FROM instances WHERE id = 'other'), (SELECT lower(hex(execution_id)) FROM instances WHERE id = 'it')) WHERE incarnation = {IT} AND episode = 0"
            ),
            "does not decrypt with the key `first`",
        ),
        // Made up, cut off, taken away.
        (
            format!("UPDATE history SET events = '[]' WHERE incarnation = {IT} AND episode = 1"),
            "stored without a codec",
        ),
        (
            format!(
                "UPDATE history SET events = substr(events, 1, length(events) - 8) || '\"]' WHERE incarnation = {IT} AND episode = 0"
            ),
            "`first`",
        ),
        (
            format!(
                "UPDATE history SET events = '[\"steadfast:1 first\"]' WHERE incarnation = {IT} AND episode = 0"
            ),
            "damaged",
        ),
        // A status that nobody published, and a message that was for another.
        (
            format!(
                "UPDATE history SET custom_status = '1' WHERE incarnation = {IT} AND episode = 1"
            ),
            "stored without a codec",
        ),
        (
            format!("UPDATE inbox SET incarnation = {IT}"),
            "is not where it was written",
        ),
        (
            format!("INSERT INTO inbox (incarnation, event) VALUES ({IT}, '[]')"),
            "stored without a codec",
        ),
    ] {
        let directory = waiting("first");
        let mut worker = opened(&directory, "first");
        let other = worker.instance("other");
        worker.wait(other.suspend(None));
        worker.run_until_idle();
        worker.wait(other.raise_event_named("go", "approved"));
        worker.run_until_idle();
        drop((worker, other));
        change(&directory, &statement);
        let mut worker = opened(&directory, "first");
        // It is read as a whole when something comes for it.
        let it = worker.instance("it");
        worker.wait(it.raise_event_named("go", "went"));
        let why = stalled(&mut worker, "it");
        assert!(why.contains(says), "{statement}: {why}");
        assert_eq!(worker.status("other").stalled, None);
    }
}

/// A store puts the end of a child behind a message, and nothing else.
#[test]
fn what_was_put_behind_a_message_in_the_file_is_not_taken_for_a_part_of_it() {
    let directory = waiting("first");
    let mut worker = opened(&directory, "first");
    let (it, other) = (worker.instance("it"), worker.instance("other"));
    worker.wait(other.terminate(None));
    worker.wait(it.suspend(None));
    worker.run_until_idle();
    worker.wait(it.raise_event_named("something else", "1"));
    worker.run_until_idle();
    drop((worker, it, other));
    change(
        &directory,
        "UPDATE inbox SET event = substr(event, 1, length(event) - 1) || ',' || substr((
             SELECT events FROM history JOIN instances USING (incarnation)
             WHERE id = 'other' ORDER BY history.episode DESC LIMIT 1), 2)",
    );

    let mut worker = opened(&directory, "first");
    let it = worker.instance("it");
    worker.wait(it.resume(None));
    worker.run_until_idle();
    assert!(!worker.status("it").is_terminal());
    let why = stalled(&mut worker, "it");
    assert!(why.contains("more than one event"), "{why}");
}

#[test]
fn a_status_that_does_not_decrypt_is_no_end_of_a_watch_over_every_change() {
    let directory = tempfile::tempdir().unwrap();
    let mut worker = opened(&directory, "first");
    let client = worker.client().clone();
    worker.wait(client.start(everything("1".to_owned()).id("it")));
    worker.run_until_idle();
    drop((worker, client));
    change(
        &directory,
        "UPDATE history SET custom_status = '1' WHERE custom_status IS NOT NULL",
    );

    let mut worker = opened(&directory, "first");
    let last = worker.status("it").cursor;
    let first = steadfast::Cursor {
        sequence: 0,
        ..last
    };
    let mut changes = worker.instance("it").watch_changes().after(first);
    loop {
        let change = worker.wait(changes.next()).expect("it has not ended");
        assert_eq!(change.custom_status, None);
        if change.cursor == last {
            let why = change.stalled.expect("what is wrong is told");
            return assert!(why.contains("stored without a codec"), "{why}");
        }
    }
}

#[test]
fn a_store_of_plain_text_is_read_when_that_is_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let mut plain = worker(World::on_exactly(sqlite(&directory)));
    let client = plain.client().clone();
    plain.wait(client.start(wait_for_go().id("it")));
    plain.run_until_idle();
    drop((plain, client));

    let strict = CodecStore::new(sqlite(&directory), Encryption::new(key("first")));
    let why = refused(strict);
    assert!(why.contains("CodecStore::accept_plain_text"), "{why}");

    let lenient = || CodecStore::new(sqlite(&directory), Encryption::new(key("first")));
    let lenient = || worker(World::on_exactly(lenient().accept_plain_text()));
    let mut worker = lenient();
    let client = worker.client().clone();
    worker.wait(client.start(wait_for_go().id("new")));
    goes_on(&mut worker, "it");
    drop((worker, client));

    // What was begun with it in force is read by who is strict, and the other is not.
    let mut strict = opened(&directory, "first");
    goes_on(&mut strict, "new");
    let it = strict.instance("it");
    let why = strict.block_on(it.status()).unwrap_err().to_string();
    assert!(why.contains("CodecStore::accept_plain_text"), "{why}");
    drop((strict, it));
    assert_eq!(lenient().status("it").output, json("went"));
}

#[test]
fn an_encrypted_store_that_is_opened_without_a_codec_says_so() {
    let directory = waiting("first");
    let why = refused(sqlite(&directory));
    assert!(why.contains("encoded, the last of it as `first`"), "{why}");

    // One that was made with a codec and without is not refused.
    let directory = tempfile::tempdir().unwrap();
    let mut plain = worker(World::on_exactly(sqlite(&directory)));
    let client = plain.client().clone();
    plain.wait(client.start(wait_for_go().id("plain")));
    plain.run_until_idle();
    drop((plain, client));
    let encrypted = || CodecStore::new(sqlite(&directory), Encryption::new(key("first")));
    let encrypted = || worker(World::on_exactly(encrypted().accept_plain_text()));
    let mut worker = encrypted();
    let client = worker.client().clone();
    worker.wait(client.start(everything("1".to_owned()).id("shown")));
    worker.wait(client.start(wait_for_go().id("it")));
    worker.run_until_idle();
    let shown = worker.status("shown");
    assert!(shown.custom_status.is_some() && !shown.progress.is_empty());
    drop((worker, client));

    let mut plain = self::worker(World::on_exactly(sqlite(&directory)));
    for id in ["it", "shown"] {
        let why = stalled(&mut plain, id);
        assert!(why.contains("a codec has encoded it, as `first`"), "{why}");
    }
    // Nor is what is encoded taken for what was published.
    let shown = plain.status("shown");
    assert_eq!((shown.custom_status, shown.progress), (None, Vec::new()));
    goes_on(&mut plain, "plain");
    drop(plain);
    goes_on(&mut encrypted(), "it");
}

#[test]
fn a_history_is_exported_in_plain_text_and_encrypted_again_where_it_is_imported() {
    let store = |id| CodecStore::new(MemoryStore::new(), Encryption::new(key(id)));
    let mut here = worker(World::on_exactly(store("first")));
    let client = here.client().clone();
    here.wait(client.start(wait_for_go().id("it")));
    let it = here.instance("it");
    here.run_until_idle();
    let history = here.wait(it.export());
    for mut there in [
        worker(World::on_exactly(store("second"))),
        worker(World::on_exactly(MemoryStore::new())),
    ] {
        let client = there.client().clone();
        there.wait(client.import(&history));
        goes_on(&mut there, "it");
    }
}

#[test]
fn what_is_too_large_is_told_by_the_plain_text() {
    let world = World::on_exactly(CodecStore::new(
        MemoryStore::new(),
        Encryption::new(key("first")),
    ));
    let mut worker = worker(World {
        max_payload_bytes: 100,
        ..world
    });
    let client = worker.client().clone();
    let fits = "x".repeat(90);
    worker.wait(client.start(again(fits.clone(), true).id("it")));
    assert_eq!(worker.status("it").output, json(&fits));
}
