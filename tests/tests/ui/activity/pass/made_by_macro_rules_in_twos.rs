//! Two definitions by one macro call, with names, types and bodies from fragments.

#![deny(warnings)]

use steadfast::prelude::*;

macro_rules! pair {
    ($(#[$attr:meta])* $activity:ident, $orchestrator:ident: $($name:ident: $type:ty),* => $output:ty $body:block) => {
        $(#[$attr])*
        #[activity]
        async fn $activity($($name: $type),*) -> $output $body

        $(#[$attr])*
        #[orchestrator]
        async fn $orchestrator(ctx: OrchestrationContext, $($name: $type),*) -> Result<$output, String> {
            Ok(ctx.call($activity($($name),*)).await?)
        }
    };
}

pair!(
    /// Repeats a text.
    repeat, repeat_durably: text: String, times: Option<usize> => String {
        text.repeat(times.unwrap_or(2))
    }
);

macro_rules! greeting {
    ($name:ident, $body:expr, $result:ty) => {
        #[activity]
        pub async fn $name(city: String) -> $result {
            let greet = $body;
            greet(city)
        }
    };
}

greeting!(hello, |city: String| Ok(city), Result<String, std::io::Error>);

fn main() {
    let _ = (repeat_durably("a".to_owned(), None), hello("Tokyo".to_owned()));
}
