//! Histories: as events, as the rows of the HTTP API, as files that move to another store.

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Value, json as value};
use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::SqliteStore;
use steadfast::testing::SingleThreaded;
use steadfast::{
    ClientError, ExportedHistory, HistoryOptions, ImportError, InstanceHandle, Registration,
    definitions,
};

use crate::support::{Worker as _, World, at, call_pass, entered, json, open, pass, wait_for_go};

thread_local! {
    static BROKEN: Cell<bool> = const { Cell::new(false) };
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

#[activity]
async fn greet(name: String) -> Result<String, String> {
    RUNS.set(RUNS.get() + 1);
    if name == "nobody" || BROKEN.get() {
        return Err("there is nobody".into());
    }
    Ok(format!("Hello {name}!"))
}

#[orchestrator(name = "Child")]
async fn child(ctx: OrchestrationContext, name: String) -> Result<String, String> {
    Ok(ctx.call(greet(name)).await?)
}

/// Does everything once.
#[orchestrator(name = "Everything")]
async fn everything(ctx: OrchestrationContext, _input: u32) -> Result<Vec<u32>, String> {
    let hello = ctx.call(greet("Tokyo".into())).await;
    let nobody = ctx.call(greet("nobody".into())).await;
    let grown = ctx.call(child("Seattle".into()).id("grown")).await;
    let lost = ctx.call(child("nobody".into()).id("lost")).await;
    ctx.create_timer(Duration::from_secs(60)).await;
    ctx.send_event_named("friend", "greeting", &1)?;
    let _open = (
        ctx.call(pass("shut".into())),
        ctx.call(wait_for_go().id("waits")),
        ctx.create_timer(Duration::from_secs(3_600)),
    );
    let told: String = ctx
        .wait_for_external_event_named("Go")
        .await
        .map_err(|error| error.to_string())?;
    if told == "fail" {
        return Err("told to".into());
    }
    let lengths = [hello.is_ok(), nobody.is_err(), grown.is_ok(), lost.is_err()];
    Ok(lengths.map(u32::from).to_vec())
}

fn definitions_here() -> Vec<Registration> {
    definitions![
        everything,
        child,
        greet,
        pass,
        wait_for_go,
        call_pass,
        wait_long,
        relay
    ]
}

/// `everything`, where it waits for its event, a minute after its start.
fn waiting_for_go(worker: &mut SingleThreaded) -> InstanceHandle {
    let client = worker.client().clone();
    worker.wait(client.start(everything(7).id("all")));
    worker.run_until_idle();
    assert!(worker.advance());
    worker.run_until_idle();
    worker.instance("all")
}

fn rows(worker: &mut SingleThreaded, it: &InstanceHandle, options: HistoryOptions) -> Vec<Value> {
    worker.wait(it.history_json(options))
}

const BEGAN: &str = "2023-11-14T22:13:20Z";
const LATER: &str = "2023-11-14T22:14:20Z";

/// The failure of `greet("nobody")` in a row of a call.
fn failure_of(row: &Value) -> Value {
    assert_eq!(row["Reason"], "there is nobody");
    assert_eq!(row["FailureDetails"]["ErrorMessage"], "there is nobody");
    assert_eq!(row["FailureDetails"]["IsNonRetriable"], false);
    row["FailureDetails"].clone()
}

#[test]
fn every_kind_of_event_has_the_row_that_the_http_api_says() {
    for max_live_instances in [100, 0] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions_here());
        let it = waiting_for_go(&mut worker);
        worker.wait(it.suspend(Some("lunch")));
        worker.wait(it.resume(Some("back")));
        worker.run_until_idle();
        let shown = rows(&mut worker, &it, HistoryOptions::new().results(true));
        let (nobody, lost) = (failure_of(&shown[2]), failure_of(&shown[4]));
        let expected = value!([
            {"EventType": "ExecutionStarted", "Timestamp": BEGAN, "FunctionName": "Everything", "Input": "7"},
            {"EventType": "TaskCompleted", "Timestamp": BEGAN, "FunctionName": "greet", "ScheduledTime": BEGAN,
             "Input": "\"Tokyo\"", "Result": "Hello Tokyo!"},
            {"EventType": "TaskFailed", "Timestamp": BEGAN, "FunctionName": "greet", "ScheduledTime": BEGAN,
             "Input": "\"nobody\"", "Reason": "there is nobody", "Details": null, "FailureDetails": nobody},
            {"EventType": "SubOrchestrationInstanceCompleted", "Timestamp": BEGAN, "FunctionName": "Child",
             "ScheduledTime": BEGAN, "InstanceId": "grown", "Input": "\"Seattle\"", "Result": "Hello Seattle!"},
            {"EventType": "SubOrchestrationInstanceFailed", "Timestamp": BEGAN, "FunctionName": "Child",
             "ScheduledTime": BEGAN, "InstanceId": "lost", "Input": "\"nobody\"", "Reason": "there is nobody",
             "Details": null, "FailureDetails": lost},
            {"EventType": "TimerCreated", "Timestamp": BEGAN, "FireAt": LATER},
            {"EventType": "TimerFired", "Timestamp": LATER, "FireAt": LATER},
            {"EventType": "EventSent", "Timestamp": LATER, "InstanceId": "friend", "Name": "greeting", "Input": "1"},
            {"EventType": "TaskScheduled", "Timestamp": LATER, "Name": "pass", "Input": "\"shut\""},
            {"EventType": "SubOrchestrationInstanceCreated", "Timestamp": LATER, "Name": "wait_for_go",
             "InstanceId": "waits", "Input": null},
            {"EventType": "TimerCreated", "Timestamp": LATER, "FireAt": "2023-11-14T23:14:20Z"},
            {"EventType": "ExecutionSuspended", "Timestamp": LATER, "Reason": "lunch"},
            {"EventType": "ExecutionResumed", "Timestamp": LATER, "Reason": "back"},
        ]);
        assert_eq!(value!(shown), expected);

        // Without inputs and results the rest stays.
        let bare = rows(&mut worker, &it, HistoryOptions::new().inputs(false));
        let mut without = expected;
        for row in without.as_array_mut().unwrap() {
            let row = row.as_object_mut().unwrap();
            row.remove("Input");
            row.remove("Result");
        }
        assert_eq!(value!(bare), without);
    }
}

