use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub struct Log {
    #[custom_status(unbounded)]
    #[custom_status(unbounded)]
    pub lines: Vec<String>,
}

fn main() {}
