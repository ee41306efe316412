use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
#[serde(tag = "kind")]
pub enum Progress {
    Greeted(u32),
}

fn main() {}
