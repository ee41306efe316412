use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub enum Log {
    #[custom_status(unbounded)]
    Lines(Vec<String>),
}

fn main() {}
