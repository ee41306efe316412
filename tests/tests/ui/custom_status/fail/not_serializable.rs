use steadfast::CustomStatus;

#[derive(CustomStatus)]
pub struct Progress {
    pub done: u32,
}

fn main() {}
