use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::*;

fn none(input: Option<&str>) -> Result<(), InputError> {
    decode_arguments(&[], input, |_| Ok(()))
}

fn one<T: DeserializeOwned>(input: Option<&str>) -> Result<T, InputError> {
    decode_arguments(&["cities"], input, |arguments| arguments.next())
}

fn two<A: DeserializeOwned, B: DeserializeOwned>(
    input: Option<&str>,
) -> Result<(A, B), InputError> {
    decode_arguments(&["city", "days"], input, |arguments| {
        Ok((arguments.next()?, arguments.next()?))
    })
}

#[track_caller]
fn fails<T: Debug>(result: Result<T, InputError>, message: &str) {
    assert_eq!(result.unwrap_err().to_string(), message);
}

#[derive(Debug, PartialEq, Deserialize)]
struct City {
    name: String,
}

#[test]
fn without_parameters_anything_is_accepted() {
    for input in [
        None,
        Some("null"),
        Some("[1,2]"),
        Some("\"text\""),
        Some("not JSON"),
    ] {
        assert_eq!(none(input), Ok(()), "{input:?}");
    }
}

#[test]
fn one_parameter_is_the_value_itself() {
    assert_eq!(one::<String>(Some("\"Tokyo\"")), Ok("Tokyo".into()));
    assert_eq!(one::<Vec<u8>>(Some(" [1,2] ")), Ok(vec![1, 2]));
    assert_eq!(one::<(u8, u8)>(Some("[1,2]")), Ok((1, 2)));
    assert_eq!(
        one::<City>(Some("{\"name\":\"Tokyo\"}")),
        Ok(City {
            name: "Tokyo".into()
        })
    );
    assert_eq!(
        one::<Box<RawValue>>(Some("{ \"a\" : 1 }")).unwrap().get(),
        "{ \"a\" : 1 }"
    );
}

#[test]
fn one_parameter_without_an_input_is_null() {
    assert_eq!(one::<Option<u8>>(None), Ok(None));
    assert_eq!(one::<()>(None), Ok(()));
    assert_eq!(one::<Value>(None), Ok(Value::Null));
    fails(
        one::<Vec<u8>>(None),
        "the input is missing: it is the parameter `cities`",
    );
    fails(
        one::<Vec<u8>>(Some("null")),
        "parameter `cities`: invalid type: null, expected a sequence",
    );
}

