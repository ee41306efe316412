use steadfast::activity;

pub mod greetings {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Greeting(String);

    #[super::activity]
    pub async fn say_hello(city: String) -> Greeting {
        Greeting(city)
    }
}

fn main() {
    let _ = greetings::say_hello("Tokyo".to_owned());
}
