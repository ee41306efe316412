//! A test that fails names its own line, and not one of the kit.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::testing::{
    CommitFault, EpisodeReplays, FaultyStore, ManualClock, Order, SingleThreaded,
    SingleThreadedOptions, TestHub, crash_everywhere,
};
use steadfast::{Dependencies, Panics, Registered as _, StartByName, SuspiciousAwaits, Timestamp};

use crate::support::{
    Approved, DAY, HOUR, MINUTE, failing, failure_and_place_of, hello_sequence, say_hello, told,
};

/// Fails here, and says this.
#[track_caller]
fn fails(test: impl FnOnce(), expected: &str) {
    let (message, place) = failure_and_place_of(test);
    assert!(message.contains(expected), "{message}");
    assert!(
        place.ends_with("tests/testing/places.rs"),
        "it is said to be in {place}: {message}"
    );
}

#[orchestrator]
async fn patient(ctx: OrchestrationContext<u32>) -> Result<bool, String> {
    ctx.set_custom_status(1);
    let approved = ctx.wait_for_external_event::<Approved>().await;
    Ok(approved.map_err(|error| error.to_string())?.0)
}

#[orchestrator]
async fn busy(ctx: OrchestrationContext) {
    for _ in 0..1_000_000 {
        ctx.create_timer(MINUTE).await;
    }
}

/// Something that JSON has no object for.
const WRONG: [(&[u8], u32); 1] = [(b"key", 1)];

fn wrong() -> std::collections::BTreeMap<&'static [u8], u32> {
    WRONG.into()
}

#[test]
fn of_what_is_waited_for() {
    let hub = TestHub::new();
    let patient = hub.start(patient());
    let nothing = "nothing can happen any more";
    fails(|| drop(patient.output()), nothing);
    fails(|| drop(patient.output_as::<u32>()), nothing);
    fails(|| drop(patient.wait_for_completion()), nothing);
    fails(
        || _ = patient.wait_custom_status(|status| *status == 2),
        nothing,
    );
    fails(
        || hub.block_on(std::future::pending()),
        "the future waits for something that cannot happen any more",
    );
    patient.raise_event(&Approved(true));
    fails(
        || _ = patient.wait_custom_status(|status| *status == 2),
        "has ended without such a custom status",
    );
}

#[test]
fn of_what_has_no_end() {
    let hub = TestHub::new();
    hub.max_steps(100);
    let busy = hub.start(busy());
    fails(|| drop(busy.output()), "after 100 steps");
    fails(|| hub.advance(DAY), "after 100 steps");
    fails(|| hub.block_on(std::future::pending()), "after 100 steps");
}

#[test]
fn of_what_is_asked_for() {
    let hub = TestHub::new();
    fails(|| drop(hub.instance("")), "must not be empty");
    fails(
        || drop(hub.orchestration::<patient>("")),
        "must not be empty",
    );
    fails(|| drop(hub.start(patient().id("a/b"))), "cannot be started");
    fails(
        || drop(hub.start_by_name(StartByName::new("nobody"))),
        "cannot be started",
    );
    let nobody = hub.instance("nobody");
    fails(|| drop(nobody.status()), "there is no instance `nobody`");
    fails(|| drop(nobody.history()), "nobody");
    fails(|| drop(nobody.waiting_on()), "nobody");
    fails(
        || drop(nobody.custom_statuses_as::<u32>()),
        "there is no instance `nobody`",
    );
    fails(|| nobody.terminate("?"), "cannot be terminated");
    fails(|| nobody.suspend("?"), "cannot be suspended");
    fails(|| nobody.resume("?"), "cannot be resumed");
    fails(|| nobody.raise_event_named("E", &1), "is refused");
    fails(
        || nobody.raise_event_named("E", &wrong()),
        "the event `E` cannot be encoded as JSON",
    );
    fails(
        || nobody.after(HOUR).raise_event_named("E", &wrong()),
        "the event `E` cannot be encoded as JSON",
    );
    nobody.after(HOUR).suspend("?");
    fails(|| hub.advance(DAY), "the suspension of `nobody` is refused");
    let patient = hub.start(patient());
    fails(
        || drop(patient.custom_statuses_as::<String>()),
        "the custom status 1 of `patient-2` cannot be read as `alloc::string::String`",
    );
}

#[test]
fn of_what_is_mocked() {
    let hub = TestHub::new();
    fails(|| drop(hub.mock(say_hello).times(1)), "`times` is about");
    fails(|| drop(hub.mock(say_hello).after(HOUR)), "`after` is about");
    fails(
        || drop(hub.mock_by_name("Far").returns(wrong())),
        "the output of the activity `Far` cannot be encoded as JSON",
    );
    let _mock = hub.mock(say_hello);
    let hello = hub.start(hello_sequence(vec!["Oslo".into()]));
    fails(|| drop(hello.output()), "has no answer");
    fails(|| drop(hub.mock_by_name("Further")), "runs already");
}

