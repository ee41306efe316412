use steadfast::activity;
use steadfast::testing::TestHub;

#[activity]
async fn charge(card: String, cents: u32) -> u64 {
    card.len() as u64 * u64::from(cents)
}

fn main() {
    let hub = TestHub::new();
    hub.mock(charge).with(|card| card.len() as u64);
}
