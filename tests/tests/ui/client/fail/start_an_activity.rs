use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> String {
    city
}

async fn start(client: &Client) {
    client.start(say_hello("Tokyo".into())).await.unwrap();
}

fn main() {
    let _ = start;
}