#[test]
fn of_a_hub_that_cannot_start() {
    let hub = TestHub::new();
    hub.definitions([patient::REGISTRATION, patient::REGISTRATION]);
    fails(|| drop(hub.client()), "hub.definitions");
    fails(|| hub.restart(), "hub.definitions");
    let hub = TestHub::on(FaultyStore::new(MemoryStore::new(), |_| {
        Some(CommitFault::Lost)
    }));
    hub.definitions([patient::REGISTRATION]);
    hub.max_steps(1_000);
    fails(|| drop(hub.start(patient())), "");
    fails(|| TestHub::with_seeds(0..0, |_| ()), "there is no seed");
    fails(|| _ = crash_everywhere(|_| ()), "the test commits nothing");
}

#[test]
fn of_a_worker_by_itself() {
    let options = |definitions| SingleThreadedOptions {
        definitions,
        dependencies: Dependencies::new(),
        clock: Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)),
        max_live_instances: 1,
        panics: Panics::default(),
        max_payload_bytes: 1_000,
        suspicious_awaits: SuspiciousAwaits::default(),
        replays: EpisodeReplays::default(),
        order: Order::Fixed,
    };
    let store = || Arc::new(MemoryStore::new());
    let twice = options(vec![patient::REGISTRATION; 2]);
    fails(|| drop(SingleThreaded::start(store(), twice)), "patient");
    let mut worker = SingleThreaded::start(store(), options(Vec::new())).unwrap();
    fails(
        || worker.block_on(std::future::pending()),
        "waits for something that cannot happen",
    );
}

#[test]
fn of_a_mock_that_drives_the_hub() {
    let hub = Rc::new(TestHub::new());
    let mocked = Rc::clone(&hub);
    hub.mock(say_hello).with(move |city| {
        mocked.advance(HOUR);
        city
    });
    let hello = hub.start(hello_sequence(vec!["Oslo".into()]));
    fails(
        || drop(hello.output()),
        "a mock or an activity asks something of the hub that runs it, and that waits for it: let it note what it sees",
    );
}

#[test]
fn what_a_mock_may_do_with_the_hub() {
    let hub = Rc::new(TestHub::new());
    let patient = hub.start(patient().id("patient"));
    let seen = Rc::new(Cell::new(None));
    let (mocked, noted) = (Rc::clone(&hub), Rc::clone(&seen));
    hub.mock(say_hello).with(move |city| {
        noted.set(Some((mocked.now(), mocked.calls(say_hello).len())));
        mocked.after(HOUR, async |client| {
            client.instance("patient")?.terminate(None).await
        });
        city
    });
    let hello = hub.start(hello_sequence(vec!["Oslo".into()]));
    assert_eq!(hello.output().unwrap(), ["Oslo"]);
    assert!(patient.wait_for_completion().is_terminal());
    assert_eq!(seen.get().map(|(_, calls)| calls), Some(1));
}

#[test]
#[ignore = "fails on purpose, in a process of its own"]
fn fails_with_a_seed_that_is_none() {
    drop(TestHub::new());
}

#[test]
fn of_a_seed_that_is_none() {
    let test = "places::fails_with_a_seed_that_is_none";
    let failed = failing(test, &[("STEADFAST_SEED", "x")]).unwrap();
    assert!(failed.contains("tests/testing/places.rs"), "{failed}");
    assert!(!failed.contains("src/testing/hub"), "{failed}");
}

#[test]
#[ignore = "fails on purpose, in a process of its own"]
fn asserts_within_a_crash() {
    crash_everywhere(|hub| {
        let hello = hub.start(hello_sequence(vec!["Oslo".into()]).id("hello"));
        hello.output().unwrap();
        assert_eq!(hub.attempts(say_hello).len(), 1, "as often as that");
    });
}

#[test]
fn an_assertion_that_fails_after_a_crash_tells_the_way_there() {
    let failed = failing("places::asserts_within_a_crash", &[]).unwrap();
    assert!(failed.contains("as often as that"), "{failed}");
    let crash = told(&failed, "STEADFAST_CRASH");
    let (commit, _) = crash.split_once(':').unwrap();
    let expected = format!(
        "steadfast: this test ran with the seed 0, and with a crash: commit {commit} (with episode "
    );
    assert!(failed.contains(&expected), "{failed}");
    assert!(
        failed.contains(
            ") is not applied, since the process dies before it; to run it again in the same order: STEADFAST_SEED=0 "
        ),
        "{failed}"
    );
}

#[test]
#[ignore = "fails on purpose, in a process of its own"]
fn asserts_before_any_crash() {
    crash_everywhere(|hub| assert_ne!(hub.now(), hub.now()));
}

#[test]
fn an_assertion_that_fails_without_a_crash_says_so() {
    let failed = failing("places::asserts_before_any_crash", &[]).unwrap();
    assert!(
        failed.contains("with the seed 0, and without a crash so far; to run"),
        "{failed}"
    );
    assert!(!failed.contains("STEADFAST_CRASH"), "{failed}");
}
