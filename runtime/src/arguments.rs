//! The wire form of arguments: how a call's arguments become one JSON text, and how they are read from it again.
//!
//! No parameter: nothing is written, and anything is accepted. One: the JSON value itself. Several: a JSON array; an
//! object by parameter name is accepted too. Logic that the attributes would otherwise repeat in every expansion lives here.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::encoding::{EncodeError, WriteJson, text, write};
use crate::model::failure::{self, FailureDetails};

/// The JSON of an empty text.
const EMPTY_TEXT: &str = "\"\"";

/// What JSON a missing value is read as.
const MISSING: &str = "null";

/// An input does not fit the parameters of the function it is meant for.
///
/// ```text
/// parameter `cities` at `[2].name`: invalid type: integer `5`, expected a string
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    parameter: Option<&'static str>,
    path: String,
    message: String,
}

impl InputError {
    fn whole(message: impl Into<String>) -> Self {
        Self {
            parameter: None,
            path: String::new(),
            message: message.into(),
        }
    }

    fn of(parameter: &'static str, error: ValueError) -> Self {
        Self {
            parameter: Some(parameter),
            path: error.path,
            message: error.message,
        }
    }

    /// The parameter that cannot be read; `None` when the input as a whole is wrong.
    #[must_use]
    pub const fn parameter(&self) -> Option<&str> {
        self.parameter
    }

    /// Where in the parameter's value, such as `[2].name`; empty for the value itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parameter) = self.parameter {
            write!(f, "parameter `{parameter}`")?;
            if !self.path.is_empty() {
                write!(f, " at `{}`", self.path)?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for InputError {}

impl From<&InputError> for FailureDetails {
    fn from(error: &InputError) -> Self {
        Self {
            is_non_retriable: true,
            ..Self::new(failure::kind::DECODE, error.to_string())
        }
    }
}

/// A JSON value is not of the type that it is read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueError {
    /// Where in the value; empty for the value itself.
    pub(crate) path: String,
    /// What is wrong there.
    pub(crate) message: String,
}

/// Reads one JSON value, and says where it does not fit.
pub(crate) fn decode_value<T: DeserializeOwned>(json: &str) -> Result<T, ValueError> {
    // The path costs time, so it is looked for only when there is an error to place.
    serde_json::from_str(json).map_err(|error| {
        let located =
            serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(json));
        let path = located
            .err()
            .map(|error| error.path().to_string())
            .filter(|path| path != ".");
        ValueError {
            path: path.unwrap_or_default(),
            message: describe(&error),
        }
    })
}

/// Reads one JSON value from outside. Only when it cannot be read as it was sent and is a JSON string is the text inside it
/// read as JSON too: some clients encode twice.
pub(crate) fn decode_sent_value<T: DeserializeOwned>(json: &str) -> Result<T, ValueError> {
    decode_value(json).or_else(|error| decode_value(&text_inside(json).ok_or(error)?))
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at `{}`: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// The error without its line and column, which say nothing about a value that is part of a larger text; they stay where
/// the text is not JSON.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if !error.is_data() {
        return format!("not valid JSON: {text}");
    }
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position)
        .map_or_else(|| text.clone(), str::to_owned)
}

/// Reads the arguments of a function with these parameters: `read` takes them from [`Arguments`] in order.
///
/// Only when the input cannot be read as it was sent and is a JSON string is the text inside it read as JSON too; an empty
/// text is then no input, since that is what Azure's JavaScript client sends for none.
///
/// # Errors
///
/// The error of the input as sent; that of the text inside when the text is JSON.
pub fn decode_arguments<T>(
    parameters: &'static [&'static str],
    input: Option<&str>,
    read: fn(&mut Arguments<'_>) -> Result<T, InputError>,
) -> Result<T, InputError> {
    let decode = |input| read(&mut Arguments::split(parameters, input)?);
    let error = match decode(input) {
        Ok(arguments) => return Ok(arguments),
        Err(error) => error,
    };
    match input.and_then(text_inside) {
        Some(inner) => decode(Some(&inner)),
        None if input == Some(EMPTY_TEXT) => decode(None).map_err(|_| error),
        None => Err(error),
    }
}

