use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub struct Progress {
    #[serde(with = "hex")]
    pub done: u32,
}

mod hex {
    pub fn serialize<S: serde::Serializer>(done: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{done:x}"))
    }
}

fn main() {}
