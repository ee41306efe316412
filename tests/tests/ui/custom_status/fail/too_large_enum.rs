use serde::Serialize;
use steadfast::{BoundedStr, BoundedVec, CustomStatus};

#[derive(CustomStatus, Serialize)]
pub enum Progress {
    Greeted { city: BoundedStr<1000> },
    Visited(BoundedVec<BoundedStr<20>, 100>),
}

fn main() {}
