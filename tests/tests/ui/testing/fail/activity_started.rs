use steadfast::activity;
use steadfast::testing::TestHub;

#[activity]
async fn say_hello(city: String) -> String {
    city
}

fn main() {
    let hub = TestHub::new();
    let _ = hub.start(say_hello("Tokyo".to_owned()));
}
