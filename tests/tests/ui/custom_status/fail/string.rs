use steadfast::CustomStatus;

#[derive(CustomStatus, serde::Serialize)]
pub struct Progress {
    pub city: String,
    pub done: u32,
}

fn main() {}
