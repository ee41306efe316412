//! Panics of an author's code: caught, with the place where they began.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(any(feature = "local", test))]
use std::sync::Once;

thread_local! {
    /// While an author's code runs on this thread: where it last panicked.
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Place(Option<String>);

/// Lets panics of orchestrators tell their place, from now on and in the whole process: only the panic hook knows it. The hook
/// that was there is called as before. When another one takes its place and does not call it, the place is not told.
#[cfg(any(feature = "local", test))]
pub(crate) fn note_places_of_panics() {
    static NOTED: Once = Once::new();
    // A hook cannot be set while the thread panics.
    if std::thread::panicking() {
        return;
    }
    NOTED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let location = info.location().map(ToString::to_string);
            // At the end of a thread there is nothing to note any more, and nobody to tell.
            let _ = PLACE.try_with(|place| {
                if let Ok(mut place) = place.try_borrow_mut()
                    && let Some(place) = &mut *place
                {
                    place.0 = location;
                }
            });
            before(info);
        }));
    });
}

/// A panic that was caught.
pub(super) struct Panicked {
    pub(super) payload: Box<dyn Any + Send>,
    /// Where in the source it began, when that was noted.
    pub(super) place: Option<String>,
}

/// Runs an author's code.
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    let before = PLACE.replace(Some(Place::default()));
    let result = catch_unwind(AssertUnwindSafe(run));
    let place = PLACE.replace(before).and_then(|place| place.0);
    result.map_err(|payload| Panicked { payload, place })
}

/// The text of a panic's payload.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}
