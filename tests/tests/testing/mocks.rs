//! What mocks answer.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use steadfast::prelude::*;
use steadfast::testing::TestHub;
use steadfast::{CallHttpError, FailureDetails, HttpRequest, OutputError};

use crate::support::{BankError, HOUR, MINUTE, buy, charge, failure_of, hello_sequence, say_hello};

#[test]
fn a_closure_answers_from_the_arguments() {
    let hub = TestHub::new();
    hub.mock(say_hello).with(|city| format!("Bye {city}!"));
    let hello = hub.start(hello_sequence(vec!["Tokyo".into(), "Seattle".into()]));
    assert_eq!(hello.output().unwrap(), ["Bye Tokyo!", "Bye Seattle!"]);
    assert_eq!(hub.calls(say_hello), ["Tokyo", "Seattle"]);
}

#[test]
fn what_is_not_mocked_runs_for_real() {
    let hub = TestHub::new();
    let hello = hub.start(hello_sequence(vec!["Tokyo".into()]));
    assert_eq!(hello.output().unwrap(), ["Hello Tokyo!"]);
    assert_eq!(hub.calls(say_hello), ["Tokyo"]);
}

#[test]
fn answers_are_given_in_their_order() {
    let hub = TestHub::new();
    hub.mock(charge)
        .returns(Err(BankError::Busy))
        .times(2)
        .fails(FailureDetails::new("Network", "unreachable"))
        .returns(Ok(7));
    assert_eq!(hub.start(buy("visa".into())).output().unwrap(), 7);
    assert_eq!(hub.start(buy("visa".into())).output().unwrap(), 7);
    let attempts = hub.attempts(charge);
    assert_eq!(
        attempts.iter().map(|it| it.number).collect::<Vec<_>>(),
        [1, 2, 3, 4, 1]
    );
    assert_eq!(
        hub.calls(charge),
        [("visa".to_owned(), 995), ("visa".to_owned(), 995)]
    );
}