#[test]
fn the_rows_of_an_end_say_how_it_ended() {
    type End = fn(&mut SingleThreaded, &InstanceHandle);
    let ends: [(End, Value); 3] = [
        (
            |worker, it| worker.wait(it.raise_event_named("go", "on")),
            value!([
                {"EventType": "EventRaised", "Timestamp": LATER, "Name": "go", "Input": "\"on\""},
                {"EventType": "ExecutionCompleted", "Timestamp": LATER, "OrchestrationStatus": "Completed",
                 "Result": [1, 1, 1, 1]},
            ]),
        ),
        (
            |worker, it| worker.wait(it.raise_event_named("GO", "fail")),
            value!([
                {"EventType": "EventRaised", "Timestamp": LATER, "Name": "GO", "Input": "\"fail\""},
                {"EventType": "ExecutionCompleted", "Timestamp": LATER, "OrchestrationStatus": "Failed", "Result": null},
            ]),
        ),
        (
            |worker, it| worker.wait(it.terminate(Some("enough"))),
            value!([
                {"EventType": "ExecutionTerminated", "Timestamp": LATER, "Input": "enough"},
                {"EventType": "ExecutionCompleted", "Timestamp": LATER, "OrchestrationStatus": "Terminated",
                 "Result": "enough"},
            ]),
        ),
    ];
    for (end, expected) in ends {
        let mut worker = World::new().worker(definitions_here());
        let it = waiting_for_go(&mut worker);
        end(&mut worker, &it);
        worker.run_until_idle();
        let mut shown = rows(&mut worker, &it, HistoryOptions::new().results(true));
        let mut last = shown.split_off(shown.len() - 2);
        let details = last[1].as_object_mut().unwrap().remove("FailureDetails");
        let failed = last[1]["OrchestrationStatus"] == "Failed";
        assert_eq!(
            details.map(|details| details["ErrorMessage"].clone()),
            failed.then(|| value!("told to"))
        );
        assert_eq!(value!(last), expected);
        // What the end left open stays visible.
        assert!(shown.iter().any(|row| row["EventType"] == "TaskScheduled"));
        let bare = rows(&mut worker, &it, HistoryOptions::new());
        assert_eq!(bare.last().unwrap().get("Result"), None);
    }
}

