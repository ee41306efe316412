use std::rc::Rc;

use steadfast::activity;

#[activity]
async fn say_hello(city: String) -> String {
    let city = Rc::new(city);
    std::future::ready(()).await;
    format!("Hello {city}!")
}

fn main() {
    let _ = say_hello("Tokyo".to_owned());
}
