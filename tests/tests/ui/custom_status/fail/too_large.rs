use steadfast::{BoundedStr, CustomStatus};

#[derive(CustomStatus, serde::Serialize)]
pub struct Progress {
    pub cities: [BoundedStr<100>; 16],
}

fn main() {}