#[orchestrator]
async fn relay(ctx: OrchestrationContext, round: u32) -> Result<u32, String> {
    ctx.set_custom_status(round)
        .map_err(|error| error.to_string())?;
    let next: u32 = ctx
        .wait_for_external_event_named("next")
        .await
        .map_err(|error| error.to_string())?;
    if next == 0 {
        return Ok(round);
    }
    ctx.continue_as_new(relay(round + next)).await
}

#[orchestrator]
async fn wait_long(ctx: OrchestrationContext, gate: String) -> Result<String, String> {
    let slept = ctx.create_timer(Duration::from_secs(3_600));
    let passed = ctx.call(pass(gate)).await?;
    slept.await;
    ctx.call(greet(passed)).await.map_err(|e| e.to_string())
}

fn kinds(worker: &mut SingleThreaded, it: &InstanceHandle) -> Vec<&'static str> {
    let history = worker.wait(it.history());
    history.iter().map(|event| event.kind.name()).collect()
}

#[test]
fn a_history_is_that_of_the_current_execution_with_what_it_began_with() {
    for max_live_instances in [100, 0] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions_here());
        let client = worker.client().clone();
        let it = worker.wait(client.start(relay(1).id("relay").initial_status("begins")));
        // One that waits for its first episode.
        let later = relay(1).id("later").start_at(Duration::from_secs(60));
        let later = worker.wait(client.start(later));
        worker.run_until_idle();
        assert_eq!(kinds(&mut worker, &later), ["ExecutionStarted"]);
        let started = rows(&mut worker, &later, HistoryOptions::new());
        assert_eq!(started[0]["ScheduledStartTime"], LATER);
        worker.wait(later.terminate(None));
        assert_eq!(
            kinds(&mut worker, &later),
            [
                "OrchestratorStarted",
                "ExecutionStarted",
                "ExecutionTerminated",
                "ExecutionCompleted"
            ]
        );

        // Two at once: one ends the execution, the other is carried into the next.
        worker.wait(it.suspend(None));
        for next in [10, 100] {
            worker.wait(it.raise_event_named("next", &next));
        }
        worker.wait(it.resume(None));
        worker.run_until_idle();
        let status = worker.status("relay");
        assert_eq!(status.input, json(111));
        assert_eq!(status.custom_status.unwrap().as_json(), "111");
        let events = worker.wait(it.history());
        assert_eq!(events[1].kind.name(), "ExecutionStarted");
        worker.wait(it.raise_event_named("next", &0));
        worker.run_until_idle();
        assert_eq!(
            kinds(&mut worker, &it),
            [
                "OrchestratorStarted",
                "ExecutionStarted",
                "OrchestratorStarted",
                "EventRaised",
                "ExecutionCompleted"
            ]
        );
    }
}

