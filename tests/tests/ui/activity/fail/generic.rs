use steadfast::activity;

#[activity]
async fn say_hello<T: ToString>(city: T) -> String {
    city.to_string()
}

fn main() {
    let _ = say_hello("Tokyo");
}
