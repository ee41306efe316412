//! How long the work of an activity takes, for people who want to watch, or to end a program half-way.

use std::sync::OnceLock;
use std::time::Duration;

static PACE: OnceLock<Duration> = OnceLock::new();

/// Makes every piece of work of this program take so long. To be called once, before the first; without it work takes no time.
pub fn set(pace: Duration) {
    PACE.get_or_init(|| pace);
}

/// How long a piece of work takes.
#[must_use]
pub fn get() -> Duration {
    PACE.get().copied().unwrap_or_default()
}

/// Stands for what a real activity would do.
pub async fn work() {
    if !get().is_zero() {
        #[expect(
            clippy::disallowed_methods,
            reason = "an activity may wait for anything; this one plays that its work takes long"
        )]
        tokio::time::sleep(get()).await;
    }
}