#[test]
fn a_rewound_history_shows_the_failure_and_what_came_after_it() {
    let mut worker = World::new().worker(definitions_here());
    let client = worker.client().clone();
    BROKEN.set(true);
    let it = worker.wait(client.start(child("Tokyo".into()).id("a")));
    worker.run_until_idle();
    BROKEN.set(false);
    worker.wait(it.rewind(Some("repaired")));
    worker.run_until_idle();
    let shown = rows(&mut worker, &it, HistoryOptions::new().results(true));
    let types: Vec<_> = shown
        .iter()
        .map(|row| row["EventType"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "ExecutionStarted",
            "TaskFailed",
            "ExecutionCompleted",
            "ExecutionRewound",
            "TaskCompleted",
            "ExecutionCompleted"
        ]
    );
    assert_eq!(shown[3]["Reason"], "repaired");
    assert_eq!(shown[4]["FunctionName"], "greet");
    assert_eq!(shown[5]["Result"], "Hello Tokyo!");
}

/// Moves an instance to a new store, and leaves nothing behind. The file is written and read on the way.
fn moved(here: &mut SingleThreaded, id: &str, there: &World) -> SingleThreaded {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.json");
    let handle = here.instance(id);
    here.wait(handle.export()).write_to(&path).unwrap();
    let history = ExportedHistory::read_from(&path).unwrap();
    let mut there = there.worker(definitions_here());
    let client = there.client().clone();
    let imported = there.wait(client.import(&history));
    let mut again = there.wait(imported.export());
    // Where an execution began is where its instance began: nothing is known of earlier ones.
    (again.episodes[0].runtime_status, again.episodes[0].sequence) = (
        history.episodes[0].runtime_status,
        history.episodes[0].sequence,
    );
    assert_eq!(again.episodes, history.episodes);
    there
}

#[test]
fn an_imported_instance_goes_on_by_itself_with_its_activities_and_timers() {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(directory.path().join("app.db")).unwrap();
    for (there, gate) in [
        (World::on(MemoryStore::new()), "one"),
        (World::on(sqlite), "two"),
    ] {
        RUNS.set(0);
        let mut here = World::new().worker(definitions_here());
        let client = here.client().clone();
        here.wait(client.start(wait_long(gate.into()).id("a").tag("k", "v")));
        here.run_until_idle();
        let mut worker = moved(&mut here, "a", &there);
        // Nobody asks for anything.
        worker.run_until_idle();
        assert_eq!(entered(gate), 2);
        // The activity waits here and there.
        open(gate);
        open(gate);
        worker.settle();
        let end = worker.status("a");
        assert_eq!(end.output, json(format!("Hello {gate}!")));
        assert_eq!(RUNS.get(), 1);
        assert_eq!(end.tags["k"], "v");
        assert!(end.last_updated_at >= at(3_600));
    }
}

