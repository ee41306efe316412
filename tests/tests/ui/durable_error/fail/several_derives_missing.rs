use steadfast::prelude::*;

#[derive(DurableError, Debug)]
pub struct GreetError;

fn main() {}
