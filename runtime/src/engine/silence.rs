//! Replays are not traced: what an orchestrator says was said when it ran for the first time.

use std::sync::LazyLock;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber, dispatcher};

/// Takes nothing.
///
/// `Dispatch::none()` will not do: a place in the code that is first come to under it would be switched off for good, because
/// it is not one of the subscribers that are asked then.
struct Silent;

impl Subscriber for Silent {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::never()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Runs this with tracing switched off for the thread.
pub(super) fn silently<T>(run: impl FnOnce() -> T) -> T {
    static SILENT: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Silent));
    dispatcher::with_default(&SILENT, run)
}
