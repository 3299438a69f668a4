//! Projections as JSON text: byte for byte what `serde_json` writes, for less (ADR 18).
//!
//! Answers are mostly short strings under field names. Here a string is looked over eight
//! bytes at a time for what has to be escaped, and a field's name, which is a constant of
//! ours, not at all.

mod compound;
mod text;

use std::fmt::{self, Display, Write as _};

use serde::ser::{self, Impossible, Serialize, Serializer};

/// The value as JSON, written into a buffer that has room for `expected_bytes` from the start.
///
/// # Errors
/// [`NotJson`] for what no projection has: floating-point numbers, bytes, 128-bit numbers,
/// maps whose keys are no strings, and enum variants that hold several values.
pub fn to_vec<T: Serialize + ?Sized>(value: &T, expected_bytes: usize) -> Result<Vec<u8>, NotJson> {
    let mut json = Vec::with_capacity(expected_bytes);
    value.serialize(&mut Writer { json: &mut json })?;
    Ok(json)
}

/// A value that is not written as JSON here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not written as JSON: {0}")]
pub struct NotJson(String);

impl ser::Error for NotJson {
    fn custom<T: Display>(reason: T) -> Self {
        Self(reason.to_string())
    }
}

fn refused<T>(what: &'static str) -> Result<T, NotJson> {
    Err(NotJson(what.to_owned()))
}

/// Appends values to a text.
///
/// A list or object that was opened last and is still empty is one whose bracket is the last
/// byte; so commas need no state.
struct Writer<'a> {
    json: &'a mut Vec<u8>,
}

impl Writer<'_> {
    #[inline]
    fn raw(&mut self, json: &[u8]) {
        self.json.extend_from_slice(json);
    }

    #[inline]
    fn comma_unless_after(&mut self, bracket: u8) {
        if self.json.last() != Some(&bracket) {
            self.json.push(b',');
        }
    }

    /// The name of a field or variant: a constant of ours that needs no escaping.
    #[inline]
    fn name(&mut self, name: &'static str) {
        debug_assert!(text::is_clean(name), "{name} needs escaping");
        self.json.push(b'"');
        self.raw(name.as_bytes());
        self.json.push(b'"');
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        self.comma_unless_after(b'{');
        self.name(name);
        self.json.push(b':');
        value.serialize(&mut *self)
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.comma_unless_after(b'[');
        value.serialize(&mut *self)
    }

    fn close(&mut self, bracket: u8) {
        self.json.push(bracket);
    }
}

impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        text::escape_into(self.json, part);
        Ok(())
    }
}

impl<'w, 'a> Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = NotJson;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Impossible<(), NotJson>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), NotJson>;

    fn serialize_bool(self, value: bool) -> Result<(), NotJson> {
        self.raw(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), NotJson> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), NotJson> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), NotJson> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), NotJson> {
        if value < 0 {
            self.json.push(b'-');
        }
        self.serialize_u64(value.unsigned_abs())
    }

    fn serialize_u8(self, value: u8) -> Result<(), NotJson> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), NotJson> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), NotJson> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), NotJson> {
        text::decimal_into(self.json, value);
        Ok(())
    }

    fn serialize_f32(self, _: f32) -> Result<(), NotJson> {
        refused("a floating-point number")
    }

    fn serialize_f64(self, _: f64) -> Result<(), NotJson> {
        refused("a floating-point number")
    }

    fn serialize_char(self, value: char) -> Result<(), NotJson> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), NotJson> {
        self.json.push(b'"');
        text::escape_into(self.json, value);
        self.json.push(b'"');
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), NotJson> {
        refused("bytes")
    }

    fn serialize_none(self) -> Result<(), NotJson> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotJson> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), NotJson> {
        self.raw(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), NotJson> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), NotJson> {
        self.name(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        self.json.push(b'{');
        self.field(variant, value)?;
        self.close(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, NotJson> {
        self.json.push(b'[');
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, NotJson> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, NotJson> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), NotJson>, NotJson> {
        refused("a variant of several values")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, NotJson> {
        self.json.push(b'{');
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, NotJson> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), NotJson>, NotJson> {
        refused("a variant of several values")
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), NotJson> {
        self.json.push(b'"');
        write!(self, "{value}").map_err(ser::Error::custom)?;
        self.json.push(b'"');
        Ok(())
    }
}

#[cfg(test)]
mod tests;
