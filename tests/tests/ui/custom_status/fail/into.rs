use serde::Serialize;
use steadfast::CustomStatus;

#[derive(CustomStatus, Serialize, Clone)]
#[serde(into = "String")]
pub struct Progress {
    pub done: u32,
}

impl From<Progress> for String {
    fn from(progress: Progress) -> Self {
        progress.done.to_string()
    }
}

fn main() {}
