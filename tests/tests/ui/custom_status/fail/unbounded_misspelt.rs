use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub struct Log {
    #[custom_status(unbouded)]
    pub lines: Vec<String>,
}

fn main() {}