/// The text in a JSON string, when it is JSON.
fn text_inside(input: &str) -> Option<String> {
    let inner: String = serde_json::from_str(input).ok()?;
    serde_json::from_str::<IgnoredAny>(&inner)
        .is_ok()
        .then_some(inner)
}

/// The arguments of one call, taken in the order of the parameters.
#[derive(Debug)]
pub struct Arguments<'a> {
    parameters: std::slice::Iter<'static, &'static str>,
    values: Values<'a>,
}

#[derive(Debug)]
enum Values<'a> {
    One(Option<&'a str>),
    ByPosition(std::vec::IntoIter<&'a RawValue>),
    ByName(Vec<(String, &'a RawValue)>),
}

impl<'a> Arguments<'a> {
    fn split(
        parameters: &'static [&'static str],
        input: Option<&'a str>,
    ) -> Result<Self, InputError> {
        let values = match parameters {
            [] => Values::One(None),
            [_] => Values::One(input),
            _ => Values::split(parameters, input.unwrap_or(MISSING))?,
        };
        Ok(Self {
            parameters: parameters.iter(),
            values,
        })
    }

    /// The argument for the next parameter.
    ///
    /// # Errors
    ///
    /// When it is missing and the type does not accept `null`, or when it is not of this type.
    #[allow(
        clippy::should_implement_trait,
        reason = "each argument has its own type, so this is not an iterator"
    )]
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<T, InputError> {
        let parameter = self.parameters.next().copied().unwrap_or_default();
        let value = match &mut self.values {
            Values::One(input) => *input,
            Values::ByPosition(values) => values.next().map(RawValue::get),
            Values::ByName(values) => values
                .iter()
                .find(|(name, _)| name == parameter)
                .map(|(_, value)| value.get()),
        };
        match value {
            Some(json) => decode_value(json).map_err(|error| InputError::of(parameter, error)),
            None => serde_json::from_str(MISSING).map_err(|_| match self.values {
                Values::One(_) => InputError::whole(format!(
                    "the input is missing: it is the parameter `{parameter}`"
                )),
                _ => InputError::whole(format!("missing parameter `{parameter}`")),
            }),
        }
    }
}

impl<'a> Values<'a> {
    fn split(parameters: &[&str], json: &'a str) -> Result<Self, InputError> {
        match json.trim_ascii_start().bytes().next() {
            Some(b'[') => {
                let values: Vec<&RawValue> = whole(serde_json::from_str(json))?;
                match values.len() {
                    sent if sent > parameters.len() => Err(InputError::whole(format!(
                        "too many arguments: {sent} were sent, and the parameters are {}",
                        list(parameters)
                    ))),
                    _ => Ok(Self::ByPosition(values.into_iter())),
                }
            }
            Some(b'{') => Self::by_name(parameters, whole(entries(json))?),
            _ => match whole(serde_json::from_str(json))? {
                serde_json::Value::Null => Ok(Self::ByPosition(Vec::new().into_iter())),
                other => Err(InputError::whole(format!(
                    "expected an array of the parameters {} or an object with these keys, and {} was sent",
                    list(parameters),
                    word(&other)
                ))),
            },
        }
    }

