//! Instructions to a client: the custom status says what to do next, and an external event says that it was done.

use schemars::JsonSchema;
use serde_json::Value;
use steadfast::prelude::*;

/// What is published. One of two shapes, without a tag around it.
#[derive(CustomStatus, JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Booking {
    /// The client is to confirm.
    Offered {
        /// In per cent.
        discount: u32,
        /// In seconds.
        discount_timeout: u32,
        /// Where to confirm.
        booking_url: BoundedStr<128>,
    },
    /// There is nothing more to do.
    Closed {
        /// How it ended.
        message: BoundedStr<128>,
    },
}

/// The event by which the client confirms the booking, or does not.
#[derive(ExternalEvent, Clone, Copy, Debug, Serialize, Deserialize)]
pub struct BookingConfirmed(pub bool);

/// A booking failed.
#[derive(DurableError, Clone, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum BookingError {
    /// There is nobody to make an offer to.
    #[error("a ticket cannot be reserved for nobody: the input is the user's id")]
    #[no_retry]
    NoUser,
}

/// Offers a user a discount, and waits until it is accepted or refused. Says whether it was accepted.
///
/// # Errors
///
/// [`BookingError::NoUser`] when there is no user.
#[orchestrator(name = "ReserveTicket")]
pub async fn reserve_ticket(
    ctx: OrchestrationContext<Booking>,
    user_id: Value,
) -> Result<bool, BookingError> {
    let discount = ctx.call(calculate_discount(user_id)).await?;
    ctx.set_custom_status(Booking::Offered {
        discount,
        discount_timeout: 60,
        booking_url: BoundedStr::truncated("https://www.myawesomebookingweb.com"),
    });

    let BookingConfirmed(confirmed) = ctx.wait_for_external_event().await?;
    let message = if confirmed {
        "Thank you for confirming your booking."
    } else {
        "The booking was not confirmed on time. Please try again."
    };
    ctx.set_custom_status(Booking::Closed {
        message: BoundedStr::truncated(message),
    });
    Ok(confirmed)
}

/// The discount for a user, in per cent. The id is whatever the client calls its users by.
///
/// # Errors
///
/// [`BookingError::NoUser`] when there is no user.
#[activity(name = "CalculateDiscount")]
pub async fn calculate_discount(user_id: Value) -> Result<u32, BookingError> {
    if user_id.is_null() {
        return Err(BookingError::NoUser);
    }
    Ok(10)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use steadfast::testing::TestHub;
    use steadfast::{OutputError, StartByName};

    use super::*;

    #[test]
    fn an_offer_is_made_and_its_answer_told() {
        for (confirmed, words) in [(true, "Thank you"), (false, "The booking was not")] {
            let hub = TestHub::new();
            let ticket = hub.start(reserve_ticket(json!("user-7")));
            let offer = ticket.wait_custom_status(|_| true);
            assert!(
                matches!(offer, Booking::Offered { discount: 10, .. }),
                "{offer:?}"
            );
            ticket
                .after(Duration::from_secs(59))
                .raise_event(&BookingConfirmed(confirmed));
            assert_eq!(ticket.output().unwrap(), confirmed);
            let statuses = ticket.custom_statuses();
            let Some(Booking::Closed { message }) = statuses.last() else {
                panic!("{statuses:?}");
            };
            assert!(message.starts_with(words), "{message:?}");
        }
    }

    #[test]
    fn there_is_no_ticket_for_nobody() {
        let hub = TestHub::new();
        let ticket = hub.start_by_name(StartByName::new("reserveticket"));
        let error = ticket.output_as::<bool>().unwrap_err();
        assert!(matches!(error, OutputError::Failed(_)), "{error:?}");
        let error = hub.start(reserve_ticket(Value::Null)).output().unwrap_err();
        assert!(error.to_string().contains("reserved for nobody"), "{error}");
    }

    #[test]
    fn the_longest_status_has_the_length_that_its_type_says() {
        let longest = Booking::Offered {
            discount: u32::MAX,
            discount_timeout: u32::MAX,
            booking_url: BoundedStr::truncated("\0".repeat(128)),
        };
        let json = serde_json::to_string(&longest).unwrap();
        assert_eq!(json.len(), Booking::MAX_UTF16_UNITS);
    }
}