#[test]
fn a_wrong_value_is_named_with_its_place() {
    fails(
        one::<Vec<City>>(Some(r#"[{"name":"Tokyo"},{"name":"Seattle"},{"name":5}]"#)),
        "parameter `cities` at `[2].name`: invalid type: integer `5`, expected a string",
    );
    fails(
        two::<BTreeMap<String, u8>, u8>(Some(r#"[{"a":1,"b":256},1]"#)),
        "parameter `city` at `b`: invalid value: integer `256`, expected u8",
    );
    fails(
        one::<City>(Some("{}")),
        "parameter `cities`: missing field `name`",
    );
    let error = one::<Vec<City>>(Some(r#"[{"name":5}]"#)).unwrap_err();
    assert_eq!(
        (error.parameter(), error.path()),
        (Some("cities"), "[0].name")
    );
    assert_eq!(
        error.message(),
        "invalid type: integer `5`, expected a string"
    );
}

#[test]
fn text_that_is_not_json_says_where() {
    fails(
        one::<Vec<u8>>(Some("[1,")),
        "parameter `cities`: not valid JSON: EOF while parsing a value at line 1 column 3",
    );
    fails(
        two::<u8, u8>(Some("[1,")),
        "the input is not valid JSON: EOF while parsing a value at line 1 column 3",
    );
    fails(
        two::<u8, u8>(Some("")),
        "the input is not valid JSON: EOF while parsing a value at line 1 column 0",
    );
    fails(
        two::<u8, u8>(Some("{} x")),
        "the input is not valid JSON: trailing characters at line 1 column 4",
    );
}

#[test]
fn several_are_an_array_or_an_object() {
    let both = Ok(("Tokyo".to_owned(), 3_u8));
    assert_eq!(two(Some(r#"["Tokyo",3]"#)), both);
    assert_eq!(two(Some(r#" {"days":3,"city":"Tokyo"}"#)), both);
    fails(
        two::<String, u8>(Some("5")),
        "expected an array of the parameters `city`, `days` or an object with these keys, and a number was sent",
    );
    fails(
        two::<String, u8>(Some(r#"["Tokyo",3,4]"#)),
        "too many arguments: 3 were sent, and the parameters are `city`, `days`",
    );
    fails(
        two::<String, u8>(Some(r#"{"city":"Tokyo","day":3,"x":1}"#)),
        "no parameter is named `day`, `x`; the parameters are `city`, `days`",
    );
    fails(
        two::<String, u8>(Some(r#"{"city":"a","days":3,"city":"b"}"#)),
        "the parameter `city` was sent twice",
    );
}

#[test]
fn a_missing_option_is_none() {
    let tokyo = Ok(("Tokyo".to_owned(), None::<u8>));
    assert_eq!(two(Some(r#"["Tokyo"]"#)), tokyo);
    assert_eq!(two(Some(r#"{"city":"Tokyo"}"#)), tokyo);
    assert_eq!(two::<Option<u8>, Option<u8>>(None), Ok((None, None)));
    assert_eq!(
        two::<Option<u8>, Option<u8>>(Some("null")),
        Ok((None, None))
    );
    fails(
        two::<String, u8>(Some(r#"["Tokyo"]"#)),
        "missing parameter `days`",
    );
    fails(
        two::<String, u8>(Some(r#"{"days":3}"#)),
        "missing parameter `city`",
    );
    fails(two::<String, u8>(None), "missing parameter `city`");
}

#[test]
fn json_inside_a_string_is_read_only_when_the_string_does_not_fit() {
    assert_eq!(one::<String>(Some(r#""[1,2]""#)), Ok("[1,2]".into()));
    assert_eq!(one::<Value>(Some(r#""[1,2]""#)), Ok(Value::from("[1,2]")));
    assert_eq!(one::<Vec<u8>>(Some(r#""[1,2]""#)), Ok(vec![1, 2]));
    assert_eq!(two::<u8, u8>(Some(r#""[1,2]""#)), Ok((1, 2)));
    assert_eq!(
        two::<u8, u8>(Some(r#""{\"city\":1,\"days\":2}""#)),
        Ok((1, 2))
    );
    fails(
        one::<Vec<u8>>(Some(r#""[1,\"a\"]""#)),
        "parameter `cities` at `[1]`: invalid type: string \"a\", expected u8",
    );
    fails(
        one::<Vec<u8>>(Some(r#""Tokyo""#)),
        "parameter `cities`: invalid type: string \"Tokyo\", expected a sequence",
    );
}

#[test]
fn an_empty_text_is_no_input_only_when_it_does_not_fit() {
    assert_eq!(one::<String>(Some("\"\"")), Ok(String::new()));
    assert_eq!(one::<Option<Vec<u8>>>(Some("\"\"")), Ok(None));
    assert_eq!(one::<()>(Some("\"\"")), Ok(()));
    assert_eq!(
        two::<Option<u8>, Option<u8>>(Some("\"\"")),
        Ok((None, None))
    );
    fails(
        one::<Vec<u8>>(Some("\"\"")),
        "parameter `cities`: invalid type: string \"\", expected a sequence",
    );
}

#[test]
fn only_the_input_as_a_whole_is_unwrapped() {
    assert!(one::<Vec<u8>>(Some(r#"["1","2"]"#)).is_err());
    assert!(two::<u8, u8>(Some(r#"["1","2"]"#)).is_err());
    assert!(one::<Vec<u8>>(Some(r#""\"[1,2]\"""#)).is_err());
}

proptest! {
    #[test]
    fn what_a_call_writes_is_read_back(text in any::<String>(), number in any::<i64>(), list in any::<Vec<Option<String>>>()) {
        let input = encode_arguments("activity", "forecast", &[("city", &(&text, &list)), ("days", &number)]);
        let read = two::<(String, Vec<Option<String>>), i64>(input.unwrap().as_deref());
        prop_assert_eq!(read, Ok(((text.clone(), list), number)));
        let input = encode_arguments("activity", "greet", &[("cities", &text)]).unwrap();
        prop_assert_eq!(one::<String>(input.as_deref()), Ok(text));
    }

    #[test]
    fn no_input_panics(input in any::<String>()) {
        let _ = one::<Vec<u8>>(Some(&input));
        let _ = two::<String, Option<u8>>(Some(&input));
    }
}

#[test]
fn an_argument_that_cannot_be_encoded_is_named() {
    let keys = BTreeMap::from([((1, 2), 3)]);
    let error = encode_arguments("activity", "Nothing", &[("cities", &keys)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the argument `cities` of the activity `Nothing` cannot be encoded as JSON: key must be a string"
    );
    let error = encode_arguments("activity", "Nothing", &[("a", &keys), ("b", &1)]).unwrap_err();
    assert!(error.to_string().starts_with("the argument `a`"), "{error}");
}
