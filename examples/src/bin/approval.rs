//! Human interaction with a deadline: asks a clerk for an approval; when the clerk does not answer in time, asks the manager.
//!
//! The program plays the people: its clerk sleeps, its manager approves. With `--store FILE` it may be killed at any time:
//! started again, it goes on waiting for whoever has been asked.

#![allow(clippy::print_stdout, reason = "the account goes to stdout")]

use std::process::ExitCode;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast_examples::cli::{self, AnyError, PatternArguments};
use steadfast_examples::pace;

/// The answer. Raising anything else, or waiting for anything else, does not compile.
#[derive(ExternalEvent, Serialize, Deserialize)]
struct Answer {
    approved: bool,
}

/// What the person who is asked sees: instructions for the next step.
#[derive(CustomStatus, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
enum Asked {
    Clerk,
    Manager,
}

#[activity]
async fn send_mail(to: String, text: String) {
    pace::work().await;
    println!("mail to the {to}: {text}");
}

#[orchestrator(events(Answer))]
async fn approval(
    ctx: OrchestrationContext<Asked>,
    cents: u32,
    deadline: Duration,
) -> Result<String, String> {
    for (who, name) in [(Asked::Clerk, "clerk"), (Asked::Manager, "manager")] {
        ctx.call(send_mail(
            name.to_owned(),
            format!("may we spend {cents} cents?"),
        ))
        .await?;
        ctx.set_custom_status(who);
        // An answer or the deadline, whichever comes first.
        match ctx
            .wait_for_external_event::<Answer>()
            .timeout(deadline)
            .await
        {
            Ok(Ok(Answer { approved: true })) => return Ok(format!("approved by the {name}")),
            Ok(Ok(Answer { approved: false })) => return Ok(format!("refused by the {name}")),
            Ok(Err(unreadable)) => return Err(unreadable.to_string()),
            Err(_) => {
                ctx.call(send_mail(name.to_owned(), "too late".to_owned()))
                    .await?
            }
        }
    }
    Ok("refused, since nobody answered".to_owned())
}

async fn ask() -> Result<(), AnyError> {
    let steadfast = PatternArguments::start("approval").await?;
    let start = approval(995, pace::get() * 2)
        .id("approval")
        .on_existing(OnExisting::Attach);
    let request = steadfast.client().start(start).await?;
    let manager = request
        .wait_custom_status(|asked| *asked == Asked::Manager)
        .await?;
    // Nobody is asked any more when the program is started again after the end.
    if manager.is_some() && !request.status().await?.is_terminal() {
        request.raise_event(&Answer { approved: true }).await?;
    }
    println!("{}", request.output().await?);
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(ask().await)
}

#[cfg(test)]
mod tests {
    use steadfast::testing::TestHub;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn the_manager_is_asked_when_the_clerk_is_late() {
        let hub = TestHub::new();
        hub.mock(send_mail).returns(());
        let request = hub.start(approval(995, 7 * DAY));
        request
            .after(10 * DAY)
            .raise_event(&Answer { approved: true });
        assert_eq!(request.output().unwrap(), "approved by the manager");
        assert_eq!(request.custom_statuses(), [Asked::Clerk, Asked::Manager]);
        let (to, text): (Vec<_>, Vec<_>) = hub.calls(send_mail).into_iter().unzip();
        assert_eq!(to, ["clerk", "clerk", "manager"]);
        assert_eq!(text[1], "too late");
    }

    #[test]
    fn nobody_is_waited_for_forever() {
        let hub = TestHub::new();
        hub.mock(send_mail).returns(());
        let begin = hub.now();
        let output = hub.start(approval(995, 7 * DAY)).output();
        assert_eq!(output.unwrap(), "refused, since nobody answered");
        assert_eq!(hub.now().duration_since(begin).unsigned_abs(), 14 * DAY);
    }
}
