use steadfast::activity;
use steadfast::testing::TestHub;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(city)
}

fn main() {
    let hub = TestHub::new();
    hub.mock(say_hello).returns("Hello!".to_owned());
}
