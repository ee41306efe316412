//! A crate that has other things under the names of the standard library.

#![allow(dead_code, non_camel_case_types, unused_macros)]
#![no_implicit_prelude]

use ::steadfast::{ActivityContext, OrchestrationContext, activity, orchestrator};

mod core {}
mod std {}
mod serde {}

type Result<T> = ::std::result::Result<T, ::std::string::String>;

enum Option {}
enum Some {}
struct Box;
struct String;
struct Vec;
struct str;
struct usize;
struct Call;
trait Send {}
trait Clone {}
trait Future {}
macro_rules! line {
    () => {
        nothing
    };
}

#[activity(retry(max_attempts = 3, first_interval = "1s"), timeout = "30s")]
async fn say_hello(_ctx: ActivityContext, city: ::std::string::String, times: ::std::option::Option<u8>) -> Result<u8> {
    ::std::mem::drop(city);
    Result::Ok(times.unwrap_or(1))
}

#[derive(::steadfast::ExternalEvent, ::serde::Serialize, ::serde::Deserialize)]
struct Go;

#[derive(::steadfast::CustomStatus, ::serde::Serialize)]
struct Progress(u8);

#[derive(::steadfast::DurableError, Debug, ::thiserror::Error, ::serde::Serialize, ::serde::Deserialize)]
#[error("busy")]
struct Busy;

#[orchestrator(version = "1", events(Go))]
async fn greet(ctx: OrchestrationContext<Progress>, city: ::std::string::String) -> ::std::result::Result<u8, Busy> {
    ctx.wait_for_external_event::<Go>().await?;
    ::std::result::Result::Ok(ctx.call(say_hello(city, ::std::option::Option::None)).await?)
}

fn main() {
    ::std::mem::drop(greet(::std::string::String::new()));
}
