use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub struct Progress<T> {
    pub done: T,
}

fn main() {}
