//! Definitions whose parts come out of `macro_rules`.

use steadfast::{ActivityContext, Definition, OrchestrationContext, activity, orchestrator};

macro_rules! whole {
    ($item:item) => {
        #[activity]
        $item
    };
}

whole! { async fn whole(city: String) -> String { city } }

mod parts {
    use super::*;

    macro_rules! parts {
        ($vis:vis $name:ident($context:ty, $city:ident: $argument:ty) -> $output:ty) => {
            #[activity]
            $vis async fn $name(_ctx: $context, $city: $argument, times: u32) -> $output {
                Ok($city.repeat(times as usize))
            }
        };
    }

    macro_rules! sequence {
        ($name:ident, $registered:literal, $context:ty) => {
            #[orchestrator(name = $registered)]
            pub async fn $name(_ctx: $context, city: String) -> String {
                city
            }
        };
    }

    parts!(pub say_hello(ActivityContext, city: String) -> Result<String, String>);
    sequence!(hello_sequence, "E1_HelloSequence", OrchestrationContext<[u8; 3]>);
}

fn main() {
    let _ = (whole("Tokyo".to_owned()), parts::say_hello("Tokyo".to_owned(), 2));
    assert_eq!(parts::hello_sequence::NAME, "E1_HelloSequence");
    let _: Result<String, String> = Ok::<<parts::say_hello as Definition>::Output, _>(String::new());
}
