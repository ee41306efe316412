use steadfast::activity;

#[activity]
async fn say_hello(city: &str, guests: &[String]) -> String {
    format!("Hello {city}, {}!", guests.len())
}

fn main() {
    let _ = say_hello("Tokyo", &[]);
}
