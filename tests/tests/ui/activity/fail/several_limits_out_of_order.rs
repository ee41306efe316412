use steadfast::activity;

#[activity(
    retry(max_attempts = 3, first_interval = "1m", max_interval = "10s"),
    timeout = "1m",
    total_timeout = "30s",
)]
async fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

fn main() {
    let _ = say_hello("Tokyo".to_owned());
}
