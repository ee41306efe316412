use steadfast::activity;

#[activity]
async fn say_hello(city: String, times: u32) -> String {
    format!("Hello {city}!").repeat(times as usize)
}

fn main() {
    let _ = say_hello("Tokyo".to_owned());
}
