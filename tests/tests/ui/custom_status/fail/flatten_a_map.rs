use std::collections::HashMap;

use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub struct Progress {
    #[serde(flatten)]
    pub counts: HashMap<String, u32>,
}

fn main() {}
