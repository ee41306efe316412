use std::collections::HashMap;

use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub struct Progress {
    pub done: HashMap<u8, u32>,
}

fn main() {}
