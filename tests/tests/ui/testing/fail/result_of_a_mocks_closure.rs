use steadfast::activity;
use steadfast::testing::TestHub;

#[activity]
async fn say_hello(city: String) -> String {
    city
}

fn main() {
    let hub = TestHub::new();
    hub.mock(say_hello).with(|city| city.len());
}
