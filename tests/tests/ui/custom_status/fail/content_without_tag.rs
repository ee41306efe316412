use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
#[serde(content = "c")]
pub enum Progress {
    Greeted(u32),
}

fn main() {}
