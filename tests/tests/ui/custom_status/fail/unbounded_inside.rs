use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub struct Log {
    #[custom_status(unbounded)]
    pub lines: Vec<String>,
}

#[derive(CustomStatus, Serialize)]
pub struct Progress {
    pub log: Log,
}

fn main() {}
