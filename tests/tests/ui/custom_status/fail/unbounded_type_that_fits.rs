use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
#[custom_status(unbounded)]
pub struct Progress {
    pub done: u32,
    pub of: u32,
}

fn main() {}
