use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub struct Progress {
    pub done: Vec<u32>,
}

fn main() {}
