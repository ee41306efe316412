use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
#[serde(rename_all = "camel")]
pub struct Progress {
    pub cities_done: u32,
}

fn main() {}
