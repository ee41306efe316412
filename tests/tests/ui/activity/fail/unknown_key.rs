use steadfast::activity;

#[activity(retries = 3, name = "E1_SayHello")]
async fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

fn main() {
    let _ = say_hello("Tokyo".to_owned());
}
