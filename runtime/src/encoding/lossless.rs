//! Values that JSON does not keep: written as JSON, they would be read back as others, or not at all.
//!
//! `serde_json` writes NaN and the infinities as null, which is no number when it is read: what is recorded so would stand in the way
//! of its instance for good, so it is refused instead. A `Some` of what is itself written as null is read back as `None`, which
//! may be all the same to its reader; tests of users tell it.

#[cfg(feature = "testing")]
use std::cell::RefCell;
use std::fmt::{self, Display};

use serde::ser::{self, Serialize, Serializer};

/// What of a value is lost, first of all what cannot be read back.
pub(super) fn lost_of<T: Serialize + ?Sized>(value: &T, also_some: bool) -> Option<Lost> {
    let lost = |also_some| match value.serialize(Walk { also_some }) {
        Err(Stopped::Lost(lost)) => Some(lost),
        // What was written a moment ago can be.
        Ok(_) | Err(Stopped::NotWritten) => None,
    };
    lost(false).or_else(|| also_some.then(|| lost(true)).flatten())
}

/// A part of a value that is lost, and where in the value.
#[derive(Debug, PartialEq)]
pub enum Lost {
    /// A number that JSON does not have.
    NotANumber {
        /// Such as `.means[1]`.
        path: String,
        /// The number.
        number: f64,
    },
    /// A `Some` that becomes `None`.
    SomeOfNull {
        /// Such as `.means[1]`.
        path: String,
    },
}

impl Lost {
    /// It is in a part of a value.
    fn in_part(mut self, part: impl Display) -> Self {
        let (Self::NotANumber { path, .. } | Self::SomeOfNull { path }) = &mut self;
        path.insert_str(0, &part.to_string());
        self
    }
}

impl Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::NotANumber { path, .. } | Self::SomeOfNull { path }) = self;
        match path.as_str() {
            "" => f.write_str("it is "),
            path => write!(f, "`{path}` is "),
        }?;
        match self {
            Self::NotANumber { number, .. } => {
                write!(f, "{number}, and JSON has no such number")
            }
            Self::SomeOfNull { .. } => {
                f.write_str("a `Some` of what is null, and is read back as `None`")
            }
        }
    }
}

#[cfg(feature = "testing")]
thread_local! {
    /// While somebody looks.
    static NOTED: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

#[cfg(feature = "testing")]
pub(super) fn are_noted() -> bool {
    NOTED.with_borrow(Option::is_some)
}

#[cfg(not(feature = "testing"))]
pub(super) const fn are_noted() -> bool {
    false
}

#[cfg(feature = "testing")]
pub(super) fn note(what: &dyn Display, lost: &Lost) {
    NOTED.with_borrow_mut(|noted| {
        if let Some(noted) = noted {
            noted.push(format!("{what} changes on its way: {lost}"));
        }
    });
}

#[cfg(not(feature = "testing"))]
pub(super) const fn note(_: &dyn Display, _: &Lost) {}

/// Notes what changes on its way in this thread, until it is dropped.
#[cfg(feature = "testing")]
pub(crate) struct Noting(Option<Vec<String>>);

#[cfg(feature = "testing")]
impl Noting {
    pub(crate) fn begin() -> Self {
        Self(NOTED.replace(Some(Vec::new())))
    }

    /// The first that was noted.
    pub(crate) fn first(self) -> Option<String> {
        NOTED.with_borrow(|noted| noted.as_ref()?.first().cloned())
    }
}

#[cfg(feature = "testing")]
impl Drop for Noting {
    fn drop(&mut self) {
        NOTED.set(self.0.take());
    }
}

/// Walks through a value; `true` where it is written as null.
#[derive(Clone, Copy)]
struct Walk {
    also_some: bool,
}

/// Why a walk stopped.
#[derive(Debug)]
enum Stopped {
    Lost(Lost),
    NotWritten,
}

impl Stopped {
    fn in_part(self, part: impl Display) -> Self {
        match self {
            Self::Lost(lost) => Self::Lost(lost.in_part(part)),
            Self::NotWritten => Self::NotWritten,
        }
    }
}

impl Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the walk is over")
    }
}

impl std::error::Error for Stopped {}

impl ser::Error for Stopped {
    fn custom<T: Display>(_: T) -> Self {
        Self::NotWritten
    }
}

/// The parts of a value.
struct Parts {
    walk: Walk,
    walked: usize,
}

impl Parts {
    fn part<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        name: impl Display,
    ) -> Result<(), Stopped> {
        let walked = value.serialize(self.walk);
        walked.map_err(|stopped| stopped.in_part(name)).map(drop)
    }

    fn next<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stopped> {
        let place = self.walked;
        self.walked += 1;
        self.part(value, format_args!("[{place}]"))
    }
}

/// What is no number and has no parts.
macro_rules! plain {
    ($($method:ident($type:ty))*) => {
        $(fn $method(self, _: $type) -> Result<bool, Stopped> {
            Ok(false)
        })*
    };
}

