//! Progress: an orchestrator that calls one activity after the other and publishes how far it is.

use steadfast::prelude::*;

use crate::pace;

/// The cities that are greeted when none are given.
pub const CITIES: [&str; 3] = ["Tokyo", "Seattle", "London"];

/// What is published while the greetings are made: the city that was greeted last. It is bounded by its type, so that
/// publishing it cannot fail.
pub type GreetedCity = BoundedStr<64>;

/// A greeting could not be made.
#[derive(DurableError, Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum GreetError {
    /// There is nobody to greet.
    #[error("a city without a name cannot be greeted")]
    #[no_retry]
    NoName,
}

/// Greets these cities in their order, or [`CITIES`] when none are given.
///
/// # Errors
///
/// [`GreetError`] when a city cannot be greeted.
#[orchestrator(name = "E1_HelloSequence")]
pub async fn hello_sequence(
    ctx: OrchestrationContext<GreetedCity>,
    cities: Option<Vec<String>>,
) -> Result<Vec<String>, GreetError> {
    let cities = cities
        .filter(|cities| !cities.is_empty())
        .unwrap_or_else(|| CITIES.map(String::from).into());
    let mut greetings = Vec::with_capacity(cities.len());
    for city in cities {
        greetings.push(ctx.call(say_hello(city.clone())).await?);
        ctx.set_custom_status(GreetedCity::truncated(city));
    }
    Ok(greetings)
}

/// Greets a city.
///
/// # Errors
///
/// [`GreetError::NoName`] when the name is empty.
#[activity(name = "E1_SayHello")]
pub async fn say_hello(city: String) -> Result<String, GreetError> {
    pace::work().await;
    if city.is_empty() {
        return Err(GreetError::NoName);
    }
    Ok(greeting(&city))
}

/// The words of a greeting.
#[must_use]
pub fn greeting(city: &str) -> String {
    format!("Hello {city}!")
}

#[cfg(test)]
mod tests {
    use steadfast::testing::{TestHub, crash_everywhere};

    use super::*;

    #[test]
    fn each_city_is_greeted_and_published() {
        let hub = TestHub::new();
        hub.mock(say_hello).with(|city| Ok(greeting(&city)));
        let hello = hub.start(hello_sequence(None));
        assert_eq!(hello.output().unwrap(), CITIES.map(greeting));
        assert_eq!(hello.custom_statuses(), CITIES.map(GreetedCity::truncated));
        assert_eq!(hub.calls(say_hello), CITIES);
    }

    #[test]
    fn whatever_crashes_the_greetings_are_the_same() {
        crash_everywhere(|hub| {
            hub.mock(say_hello).with(|city| Ok(greeting(&city)));
            hub.start(hello_sequence(None)).output().unwrap()
        });
    }

    #[tokio::test]
    async fn an_activity_is_tested_as_the_function_that_it_is() {
        assert_eq!(
            say_hello::run("Tokyo".into()).await.as_deref(),
            Ok("Hello Tokyo!")
        );
        assert_eq!(say_hello::run(String::new()).await, Err(GreetError::NoName));
    }
}
