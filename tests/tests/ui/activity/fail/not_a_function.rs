use steadfast::activity;

#[activity]
pub struct SayHello {
    pub city: String,
}

fn main() {
    let _ = SayHello { city: "Tokyo".to_owned() };
}
