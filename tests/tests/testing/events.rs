//! Events and requests of clients, now and later.

use steadfast::prelude::*;
use steadfast::testing::TestHub;
use steadfast::{StartByName, WaitingFor};

use crate::support::{Approved, DAY, HOUR, MINUTE};

#[orchestrator(events(Approved))]
async fn approval(ctx: OrchestrationContext, patience_hours: u64) -> Result<String, String> {
    let answer = ctx.wait_for_external_event::<Approved>();
    match ctx
        .timeout(HOUR * u32::try_from(patience_hours).unwrap_or(1), answer)
        .await
    {
        Ok(answer) => {
            let Approved(yes) = answer.map_err(|error| error.to_string())?;
            Ok(format!("approved: {yes}"))
        }
        Err(_) => Ok("nobody cared".into()),
    }
}

#[test]
fn a_month_takes_no_time() {
    let hub = TestHub::new();
    let approval = hub.start(approval(30 * 24));
    assert_eq!(approval.output().unwrap(), "nobody cared");
    assert_eq!(hub.now().to_string(), "2026-01-31T00:00:00Z");
}

#[test]
fn an_event_is_raised_now() {
    let hub = TestHub::new();
    let approval = hub.start(approval(30 * 24));
    hub.advance(3 * DAY);
    approval.raise_event(&Approved(true));
    assert_eq!(approval.output().unwrap(), "approved: true");
    assert_eq!(hub.now().to_string(), "2026-01-04T00:00:00Z");
}

#[test]
fn an_event_is_raised_later() {
    let hub = TestHub::new();
    let early = hub.start(approval(24));
    early.after(DAY - MINUTE).raise_event(&Approved(false));
    assert_eq!(early.output().unwrap(), "approved: false");
    let late = hub.start(approval(24));
    late.after(DAY + MINUTE).raise_event(&Approved(false));
    assert_eq!(late.output().unwrap(), "nobody cared");
    // What comes too late is no error.
    hub.advance(DAY);
}

#[test]
fn it_is_suspended_resumed_and_terminated_at_its_time() {
    let hub = TestHub::new();
    let approval = hub.start(approval(48));
    approval.after(HOUR).suspend("lunch");
    approval.after(2 * HOUR).raise_event(&Approved(true));
    approval.after(3 * HOUR).resume("coffee");
    hub.advance(HOUR);
    assert_eq!(approval.status().runtime_status, RuntimeStatus::Suspended);
    hub.advance(HOUR + MINUTE);
    assert_eq!(approval.status().runtime_status, RuntimeStatus::Suspended);
    assert_eq!(approval.output().unwrap(), "approved: true");
    assert_eq!(hub.now().to_string(), "2026-01-01T03:00:00Z");

    let another = hub.start(self::approval(48));
    another.after(HOUR).terminate("too expensive");
    let status = another.wait_for_completion();
    assert_eq!(status.runtime_status, RuntimeStatus::Terminated);
    assert_eq!(status.output.as_deref(), Some("\"too expensive\""));
}

#[test]
fn it_is_suspended_resumed_and_terminated_now() {
    let hub = TestHub::new();
    let approval = hub.start(approval(48));
    approval.suspend("lunch");
    assert_eq!(approval.status().runtime_status, RuntimeStatus::Suspended);
    approval.resume("coffee");
    assert_eq!(approval.status().runtime_status, RuntimeStatus::Running);
    approval.terminate("enough");
    assert_eq!(approval.status().runtime_status, RuntimeStatus::Terminated);
}

#[test]
fn what_it_waits_for_is_told() {
    let hub = TestHub::new();
    let approval = hub.start(approval(1));
    let waiting = approval.waiting_on();
    let kinds: Vec<_> = waiting.iter().map(|it| &it.kind).collect();
    assert!(
        matches!(
            kinds[..],
            [WaitingFor::Event { name }, WaitingFor::Timer { .. }]
                | [WaitingFor::Timer { .. }, WaitingFor::Event { name }] if name == "Approved"
        ),
        "{kinds:?}"
    );
    approval.output().unwrap();
    assert_eq!(approval.waiting_on(), []);
}

#[test]
fn a_client_is_asked_later() {
    let hub = TestHub::new();
    hub.after(DAY, async |client| {
        client.start(approval(1).id("second")).await.map(drop)
    });
    let second = hub.orchestration::<approval>("second");
    assert_eq!(second.output().unwrap(), "nobody cared");
    assert_eq!(hub.now().to_string(), "2026-01-02T01:00:00Z");
}

#[test]
fn an_orchestration_is_started_by_its_name() {
    let hub = TestHub::new();
    let approval = hub.start_by_name(StartByName::new("approval").input(2));
    assert_eq!(approval.id().as_str(), "approval-1");
    approval.after(HOUR).raise_event_named("Approved", &true);
    assert_eq!(approval.output_as::<String>().unwrap(), "approved: true");
    assert_eq!(hub.now().to_string(), "2026-01-01T01:00:00Z");
}

#[test]
fn the_client_does_what_the_hub_does_not() {
    let hub = TestHub::new();
    let approval = hub.start(approval(1).tag("customer", "7"));
    approval.output().unwrap();
    let client = hub.client();
    let handle = client.instance(approval.id().as_str()).unwrap();
    hub.block_on(handle.restart()).unwrap();
    assert_eq!(approval.status().runtime_status, RuntimeStatus::Running);
    assert_eq!(approval.status().tags["customer"], "7");
}

#[test]
fn the_history_is_what_the_client_shows() {
    let hub = TestHub::new();
    let approval = hub.start(approval(1));
    approval.raise_event(&Approved(true));
    approval.output().unwrap();
    let names: Vec<_> = approval
        .history()
        .iter()
        .map(|event| event.kind.name())
        .collect();
    assert_eq!(names.first(), Some(&"OrchestratorStarted"));
    assert!(names.contains(&"EventRaised"), "{names:?}");
    assert_eq!(names.last(), Some(&"ExecutionCompleted"));
}

/// The hub has no runtime, and needs none; within one it works the same.
#[tokio::test]
async fn a_test_may_be_async_all_the_same() {
    let hub = TestHub::new();
    let approval = hub.start(approval(1));
    approval.after(MINUTE).raise_event(&Approved(true));
    assert_eq!(approval.output().unwrap(), "approved: true");
    assert!(!approval.history().is_empty());
}
