use steadfast::activity;

pub struct Greeting;

#[activity]
async fn say_hello() -> Greeting {
    Greeting
}

fn main() {
    let _ = say_hello();
}
