use steadfast::prelude::*;

#[activity]
async fn say_hello(_city: String) -> Result<String, ()> {
    Err(())
}

fn main() {}
