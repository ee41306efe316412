//! Definitions inside functions, and names that are taken twice.

use steadfast::{Definition, activity};

#[activity(name = "outer")]
async fn say_hello(city: String) -> String {
    city
}

fn name_of<D: Definition>(_: &steadfast::Call<D>) -> &'static str {
    D::NAME
}

fn main() {
    assert_eq!(name_of(&say_hello(String::new())), "outer");
    {
        #[activity(name = "inner")]
        async fn say_hello(times: u32) -> u32 {
            times
        }

        let call = say_hello(5);
        assert_eq!(name_of(&call), "inner");
        assert_eq!(<say_hello as Definition>::NAME, "inner");
    }
    let say_hello = |times: u32| times;
    assert_eq!(say_hello(5), 5);
    assert_eq!(<say_hello as Definition>::NAME, "outer");
}