#[test]
fn an_error_that_is_final_is_not_tried_again() {
    let hub = TestHub::new();
    hub.mock(charge)
        .returns(Err(BankError::Refused("stolen".into())));
    let error = hub.start(buy("visa".into())).output().unwrap_err();
    let OutputError::Returned { error, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(error, BankError::Refused("stolen".into()));
    assert_eq!(hub.attempts(charge).len(), 1);
}

#[test]
fn a_mock_panics_for_the_activity() {
    let hub = TestHub::new();
    hub.mock(say_hello).panics("out of memory");
    let hello = hub.start(hello_sequence(vec!["Tokyo".into()]));
    let error = hello.output().unwrap_err();
    assert!(error.to_string().contains("out of memory"), "{error}");
}

#[test]
fn a_panic_of_the_tests_closure_is_the_tests() {
    let hub = TestHub::new();
    hub.mock(say_hello).with(|city| {
        assert_eq!(city, "Seattle");
        city
    });
    let hello = hub.start(hello_sequence(vec!["Tokyo".into()]));
    let message = failure_of(|| drop(hello.output()));
    assert!(message.contains("left: \"Tokyo\""), "{message}");
}

#[test]
fn an_answer_takes_virtual_time() {
    let hub = TestHub::new();
    let begin = hub.now();
    hub.mock(say_hello)
        .with(|city| city)
        .after(HOUR)
        .returns("late".into())
        .after(MINUTE);
    let hello = hub.start(hello_sequence(vec!["Tokyo".into(), "Seattle".into()]));
    assert_eq!(hello.output().unwrap(), ["Tokyo", "late"]);
    assert_eq!(
        hub.now().duration_since(begin).unsigned_abs(),
        HOUR + MINUTE
    );
}

#[activity(timeout = "30s")]
async fn slow(n: u32) -> u32 {
    n
}

#[orchestrator]
async fn slow_or_zero(ctx: OrchestrationContext) -> Result<u32, String> {
    match ctx.call(slow(1)).await {
        Err(error) if error.is_timeout() => Ok(0),
        result => Ok(result?),
    }
}

#[test]
fn a_timeout_cuts_a_mock_off() {
    let hub = TestHub::new();
    let computed = Rc::new(RefCell::new(0));
    let count = Rc::clone(&computed);
    hub.mock(slow)
        .never_returns()
        .with(move |n| {
            *count.borrow_mut() += 1;
            n
        })
        .after(Duration::from_secs(31))
        .returns(7)
        .after(Duration::from_secs(29));
    for expected in [0, 0, 7] {
        assert_eq!(hub.start(slow_or_zero()).output().unwrap(), expected);
    }
    hub.advance(HOUR);
    assert_eq!(*computed.borrow(), 0, "nobody waited for it any more");
}

#[test]
fn an_async_mock_waits_for_another() {
    let hub = TestHub::new();
    let time = hub.time();
    hub.mock(say_hello).with_async(move |city| {
        let time = time.clone();
        async move {
            time.sleep(HOUR).await;
            format!("{city} at {}", time.now())
        }
    });
    let hello = hub.start(hello_sequence(vec!["Tokyo".into()]));
    assert_eq!(hello.output().unwrap(), ["Tokyo at 2026-01-01T01:00:00Z"]);
}

#[orchestrator]
async fn by_name(ctx: OrchestrationContext, input: u32) -> Result<u32, String> {
    Ok(ctx.call_activity::<u32>("Elsewhere", input).await?)
}

#[test]
fn an_activity_of_another_program_is_mocked_by_its_name() {
    let hub = TestHub::new();
    hub.mock_by_name("elsewhere")
        .fails(FailureDetails::new("Busy", "try later"))
        .with(|input| Ok(json!(input.as_u64().unwrap() + 1)))
        .returns(9);
    let error = hub.start(by_name(1)).output().unwrap_err();
    assert!(error.to_string().contains("try later"), "{error}");
    assert_eq!(hub.start(by_name(2)).output().unwrap(), 3);
    assert_eq!(hub.start(by_name(3)).output().unwrap(), 9);
    let inputs: Vec<_> = hub.attempts_by_name("Elsewhere").into_iter().collect();
    assert_eq!(inputs[2].arguments.as_deref(), Some("3"));
    assert_eq!(inputs[2].ended, Some(Ok("9".into())));
}

#[test]
fn a_mock_by_name_is_for_the_programs_own_activities_too() {
    let hub = TestHub::new();
    let hello = hub.start(hello_sequence(vec!["Tokyo".into()]));
    hub.mock_by_name("SAY_HELLO").returns("mocked");
    assert_eq!(hello.output().unwrap(), ["mocked"]);
}

#[test]
fn what_an_activity_cannot_read_its_mock_cannot_either() {
    #[orchestrator]
    async fn wrong(ctx: OrchestrationContext) -> Result<String, String> {
        Ok(ctx.call_activity::<String>("say_hello", 7).await?)
    }

    let hub = TestHub::new();
    hub.mock(say_hello).with(|city| city);
    let error = hub.start(wrong()).output().unwrap_err().to_string();
    assert!(error.contains("parameter `city`: invalid type"), "{error}");
}

#[test]
fn activities_of_any_number_of_arguments_are_mocked() {
    #[activity]
    async fn none() -> u32 {
        0
    }

    #[activity]
    async fn three(a: u32, b: Option<String>, c: Vec<u32>) -> usize {
        a as usize + b.map_or(0, |b| b.len()) + c.len()
    }

    #[orchestrator]
    async fn both(ctx: OrchestrationContext) -> Result<(u32, usize), String> {
        Ok((
            ctx.call(none()).await?,
            ctx.call(three(1, Some("x".into()), vec![1, 2])).await?,
        ))
    }

    let hub = TestHub::new();
    hub.mock(none).with(|| 7);
    hub.mock(three)
        .with(|a, b, c| a as usize * 100 + b.unwrap().len() * 10 + c.len());
    assert_eq!(hub.start(both()).output().unwrap(), (7, 112));
    assert_eq!(hub.calls(none), [()]);
    assert_eq!(hub.calls(three), [(1, Some("x".to_owned()), vec![1, 2])]);
}

#[orchestrator]
async fn look_up(ctx: OrchestrationContext, city: String) -> Result<String, CallHttpError> {
    let uri = format!("https://example.com/{city}");
    Ok(ctx.call_http(HttpRequest::get(uri)).await?.body)
}

#[test]
fn requests_of_orchestrators_are_mocked_by_the_name_of_their_activity() {
    let hub = TestHub::new();
    hub.mock_by_name("steadfast.http").with(|request| {
        let uri = request["uri"].as_str().unwrap().to_owned();
        Ok(json!({"status": 200, "uri": uri, "body": uri}))
    });
    let page = hub.start(look_up("oslo".into())).output().unwrap();
    assert_eq!(page, "https://example.com/oslo");
}
