//! What else may stand on a definition and on its parameters.

#![deny(warnings, clippy::pedantic)]

use steadfast::prelude::*;

/// Says hello, in general.
#[activity]
#[must_use]
#[inline]
#[doc(alias = "greet")]
#[expect(clippy::unused_async, reason = "it will look the city up")]
async fn say_hello(
    /// The city, of which there are many.
    city: String,
    /// How often.
    #[allow(unused_variables)]
    times: u32,
) -> String {
    city
}

#[activity]
async fn raw(r#type: String, mut r#match: u8, plain: Option<u8>) -> String {
    r#match += plain.unwrap_or(1);
    r#type.repeat(r#match.into())
}

#[activity]
async fn r#loop(r#in: String) -> String {
    r#in
}

#[activity]
#[deprecated(note = "it says too little")]
async fn old() {}

#[orchestrator]
#[allow(deprecated)]
async fn greet(ctx: OrchestrationContext, city: String) -> Result<String, String> {
    ctx.call(old()).await?;
    ctx.call(r#loop(city.clone())).await?;
    ctx.call(raw(city.clone(), 1, None)).await?;
    Ok(ctx.call(say_hello(city, 1)).await?)
}

fn main() {
    let _ = (greet("Tokyo".to_owned()), <r#loop as steadfast::Definition>::NAME == "loop");
}