impl Serializer for Walk {
    type Ok = bool;
    type Error = Stopped;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    plain! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
    }

    fn serialize_f32(self, number: f32) -> Result<bool, Stopped> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<bool, Stopped> {
        if number.is_finite() {
            return Ok(false);
        }
        let path = String::new();
        Err(Stopped::Lost(Lost::NotANumber { path, number }))
    }

    fn serialize_none(self) -> Result<bool, Stopped> {
        Ok(true)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<bool, Stopped> {
        let is_null = value.serialize(self)?;
        if is_null && self.also_some {
            let path = String::new();
            return Err(Stopped::Lost(Lost::SomeOfNull { path }));
        }
        Ok(is_null)
    }

    fn serialize_unit(self) -> Result<bool, Stopped> {
        Ok(true)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<bool, Stopped> {
        Ok(true)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<bool, Stopped> {
        Ok(false)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<bool, Stopped> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<bool, Stopped> {
        let walked = value.serialize(self);
        walked.map_err(|stopped| stopped.in_part(format_args!(".{variant}")))?;
        Ok(false)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, Stopped> {
        Ok(Parts {
            walk: self,
            walked: 0,
        })
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Stopped> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts, Stopped> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Parts, Stopped> {
        self.serialize_seq(None)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, Stopped> {
        self.serialize_seq(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, Stopped> {
        self.serialize_seq(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Parts, Stopped> {
        self.serialize_seq(None)
    }
}

/// Parts in their order.
macro_rules! numbered {
    ($($trait:ident::$method:ident)*) => {
        $(impl ser::$trait for Parts {
            type Ok = bool;
            type Error = Stopped;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stopped> {
                self.next(value)
            }

            fn end(self) -> Result<bool, Stopped> {
                Ok(false)
            }
        })*
    };
}

numbered! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

/// Parts with names.
macro_rules! named {
    ($($trait:ident)*) => {
        $(impl ser::$trait for Parts {
            type Ok = bool;
            type Error = Stopped;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Stopped> {
                self.part(value, format_args!(".{name}"))
            }

            fn end(self) -> Result<bool, Stopped> {
                Ok(false)
            }
        })*
    };
}

named! { SerializeStruct SerializeStructVariant }

impl ser::SerializeMap for Parts {
    type Ok = bool;
    type Error = Stopped;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Stopped> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stopped> {
        self.part(value, "[..]")
    }

    fn end(self) -> Result<bool, Stopped> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Unit,
        One(f64),
        Two(u8, f32),
        Named { radius: Option<f64> },
    }

    #[derive(Serialize)]
    struct Deep {
        shapes: Vec<Shape>,
        by_name: BTreeMap<&'static str, f64>,
        nothing: (),
    }

    fn deep(shape: Shape, mean: f64) -> Deep {
        Deep {
            shapes: vec![Shape::Unit, shape],
            by_name: [("mean", mean)].into(),
            nothing: (),
        }
    }

    /// What is said of a value, both by who records it and by who tests.
    fn told<T: Serialize>(value: &T) -> (Option<String>, Option<String>) {
        let recorded = lost_of(value, false);
        let tested = lost_of(value, true);
        (
            recorded.map(|lost| lost.to_string()),
            tested.map(|lost| lost.to_string()),
        )
    }

    fn refused<T: Serialize>(value: &T, expected: &str) {
        let expected = Some(format!("{expected}, and JSON has no such number"));
        assert_eq!(told(value), (expected.clone(), expected));
    }

    fn changed<T: Serialize>(value: &T, expected: &str) {
        let expected =
            format!("{expected} is a `Some` of what is null, and is read back as `None`");
        assert_eq!(told(value), (None, Some(expected)));
    }

    #[test]
    fn numbers_that_json_does_not_have_are_found_wherever_they_are() {
        refused(&f64::NAN, "it is NaN");
        refused(&f32::NEG_INFINITY, "it is -inf");
        refused(
            &deep(Shape::One(f64::INFINITY), 1.0),
            "`.shapes[1].One` is inf",
        );
        refused(
            &deep(Shape::Two(1, f32::NAN), 1.0),
            "`.shapes[1][1]` is NaN",
        );
        refused(&deep(Shape::Unit, f64::NAN), "`.by_name[..]` is NaN");
        let radius = Some(f64::NAN);
        refused(
            &deep(Shape::Named { radius }, 1.0),
            "`.shapes[1].radius` is NaN",
        );
        // Which goes before what only changes.
        refused(&(Some(()), f64::NAN), "`[1]` is NaN");
    }

    #[test]
    fn some_of_null_is_found_by_who_asks() {
        changed(&Some(()), "it");
        changed(&vec![None, Some(None::<u8>)], "`[1]`");
        changed(&Some(Value::Null), "it");
        #[derive(Serialize)]
        struct Patch {
            name: Option<Option<&'static str>>,
        }
        changed(&Patch { name: Some(None) }, "`.name`");
    }

    #[test]
    fn what_is_kept_is_not_told() {
        let radius = Some(1.0);
        assert_eq!(told(&deep(Shape::Named { radius }, 0.5)), (None, None));
        assert_eq!(
            told(&deep(Shape::Named { radius: None }, 0.5)),
            (None, None)
        );
        assert_eq!(told(&json!({"a": [null, 1.5, "x"]})), (None, None));
        assert_eq!(
            told(&(1_u128, 'x', Some("null"), Some([0_u8; 3]))),
            (None, None)
        );
    }
}