#[test]
fn an_instance_moves_in_whatever_state_it_is() {
    let mut here = World::new().worker(definitions_here());
    let client = here.client().clone();

    // Scheduled.
    let later = relay(1)
        .id("later")
        .start_at(Duration::from_secs(60))
        .initial_status("soon");
    here.wait(client.start(later));
    here.run_until_idle();
    let world = World::new();
    let mut there = moved(&mut here, "later", &world);
    let pending = there.status("later");
    assert_eq!(pending.runtime_status, RuntimeStatus::Pending);
    assert_eq!(pending.custom_status.unwrap().as_json(), "\"soon\"");
    there.settle();
    assert_eq!(there.now(), at(60));
    assert_eq!(there.status("later").custom_status.unwrap().as_json(), "1");

    // Suspended.
    let handle = here.wait(client.start(wait_for_go().id("paused")));
    here.run_until_idle();
    here.wait(handle.suspend(None));
    let mut there = moved(&mut here, "paused", &World::new());
    there.run_until_idle();
    let paused = there.instance("paused");
    assert_eq!(
        there.status("paused").runtime_status,
        RuntimeStatus::Suspended
    );
    there.wait(paused.raise_event_named("go", "on"));
    there.wait(paused.resume(None));
    assert_eq!(there.wait(paused.output_as::<String>()), "on");

    // Continued as new, in its first episode and later.
    for wait_there in [false, true] {
        let id = format!("relay-{wait_there}");
        let handle = here.wait(client.start(relay(1).id(id.clone())));
        here.wait(handle.raise_event_named("next", &1));
        here.run_until_idle();
        if wait_there {
            here.wait(handle.suspend(None));
            here.wait(handle.resume(None));
            here.run_until_idle();
        }
        let mut there = moved(&mut here, &id, &World::new());
        let relay = there.instance(&id);
        there.wait(relay.raise_event_named("next", &5));
        there.run_until_idle();
        assert_eq!(there.status(&id).input, json(7));
        there.wait(relay.raise_event_named("next", &0));
        assert_eq!(there.wait(relay.output_as::<u32>()), 7);
    }

    // Failed: it is rewound in its new place. Also when that was asked for here and has not begun.
    for rewound_here in [false, true] {
        BROKEN.set(true);
        let id = format!("failed-{rewound_here}");
        let handle = here.wait(client.start(child("Tokyo".into()).id(id.clone())));
        here.run_until_idle();
        if rewound_here {
            here.wait(handle.rewind(None));
        }
        let mut there = moved(&mut here, &id, &World::new());
        BROKEN.set(false);
        here.run_until_idle();
        let failed = there.instance(&id);
        if there.status(&id).runtime_status == RuntimeStatus::Failed {
            there.wait(failed.rewind(None));
        }
        assert_eq!(there.wait(failed.output_as::<String>()), "Hello Tokyo!");
    }

    // Ended.
    let handle = here.wait(client.start(wait_for_go().id("ended")));
    here.wait(handle.terminate(Some("why")));
    let mut there = moved(&mut here, "ended", &World::new());
    let (then, now) = (here.status("ended"), there.status("ended"));
    assert_eq!(now.runtime_status, RuntimeStatus::Terminated);
    assert_eq!(
        (now.output, now.created_at, now.last_updated_at),
        (then.output, then.created_at, then.last_updated_at)
    );
}

#[test]
fn an_import_is_refused_when_the_id_is_taken_and_can_take_another() {
    let world = World::new();
    let mut worker = world.worker(definitions_here());
    let client = worker.client().clone();
    let handle = worker.wait(client.start(call_pass("gate".into()).id("a")));
    worker.run_until_idle();
    let history = worker.wait(handle.export());
    worker.wait(handle.terminate(None));
    worker.wait(handle.purge());
    // Its activity does not heed that it is cancelled, and ends.
    open("gate");
    worker.run_until_idle();
    worker.wait(client.start(wait_for_go().id("a")));
    let taken = worker.block_on(client.import(&history)).unwrap_err();
    assert!(
        matches!(
            taken,
            ImportError::Client(ClientError::AlreadyExists { .. })
        ),
        "{taken}"
    );
    // Under another id, and twice: the second time nothing changes.
    let copy = history.with_id("copy").unwrap();
    for _ in 0..2 {
        worker.wait(client.import(&copy));
    }
    open("gate");
    worker.run_until_idle();
    assert_eq!(worker.status("copy").output, json("gate"));
    worker.wait(client.import(&copy));
    assert_eq!(
        worker.status("copy").runtime_status,
        RuntimeStatus::Completed
    );
    // It is found by a worker that comes later, too.
    let mut worker = world.worker(definitions_here());
    assert_eq!(worker.status("copy").output, json("gate"));
}

#[test]
fn a_history_that_this_program_cannot_run_is_imported_and_set_aside() {
    let mut here = World::new().worker(definitions_here());
    let client = here.client().clone();
    let handle = here.wait(client.start(wait_for_go().id("a")));
    here.run_until_idle();
    let history = here.wait(handle.export());

    let world = World::new();
    let mut there = world.worker(definitions![pass]);
    let client = there.client().clone();
    let imported = there.wait(client.import(&history));
    there.run_until_idle();
    let why = there.status("a").stalled.unwrap();
    assert!(why.contains("not registered"), "{why}");
    there.wait(imported.raise_event_named("go", "on"));
    let mut there = world.worker(definitions_here());
    there.run_until_idle();
    assert_eq!(there.status("a").output, json("on"));
}
