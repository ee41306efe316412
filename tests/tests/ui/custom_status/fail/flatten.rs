use steadfast::CustomStatus;

#[derive(CustomStatus, serde::Serialize)]
pub struct Place {
    pub floor: u8,
}

#[derive(CustomStatus, serde::Serialize)]
pub struct Progress {
    #[serde(flatten)]
    pub place: Place,
    pub done: u32,
}

fn main() {}
