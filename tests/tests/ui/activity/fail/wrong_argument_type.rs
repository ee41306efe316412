use steadfast::activity;

#[activity]
async fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

fn main() {
    let _ = say_hello(5);
}
