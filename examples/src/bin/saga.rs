//! Saga: books a flight, a hotel and a car. There is no car, also not at the third try: what was booked is cancelled, in reverse order.
//!
//! With `--store FILE` it may be killed at any time: started again, it goes on booking, or cancelling, where it was.

#![allow(clippy::print_stdout, reason = "the account goes to stdout")]

use std::process::ExitCode;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast_examples::cli::{self, AnyError, PatternArguments};
use steadfast_examples::pace;

/// Travels as data: whoever calls the activity gets the same value again.
#[derive(DurableError, Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum BookingError {
    /// Worth another try.
    #[error("the agency for {0} does not answer")]
    #[retry]
    NoAnswer(String),
    /// Not worth one.
    #[error("there is no such thing as a {0}")]
    #[no_retry]
    Unknown(String),
}

#[activity(
    retry(max_attempts = 3, first_interval = "200ms", backoff_coefficient = 2.0),
    timeout = "30s"
)]
async fn book(ctx: ActivityContext, what: String) -> Result<String, BookingError> {
    pace::work().await;
    match what.as_str() {
        "flight" | "hotel" => {
            println!("booked a {what}");
            // The same for every attempt: an agency that takes it books once, however often it is asked.
            Ok(format!("{what}-{}", ctx.idempotency_key()))
        }
        "car" => {
            println!(
                "no answer about a {what} ({} of {})",
                ctx.attempt(),
                ctx.max_attempts()
            );
            Err(BookingError::NoAnswer(what))
        }
        _ => Err(BookingError::Unknown(what)),
    }
}

#[activity(retry(max_attempts = 10, first_interval = "1s"))]
async fn cancel(what: String, _booking: String) {
    pace::work().await;
    println!("cancelled the {what}");
}

#[orchestrator]
async fn travel(ctx: OrchestrationContext) -> Result<Vec<String>, BookingError> {
    let mut booked = Vec::new();
    for what in ["flight", "hotel", "car"] {
        match ctx.call(book(what.to_owned())).await {
            Ok(booking) => booked.push((what, booking)),
            Err(error) => {
                // Compensation is ordinary code, and as durable as the rest.
                for (what, booking) in booked.into_iter().rev() {
                    ctx.call(cancel(what.to_owned(), booking)).await?;
                }
                return Err(error.into());
            }
        }
    }
    Ok(booked.into_iter().map(|(_, booking)| booking).collect())
}

async fn plan() -> Result<(), AnyError> {
    let steadfast = PatternArguments::start("travel").await?;
    let start = travel().id("travel").on_existing(OnExisting::Attach);
    match steadfast.client().start(start).await?.output().await {
        Ok(bookings) => println!("have a good journey: {}", bookings.join(", ")),
        Err(steadfast::OutputError::Returned { error, .. }) => println!("no journey: {error}"),
        Err(other) => return Err(other.into()),
    }
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(plan().await)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use steadfast::OutputError;
    use steadfast::testing::{TestHub, crash_everywhere};

    use super::*;

    /// Agencies that have everything but cars.
    fn no_cars(what: String) -> Result<String, BookingError> {
        match what.as_str() {
            "car" => Err(BookingError::NoAnswer(what)),
            _ => Ok(format!("{what}-7")),
        }
    }

    #[test]
    fn everything_is_booked() {
        let hub = TestHub::new();
        hub.mock(book).with(|what| Ok(format!("{what}-7")));
        let bookings = hub.start(travel()).output().unwrap();
        assert_eq!(bookings, ["flight-7", "hotel-7", "car-7"]);
        assert!(hub.calls(cancel).is_empty());
    }

    #[test]
    fn what_was_booked_is_cancelled_in_reverse_order() {
        let hub = TestHub::new();
        hub.mock(book).with(no_cars);
        hub.mock(cancel).returns(());
        let Err(OutputError::Returned { error, .. }) = hub.start(travel()).output() else {
            panic!("there is no car");
        };
        assert_eq!(error, BookingError::NoAnswer("car".into()));
        let cars = hub.attempts(book).into_iter();
        assert_eq!(cars.filter(|attempt| attempt.arguments == "car").count(), 3);
        let (what, bookings): (Vec<_>, Vec<_>) = hub.calls(cancel).into_iter().unzip();
        assert_eq!(what, ["hotel", "flight"]);
        assert_eq!(bookings, ["hotel-7", "flight-7"]);
    }

    #[test]
    fn what_cannot_be_cancelled_at_once_is_cancelled_later() {
        let hub = TestHub::new();
        hub.mock(book).with(no_cars);
        hub.mock(cancel)
            .panics("the agency is closed")
            .times(9)
            .returns(());
        hub.start(travel()).output().unwrap_err();
        assert_eq!(hub.attempts(cancel).len(), 11);
    }

    #[test]
    fn nothing_stays_booked_whatever_crashes() {
        crash_everywhere(|hub| {
            let booked = Rc::new(RefCell::new(Vec::new()));
            let bookings = Rc::clone(&booked);
            hub.mock(book).with(move |what| {
                let booking = no_cars(what)?;
                let mut bookings = bookings.borrow_mut();
                // Who asks again gets what it has.
                if !bookings.contains(&booking) {
                    bookings.push(booking.clone());
                }
                Ok(booking)
            });
            let bookings = Rc::clone(&booked);
            hub.mock(cancel).with(move |_, cancelled| {
                bookings
                    .borrow_mut()
                    .retain(|booking| *booking != cancelled);
            });
            let left = Rc::clone(&booked);
            hub.effects(move || left.borrow().clone());
            hub.start(travel()).output().unwrap_err();
            assert!(booked.borrow().is_empty());
        });
    }
}
