use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub struct Progress {
    pub city: String,
    #[serde(serialize_with = "hex")]
    pub done: u32,
    #[custom_status(bounded)]
    pub of: u32,
}

fn hex<S: serde::Serializer>(done: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{done:x}"))
}

fn main() {}
