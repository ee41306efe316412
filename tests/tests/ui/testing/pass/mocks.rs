//! Types are inferred at both ends.

use std::time::Duration;

use steadfast::prelude::*;
use steadfast::testing::TestHub;

mod bank {
    /// A path that only the module knows, and a type that only it can name.
    mod types {
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct Card {
            pub number: String,
        }
    }

    pub use types::Card as Paid;

    #[steadfast::activity]
    pub async fn charge(card: Paid, cents: Option<u32>) -> std::io::Result<Vec<u64>> {
        Ok(vec![card.number.len() as u64, u64::from(cents.unwrap_or(0))])
    }
}

#[activity]
async fn nothing() {}

#[activity]
async fn with_context(ctx: ActivityContext, name: String, pool: Dependency<u32>) -> String {
    format!("{} {name} {}", ctx.attempt(), *pool)
}

fn main() {
    let hub = TestHub::new();
    hub.mock(bank::charge)
        .with(|card, cents| {
            let number = card.number.len() as u64;
            Ok(vec![number, cents.map_or(0, u64::from)])
        })
        .returns(Ok(Vec::new()))
        .times(2)
        .returns(Err(std::io::Error::other("gone")))
        .after(Duration::from_secs(1));
    hub.mock(bank::charge)
        .with_async(|card, _| async move { Ok(vec![card.number.len() as u64]) });
    hub.mock(nothing).returns(());
    hub.mock(nothing).with(|| ());
    // What the worker gives is no argument.
    hub.mock(with_context).with(|name| name + "!");
    let calls: Vec<(bank::Paid, Option<u32>)> = hub.calls(bank::charge);
    assert!(calls.is_empty());
    assert!(hub.calls(nothing).is_empty());
    assert_eq!(hub.calls(with_context), [""; 0]);
}
