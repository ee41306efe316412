//! What the context tells about the execution.

use std::cell::RefCell;

use super::*;
use crate::model::instance::ParentInstance;

#[test]
fn the_context_knows_its_execution() {
    let parent = ParentInstance {
        name: "P".into(),
        instance_id: InstanceId::parse("parent").unwrap(),
        execution_id: EXECUTION,
        task_scheduled_id: 7,
    };
    let mut setup = Setup::new(&orchestrator(|ctx| async move {
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap();
        let parent = ctx.parent().unwrap();
        (
            ctx.name().to_owned(),
            ctx.instance_id().clone(),
            ctx.execution_id(),
            parent.instance_id.clone(),
            parent.task_scheduled_id,
        )
    }));
    setup.info.parent = Some(parent);
    let output = format!(r#"["E","demo","{EXECUTION}","parent",7]"#);
    setup.run().deliver(at(1), started(), waits()).deliver(
        at(2),
        history().raised("go", "1"),
        completes(0, &output),
    );
}

#[test]
fn replaying_is_known() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let program = orchestrator(move |ctx| {
        let log = Rc::clone(&log);
        async move {
            log.borrow_mut().push(ctx.is_replaying());
            for name in ["a", "b"] {
                ctx.call_activity::<i32>(name, ()).await.unwrap();
                log.borrow_mut().push(ctx.is_replaying());
            }
        }
    });
    let run = run(&program)
        .without_replays()
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .deliver(
            at(2),
            history().completed(0, "1"),
            waits().asks(1, call("b", "null")),
        );
    assert_eq!(seen.take(), [false, false]);
    let mut replayed = run.setup.replay(&run.history).unwrap();
    assert_eq!(seen.take(), [true, true]);
    replayed
        .deliver(at(3), &mut history().completed(1, "1").build())
        .unwrap();
    assert_eq!(seen.take(), [false]);
}