    fn by_name(
        parameters: &[&str],
        entries: Vec<(String, &'a RawValue)>,
    ) -> Result<Self, InputError> {
        let names = || entries.iter().map(|(name, _)| name.as_str());
        let unknown: Vec<_> = names().filter(|name| !parameters.contains(name)).collect();
        if !unknown.is_empty() {
            let (unknown, parameters) = (list(&unknown), list(parameters));
            return Err(InputError::whole(format!(
                "no parameter is named {unknown}; the parameters are {parameters}"
            )));
        }
        match parameters
            .iter()
            .find(|parameter| names().filter(|name| name == *parameter).count() > 1)
        {
            Some(twice) => Err(InputError::whole(format!(
                "the parameter `{twice}` was sent twice"
            ))),
            None => Ok(Self::ByName(entries)),
        }
    }
}

/// The entries of a JSON object in their order, without losing a key that is there twice.
fn entries(json: &str) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    struct Entries;

    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(json);
    let entries = deserializer.deserialize_map(Entries)?;
    deserializer.end()?;
    Ok(entries)
}

fn whole<T>(result: Result<T, serde_json::Error>) -> Result<T, InputError> {
    result.map_err(|error| InputError::whole(format!("the input is {}", describe(&error))))
}

fn list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

const fn word(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "an array",
        serde_json::Value::Object(_) => "an object",
    }
}

/// A type that an argument may have: whatever serde can write, and read without borrowing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument: it must be possible to write it as JSON and to read it from there",
    label = "no data",
    note = "derive it: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "what an activity uses and is no data, such as a database pool, is a `Dependency<..>`, written out and not behind an alias"
)]
pub trait Argument: Sized {
    /// The same value, as what is written for a call.
    #[doc(hidden)]
    fn written(&self) -> &dyn WriteJson;
}

/// Not recommended, so that one derive that is missing is one error, in our words.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Argument for T {
    fn written(&self) -> &dyn WriteJson {
        self
    }
}

/// Takes an argument of this type. Where the type cannot be read there are other methods of the names, which are never called: the mistake
/// is reported at the call's own function, once.
pub struct ArgumentType<T>(PhantomData<fn() -> T>);

impl<T> ArgumentType<T> {
    /// Asks for arguments of this type.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "called by the attributes only")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: DeserializeOwned> ArgumentType<T> {
    /// Takes the argument for the next parameter.
    ///
    /// # Errors
    ///
    /// When it is missing and the type does not accept `null`, or when it is not of this type.
    pub fn take(&self, arguments: &mut Arguments<'_>) -> Result<T, InputError> {
        arguments.next()
    }

    /// Whether the argument may be left out.
    #[cfg(feature = "schemas")]
    #[must_use]
    pub fn may_be_missing(&self) -> bool {
        serde_json::from_str::<T>(MISSING).is_ok()
    }
}

/// The other methods.
pub trait NoArgument<T> {
    /// Takes nothing.
    ///
    /// # Errors
    ///
    /// Never: it does not compile so far.
    fn take(&self, arguments: &mut Arguments<'_>) -> Result<T, InputError>;

    /// Says nothing.
    #[cfg(feature = "schemas")]
    fn may_be_missing(&self) -> bool {
        unreachable!("the definition has compile errors")
    }
}

impl<T> NoArgument<T> for ArgumentType<T> {
    fn take(&self, _: &mut Arguments<'_>) -> Result<T, InputError> {
        unreachable!("the definition has compile errors")
    }
}

impl<T> fmt::Debug for ArgumentType<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<T>())
    }
}

/// The input of a call: of the function of this kind and name, with these arguments under the names of their parameters.
///
/// # Errors
///
/// When one of the arguments cannot be encoded as JSON.
pub(crate) fn encode_arguments(
    kind: &str,
    function: &str,
    arguments: &[(&str, &dyn WriteJson)],
) -> Result<Option<String>, EncodeError> {
    let (before, after): (&[u8], &[u8]) = match arguments {
        [] => return Ok(None),
        [_] => (b"", b""),
        _ => (b"[", b"]"),
    };
    let mut json = Vec::new();
    for (index, (parameter, value)) in arguments.iter().enumerate() {
        json.extend_from_slice(if index == 0 { before } else { b"," });
        let what = format_args!("the argument `{parameter}` of the {kind} `{function}`");
        write(&what, *value, &mut json)?;
    }
    json.extend_from_slice(after);
    Ok(Some(text(json)))
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
