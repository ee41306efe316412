use steadfast::activity;

#[activity(version = "1.2", events(Approved))]
async fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

fn main() {
    let _ = say_hello("Tokyo".to_owned());
}
