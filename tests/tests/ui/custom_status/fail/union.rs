use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus)]
pub union Progress {
    pub done: u32,
    pub failed: u32,
}

impl Serialize for Progress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

fn main() {}
