use steadfast::activity;

pub struct Oops;

#[activity]
async fn say_hello(city: String) -> Result<String, Oops> {
    Ok(format!("Hello {city}!"))
}

fn main() {
    let _ = say_hello("Tokyo".to_owned());
}
