use steadfast::activity;

#[activity]
async fn say_hello(&self, city: String) -> String {
    format!("Hello {city}!")
}

fn main() {}
