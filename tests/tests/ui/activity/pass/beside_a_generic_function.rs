//! A generic function is called by definitions for the types that there are.

use std::fmt::Display;

use steadfast::prelude::*;

async fn greet<T: Display>(whom: T) -> String {
    format!("Hello {whom}!")
}

#[activity]
async fn greet_city(city: String) -> String {
    greet(city).await
}

#[activity]
async fn greet_number(number: u32) -> String {
    greet(number).await
}

/// What is in an `impl` block is called by a definition beside it.
pub struct Greeter(String);

impl Greeter {
    async fn greet(&self, city: String) -> String {
        format!("{} {city}!", self.0)
    }
}

#[activity]
async fn greet_with(greeter: Dependency<Greeter>, city: String) -> String {
    greeter.greet(city).await
}

fn main() {
    let _ = (greet_city(String::new()), greet_number(5), greet_with(String::new()));
    let _ = greet_with::run(Dependency::new(Greeter("Hello".to_owned())), String::new());
}
