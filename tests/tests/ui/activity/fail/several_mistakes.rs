use steadfast::{ActivityContext, activity};

#[activity(nam = "SayHello", retry(3))]
unsafe fn say_hello((city, times): (String, u32), greeting: &str, ctx: ActivityContext) -> String {
    format!("{greeting} {city}!").repeat(times as usize)
}

fn main() {}
