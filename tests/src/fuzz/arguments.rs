//! JSON from outside as the arguments of a function: whatever is accepted is accepted in each of the forms, and is the same in all.

use serde_json::Value;
use steadfast::__private::{InputError, decode_arguments};

type Three = (String, i32, Option<Vec<u8>>);

const THREE: &[&str] = &["text", "number", "more"];

pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    none(text);
    one(text);
    three(text);
}

/// A function without parameters takes and ignores everything.
fn none(text: &str) {
    decode_arguments(&[], Some(text), |_| Ok(())).unwrap();
}

fn one(text: &str) {
    let as_sent = serde_json::from_str::<Value>(text);
    match (read::<Value>(text), &as_sent) {
        (Ok(read), Ok(sent)) => assert_eq!(&read, sent),
        (Err(error), Err(_)) => refused(&error),
        (read, sent) => panic!("{read:?} and {sent:?} of {text:?}"),
    }
    // A text is what was sent, also where it looks like JSON; only what is no text otherwise is looked for inside.
    if let Ok(Value::String(sent)) = &as_sent {
        assert_eq!(&read::<String>(text).unwrap(), sent);
        let inside = serde_json::from_str::<i64>(sent);
        match (read::<i64>(text), inside) {
            (Ok(read), Ok(inside)) => assert_eq!(read, inside),
            (Err(error), Err(_)) => refused(&error),
            (read, inside) => panic!("{read:?} and {inside:?} of {text:?}"),
        }
    }
}

fn three(text: &str) {
    let arguments = match read_three(text) {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    let (string, number, more) = &arguments;
    let array = serde_json::json!([string, number, more]).to_string();
    let object = serde_json::json!({"more": more, "number": number, "text": string}).to_string();
    let inside = serde_json::to_string(&array).unwrap();
    for form in [&array, &object, &inside] {
        assert_eq!(
            read_three(form).as_ref(),
            Ok(&arguments),
            "{form} of {text:?}"
        );
    }
    if more.is_none() {
        let short = serde_json::json!([string, number]).to_string();
        assert_eq!(read_three(&short).as_ref(), Ok(&arguments), "{text:?}");
    }
    let long = serde_json::json!([string, number, more, null]).to_string();
    refused(&read_three(&long).unwrap_err());
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, InputError> {
    decode_arguments(&["value"], Some(text), |arguments| arguments.next())
}

fn read_three(text: &str) -> Result<Three, InputError> {
    decode_arguments(THREE, Some(text), |arguments| {
        Ok((arguments.next()?, arguments.next()?, arguments.next()?))
    })
}

/// An error says what is wrong, and where when it is about one parameter.
fn refused(error: &InputError) {
    assert!(!error.message().is_empty());
    let told = error.to_string();
    assert!(
        error.parameter().is_none_or(|name| told.contains(name)),
        "{told}"
    );
}
