use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize)]
pub enum Progress {
    Waiting,
    #[serde(skip)]
    Lost,
}

fn main() {}
