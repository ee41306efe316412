use steadfast::activity;
use steadfast::testing::TestHub;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(city)
}

fn main() {
    let hub = TestHub::new();
    let refused: Result<String, u32> = Err(7);
    hub.mock(say_hello).returns(refused);
}
