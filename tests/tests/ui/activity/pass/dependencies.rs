//! Dependencies stand anywhere behind the context, and are no arguments.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use steadfast::{ActivityContext, activity};

mod renamed {
    pub use steadfast::*;
}

pub trait Mailer: Send + Sync {
    fn send(&self, to: &str) -> String;
}

struct Post;

impl Mailer for Post {
    fn send(&self, to: &str) -> String {
        format!("posted to {to}")
    }
}

pub struct Pool(String);

#[activity(retry(max_attempts = 3, first_interval = "1s"))]
pub async fn send(
    to: String,
    mailer: renamed::Dependency<dyn Mailer>,
    times: Option<u8>,
    mut pool: steadfast::Dependency<Pool>,
    _: steadfast::Dependency<Vec<u8>>,
) -> String {
    pool = pool.clone();
    format!("{} {:?} {}", mailer.send(&to), times, pool.0)
}

#[activity]
async fn with_context(ctx: ActivityContext, pool: steadfast::Dependency<Pool>) -> String {
    format!("{} {}", pool.0, ctx.name())
}

/// A type of the same name that is no such thing.
#[derive(Serialize, Deserialize)]
pub struct Dependency {
    name: String,
}

#[activity]
async fn publish(package: Dependency, others: Vec<Dependency>) -> String {
    format!("{} {}", package.name, others.len())
}

macro_rules! saves {
    ($name:ident, $type:ty) => {
        #[activity]
        async fn $name(value: $type, city: String) -> String {
            drop(value);
            city
        }
    };
}

saves!(save, steadfast::Dependency<Pool>);

fn main() {
    let _ = (send("us".to_owned(), None), with_context(), save("Tokyo".to_owned()));
    let _ = publish(Dependency { name: String::new() }, Vec::new());
    let mailer: Arc<dyn Mailer> = Arc::new(Post);
    let pool = steadfast::Dependency::new(Pool("pool".to_owned()));
    let sent = send::run("us".to_owned(), mailer.into(), Some(1), pool, steadfast::Dependency::new(Vec::new()));
    assert_eq!(futures_executor(sent), "posted to us Some(1) pool");
}

fn futures_executor<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it waits"),
    }
}
