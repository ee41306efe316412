use steadfast::activity;

#[activity(retry(max_attempts = 3))]
async fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

#[activity(retry = 3)]
async fn say_goodbye(city: String) -> String {
    format!("Goodbye {city}!")
}

fn main() {
    let _ = (say_hello("Tokyo".to_owned()), say_goodbye("Tokyo".to_owned()));
}
