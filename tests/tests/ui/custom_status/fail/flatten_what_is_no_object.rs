use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub struct Progress {
    #[serde(flatten)]
    pub place: u8,
    pub done: u32,
}

fn main() {}
