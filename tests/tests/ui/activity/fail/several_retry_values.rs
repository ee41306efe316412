use steadfast::activity;

#[activity(
    retry(
        max_attempts = 0,
        first_interval = "soon",
        backoff_coefficient = 0.5,
        max_interval = 60,
        total_time = "1.5h",
        jitter = -0.1,
        attempts = 3,
    ),
    timeout = "30",
    total_timeout = "0s",
)]
async fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

fn main() {
    let _ = say_hello("Tokyo".to_owned());
}
