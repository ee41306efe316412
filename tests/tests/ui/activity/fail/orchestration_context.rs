use steadfast::{OrchestrationContext, activity};

#[activity]
async fn say_hello(ctx: OrchestrationContext, city: String) -> String {
    format!("Hello {city}!")
}

fn main() {
    let _ = say_hello("Tokyo".to_owned());
}
