use steadfast::activity;

pub struct City;

#[activity]
async fn say_hello(city: City) -> String {
    let City = city;
    "Hello!".to_owned()
}

fn main() {
    let _ = say_hello(City);
}
