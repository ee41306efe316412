use steadfast::activity;

#[activity]
fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

fn main() {
    let _ = say_hello("Tokyo".to_owned());
}
