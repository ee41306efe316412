//! Sub-orchestrations under the hands of an operator.

use std::cell::RefCell;
use std::collections::BTreeMap;

use steadfast::prelude::*;
use steadfast::testing::SingleThreaded;
use steadfast::{InstanceHandle, InstanceStatus, Registration, definitions};

use crate::support::{Worker as _, World, json, wait_for_go};

thread_local! {
    static RUNS: RefCell<BTreeMap<String, u32>> = RefCell::default();
    static BROKEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

#[activity]
async fn work(name: String) -> Result<String, String> {
    RUNS.with_borrow_mut(|runs| *runs.entry(name.clone()).or_default() += 1);
    if BROKEN.with_borrow(|broken| broken.iter().any(|part| name == *part)) {
        return Err(format!("{name} is broken"));
    }
    Ok(name)
}

/// How often each piece of work was done since this was asked last.
fn runs() -> Vec<(String, u32)> {
    RUNS.take().into_iter().collect()
}

fn once(names: &[&str]) -> Vec<(String, u32)> {
    names.iter().map(|name| ((*name).to_owned(), 1)).collect()
}

/// Works before and after its child, down to the last level.
#[orchestrator]
async fn level(ctx: OrchestrationContext, depth: u32) -> Result<u32, String> {
    ctx.call(work(format!("before-{depth}"))).await?;
    let below = match depth {
        0 => 0,
        _ => {
            let below = ctx.call(level(depth - 1).id(format!("level-{}", depth - 1)));
            below.await.map_err(|error| error.to_string())?
        }
    };
    ctx.call(work(format!("after-{depth}"))).await?;
    Ok(below + 1)
}

/// Gives its children these ids, and goes on when one fails.
#[orchestrator]
async fn careful(ctx: OrchestrationContext, children: Vec<String>) -> Result<String, String> {
    let mut told = Vec::new();
    for name in children {
        told.push(match ctx.call(one(name.clone()).id(name)).await {
            Ok(done) => done,
            Err(error) => format!("({error})"),
        });
    }
    match ctx.call(work("last".into())).await {
        Ok(_) => Ok(told.join(" ")),
        Err(error) => Err(error.to_string()),
    }
}

#[orchestrator]
async fn one(ctx: OrchestrationContext, name: String) -> Result<String, String> {
    if name.starts_with("wait") {
        return ctx.call(wait_for_go()).await.map_err(|e| e.to_string());
    }
    Ok(ctx.call(work(name)).await?)
}

fn all_definitions() -> Vec<Registration> {
    definitions![level, careful, one, work, wait_for_go, family, generations]
}

fn worlds() -> [World; 2] {
    [100, 0].map(|max_live_instances| World {
        max_live_instances,
        ..World::new()
    })
}

fn statuses(worker: &mut SingleThreaded, ids: &[&str]) -> Vec<RuntimeStatus> {
    ids.iter()
        .map(|id| worker.status(id).runtime_status)
        .collect()
}

fn children(worker: &mut SingleThreaded, it: &InstanceHandle) -> Vec<InstanceStatus> {
    let mut query = it.children();
    let mut found = Vec::new();
    while let Some(child) = worker.wait(query.next()) {
        found.push(child);
    }
    found
}

#[test]
fn a_rewind_reaches_the_failure_at_the_bottom_and_nothing_else_runs_again() {
    for world in worlds() {
        runs();
        BROKEN.set(vec!["after-0"]);
        let mut worker = world.worker(all_definitions());
        let client = worker.client().clone();
        let it = worker.wait(client.start(level(3).id("level-3")));
        worker.run_until_idle();
        let levels = ["level-3", "level-2", "level-1", "level-0"];
        assert_eq!(statuses(&mut worker, &levels), [RuntimeStatus::Failed; 4]);
        let before = ["after-0", "before-0", "before-1", "before-2", "before-3"];
        assert_eq!(runs(), once(&before));
        let incarnations = levels.map(|id| worker.status(id).cursor.incarnation);

        BROKEN.take();
        worker.wait(it.rewind(None));
        assert_eq!(worker.wait(it.output()), 4);
        assert_eq!(
            statuses(&mut worker, &levels),
            [RuntimeStatus::Completed; 4]
        );
        let after = ["after-0", "after-1", "after-2", "after-3"];
        assert_eq!(runs(), once(&after));
        // They are the same instances, not new ones.
        assert_eq!(
            levels.map(|id| worker.status(id).cursor.incarnation),
            incarnations
        );
    }
}

#[test]
fn a_child_that_completed_before_its_parent_was_rewound_answers_once_more() {
    for world in worlds() {
        BROKEN.set(vec!["after-0"]);
        let mut worker = world.worker(all_definitions());
        let client = worker.client().clone();
        let it = worker.wait(client.start(level(1).id("level-1")));
        worker.run_until_idle();
        BROKEN.take();
        runs();
        // The parent has ended, and hears nothing.
        let child = worker.instance("level-0");
        worker.wait(child.rewind(None));
        worker.run_until_idle();
        assert_eq!(
            statuses(&mut worker, &["level-0", "level-1"]),
            [RuntimeStatus::Completed, RuntimeStatus::Failed]
        );
        assert_eq!(runs(), once(&["after-0"]));
        worker.wait(it.rewind(None));
        assert_eq!(worker.wait(it.output()), 2);
        assert_eq!(runs(), once(&["after-1"]));
    }
}

#[test]
fn a_failed_child_that_is_gone_or_was_ended_is_created_anew() {
    for world in worlds() {
        for how in ["purged", "terminated"] {
            let id = format!("parent-{how}");
            BROKEN.set(vec!["lost", "last"]);
            let mut worker = world.worker(all_definitions());
            let client = worker.client().clone();
            let (name, expected) = match how {
                "purged" => ("lost".to_owned(), "lost"),
                _ => ("wait-long".to_owned(), "went"),
            };
            let it = worker.wait(client.start(careful(vec![name.clone()]).id(id.clone())));
            worker.run_until_idle();
            let child = worker.instance(&name);
            if how == "terminated" {
                worker.wait(child.terminate_recursive(Some("enough")));
                worker.run_until_idle();
            }
            assert_eq!(worker.status(&id).runtime_status, RuntimeStatus::Failed);
            if how == "purged" {
                worker.wait(child.purge());
            }
            BROKEN.take();
            worker.wait(it.rewind(None));
            worker.run_until_idle();
            if how == "terminated" {
                let again = worker.status(&name);
                assert_eq!(again.runtime_status, RuntimeStatus::Running);
                let below = children(&mut worker, &child);
                let waits = below.iter().find(|below| !below.is_terminal()).unwrap();
                let waits = worker.instance(waits.instance_id.as_str());
                worker.wait(waits.raise_event_named("go", "went"));
            }
            assert_eq!(worker.wait(it.output()), expected, "{how}");
            worker.wait(it.purge());
            worker.wait(child.purge());
        }
    }
}

#[test]
fn a_failure_that_was_handled_counts_as_one_too() {
    for world in worlds() {
        runs();
        BROKEN.set(vec!["b", "last"]);
        let mut worker = world.worker(all_definitions());
        let client = worker.client().clone();
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let it = worker.wait(client.start(careful(names).id("it")));
        worker.run_until_idle();
        assert_eq!(worker.status("it").runtime_status, RuntimeStatus::Failed);
        assert_eq!(runs(), once(&["a", "b", "c", "last"]));
        BROKEN.take();
        worker.wait(it.rewind(None));
        assert_eq!(worker.wait(it.output()), "a b c");
        // What the code asked for after the failure that it handled is asked for anew, for it may now ask for something else.
        let again = runs();
        assert!(again.contains(&("b".to_owned(), 1)), "{again:?}");
        assert!(!again.contains(&("a".to_owned(), 1)), "{again:?}");
    }
}

/// Two children, one of which it does not wait for, and an event.
#[orchestrator]
async fn family(ctx: OrchestrationContext) -> Result<String, String> {
    ctx.call(wait_for_go().id("detached")).detach();
    let heard = ctx.call(wait_for_go().id("heard"));
    heard.await.map_err(|error| error.to_string())
}

/// Starts a child in each generation, and waits for none.
#[orchestrator]
async fn generations(ctx: OrchestrationContext, number: u32) -> Result<(), String> {
    ctx.call(wait_for_go().id(format!("of-{number}"))).detach();
    let _next: u32 = ctx
        .wait_for_external_event_named("next")
        .await
        .map_err(|error| error.to_string())?;
    ctx.continue_as_new(generations(number + 1)).await
}

#[test]
fn children_are_found_whoever_they_are_and_whatever_became_of_them() {
    for world in worlds() {
        let mut worker = world.worker(all_definitions());
        let client = worker.client().clone();
        let it = worker.wait(client.start(generations(1).id("it")));
        worker.run_until_idle();
        for next in [2, 3] {
            worker.wait(it.raise_event_named("next", &next));
            worker.run_until_idle();
        }
        let second = worker.instance("of-2");
        worker.wait(second.raise_event_named("go", "on"));
        let first = worker.instance("of-1");
        worker.wait(first.restart_as(Some("stranger")));
        worker.run_until_idle();
        let found = children(&mut worker, &it);
        let found: Vec<_> = found
            .iter()
            .map(|child| (child.instance_id.as_str(), child.runtime_status))
            .collect();
        assert_eq!(
            found,
            [
                ("of-1", RuntimeStatus::Running),
                ("of-2", RuntimeStatus::Completed),
                ("of-3", RuntimeStatus::Running),
            ]
        );
        // Only those of the current execution end with it.
        worker.wait(it.terminate_recursive(None));
        worker.run_until_idle();
        assert_eq!(
            statuses(&mut worker, &["of-1", "of-2", "of-3", "stranger"]),
            [
                RuntimeStatus::Running,
                RuntimeStatus::Completed,
                RuntimeStatus::Terminated,
                RuntimeStatus::Running
            ]
        );
        let nobody = worker.instance("nobody");
        assert_eq!(children(&mut worker, &nobody), []);
    }
}

#[test]
fn a_recursive_end_takes_the_detached_with_it_and_a_plain_one_leaves_them() {
    for recursive in [true, false] {
        for world in worlds() {
            let mut worker = world.worker(all_definitions());
            let client = worker.client().clone();
            let it = worker.wait(client.start(family().id("it")));
            worker.run_until_idle();
            // Asleep or awake, begun or held.
            let heard = worker.instance("heard");
            worker.wait(heard.suspend(None));
            if recursive {
                worker.wait(it.terminate_recursive(Some("all")));
            } else {
                worker.wait(it.terminate(Some("alone")));
            }
            let expected = if recursive {
                [RuntimeStatus::Terminated; 2]
            } else {
                [RuntimeStatus::Running, RuntimeStatus::Suspended]
            };
            assert_eq!(statuses(&mut worker, &["detached", "heard"]), expected);
            if recursive {
                assert_eq!(worker.status("heard").output, json("all"));
            }
        }
    }
}

#[test]
fn the_answer_of_a_child_waits_while_its_parent_is_suspended() {
    for world in worlds() {
        let mut worker = world.worker(all_definitions());
        let client = worker.client().clone();
        let it = worker.wait(client.start(family().id("it")));
        worker.run_until_idle();
        worker.wait(it.suspend(None));
        let heard = worker.instance("heard");
        worker.wait(heard.raise_event_named("go", "news"));
        worker.run_until_idle();
        assert_eq!(
            statuses(&mut worker, &["it", "heard"]),
            [RuntimeStatus::Suspended, RuntimeStatus::Completed]
        );
        // The child is not needed for its answer any more.
        worker.wait(heard.purge());
        drop(worker);
        let mut worker = world.worker(all_definitions());
        let it = worker.instance("it");
        worker.wait(it.resume(None));
        assert_eq!(worker.wait(it.output_as::<String>()), "news");
    }
}

#[test]
fn a_child_that_is_terminated_fails_its_call_and_a_restarted_one_has_no_parent() {
    for world in worlds() {
        let mut worker = world.worker(all_definitions());
        let client = worker.client().clone();
        let it = worker.wait(client.start(family().id("it")));
        worker.run_until_idle();
        let heard = worker.instance("heard");
        worker.wait(heard.terminate(Some("not now")));
        let end = worker.wait(it.wait_for_completion());
        assert_eq!(end.runtime_status, RuntimeStatus::Failed);
        let why = end.failure.unwrap().to_string();
        assert!(why.contains("not now"), "{why}");
        worker.wait(heard.restart());
        let again = worker.status("heard");
        assert_eq!(
            (again.parent, again.runtime_status),
            (None, RuntimeStatus::Running)
        );
        assert_eq!(children(&mut worker, &it).len(), 1);
        worker.wait(heard.raise_event_named("go", "late"));
        worker.run_until_idle();
        assert_eq!(
            statuses(&mut worker, &["it", "heard"]),
            [RuntimeStatus::Failed, RuntimeStatus::Completed]
        );
    }
}
