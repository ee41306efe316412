//! Any number of arguments, patterns and aliases.

use std::io;

use serde::{Deserialize, Serialize};
use steadfast::{ActivityContext, Definition, Registered, activity};

#[derive(Serialize, Deserialize)]
pub struct City {
    name: String,
}

#[activity]
async fn none() {}

#[activity]
async fn one(_ctx: ActivityContext, mut city: City) -> City {
    city.name.push('!');
    city
}

#[activity]
async fn two(r#type: String, (times): Option<u32>) -> io::Result<String> {
    Ok(r#type.repeat(times.unwrap_or(1) as usize))
}

#[activity]
#[allow(clippy::too_many_arguments)]
async fn fourteen(
    a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8, n: u8,
) -> [u8; 14] {
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n]
}

fn is<D: Definition<Output = O, Error = E> + Registered, O, E>(name: &str) {
    assert_eq!(D::NAME, name);
    assert_eq!(D::REGISTRATION.name, name);
}

#[track_caller]
fn has_input<D: Definition>(call: steadfast::Call<D>, input: &str) {
    assert!(format!("{call:?}").contains(&format!("{input:?}")), "{call:?}");
}

fn main() {
    is::<none, (), std::convert::Infallible>("none");
    is::<one, City, std::convert::Infallible>("one");
    is::<two, String, io::Error>("two");
    assert!(format!("{:?}", none()).contains("Ok(None)"));
    has_input(one(City { name: "Tokyo".to_owned() }), r#"{"name":"Tokyo"}"#);
    has_input(two("a".to_owned(), None), r#"["a",null]"#);
    has_input(fourteen(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), "[0,1,2,3,4,5,6,7,8,9,10,11,12,13]");
}
