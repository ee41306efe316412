//! Output customisation: what to show depends on the input, and a client reads it from the custom status.

use serde::Serialize;
use steadfast::CustomStatusError;
use steadfast::prelude::*;

/// What is published: lists, which have no greatest length. So the context below has no status type, and setting the status
/// may fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommendation {
    recommended_cities: Vec<&'static str>,
    recommended_seasons: Vec<&'static str>,
}

/// Recommends cities and seasons for a choice of 1, 2 or 3, and nothing for any other.
///
/// # Errors
///
/// When the recommendation is too large for a custom status.
#[orchestrator(name = "CityRecommender")]
pub async fn city_recommender(
    ctx: OrchestrationContext,
    choice: i64,
) -> Result<(), CustomStatusError> {
    if let Some(recommendation) = recommend(choice) {
        ctx.set_custom_status(recommendation)?;
    }
    Ok(())
}

fn recommend(choice: i64) -> Option<Recommendation> {
    let (recommended_cities, recommended_seasons) = match choice {
        1 => (vec!["Tokyo", "Seattle"], vec!["Spring", "Summer"]),
        2 => (vec!["Seattle", "London"], vec!["Summer"]),
        3 => (vec!["Tokyo", "London"], vec!["Spring", "Summer"]),
        _ => return None,
    };
    Some(Recommendation {
        recommended_cities,
        recommended_seasons,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use steadfast::testing::TestHub;

    use super::*;

    #[test]
    fn what_is_recommended_is_published() {
        let hub = TestHub::new();
        let london =
            json!({"recommendedCities": ["Seattle", "London"], "recommendedSeasons": ["Summer"]});
        for (choice, expected) in [(2, vec![london]), (4, Vec::new())] {
            let cities = hub.start(city_recommender(choice));
            cities.output().unwrap();
            // Its status has no type, so the test says what to read it as.
            assert_eq!(cities.custom_statuses_as::<Value>(), expected);
        }
    }
}
