//! Projections as JSON text: byte for byte what `serde_json` writes, for less (ADR 18).
//!
//! Answers are mostly short strings under field names. Here a string is looked over sixteen
//! bytes at a time for what has to be escaped. What is known to need no escaping is not looked
//! at: names of fields, which are constants and written as such, and texts whose alphabet
//! excludes it (`Clean`).

mod clean;
mod compound;
mod text;
mod written;

use std::fmt::{self, Display, Write as _};
use std::mem;

use serde::ser::{self, Impossible, Serialize, Serializer};

pub(crate) use clean::Clean;
pub use text::is_clean;
pub use written::{JsonText, WriteJson, written};

use compound::Fields;

/// The value as JSON, written into a buffer that has room for `expected_bytes` from the start.
///
/// # Errors
/// [`NotJson`] for what no projection has: floating-point numbers, bytes, 128-bit numbers,
/// maps whose keys are no strings, and enum variants that hold several values.
pub fn to_vec<T: Serialize + ?Sized>(value: &T, expected_bytes: usize) -> Result<Vec<u8>, NotJson> {
    let mut writer = Writer {
        json: Vec::with_capacity(expected_bytes),
        clean: false,
    };
    value.serialize(&mut writer)?;
    Ok(writer.json)
}

/// Bytes of the longest name that is written in one piece, with its marks.
const NAME_MAX_BYTES: usize = 32;

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
/// A list or map that was opened last and is still empty is one whose bracket is the last byte,
/// so their commas need no state; those of a struct are in its [`Fields`](compound::Fields).
struct Writer {
    json: Vec<u8>,
    /// Whether the next value is a [`Clean`] text.
    clean: bool,
}

impl Writer {
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

    /// The name of a field or variant between its marks: a constant of ours that needs no
    /// escaping. Inlined, so that its length is a constant as well and all of it one copy.
    #[inline(always)]
    fn name(&mut self, before: &'static [u8], name: &'static str, after: &'static [u8]) {
        debug_assert!(text::is_clean(name), "{name} needs escaping");
        let (begin, end) = (before.len(), before.len() + name.len());
        let whole = end + after.len();
        let mut marked = [0; NAME_MAX_BYTES];
        if whole > NAME_MAX_BYTES {
            for part in [before, name.as_bytes(), after] {
                self.raw(part);
            }
            return;
        }
        marked[..begin].copy_from_slice(before);
        marked[begin..end].copy_from_slice(name.as_bytes());
        marked[end..whole].copy_from_slice(after);
        self.raw(&marked[..whole]);
    }

    #[inline(always)]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.comma_unless_after(b'[');
        value.serialize(&mut *self)
    }

    fn close(&mut self, bracket: u8) {
        self.json.push(bracket);
    }
}

impl fmt::Write for Writer {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        text::escape_into(&mut self.json, part);
        Ok(())
    }
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = NotJson;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Impossible<(), NotJson>;
    type SerializeMap = Self;
    type SerializeStruct = Fields<'w>;
    type SerializeStructVariant = Impossible<(), NotJson>;

    #[inline]
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

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), NotJson> {
        text::decimal_into(&mut self.json, value);
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
        if mem::take(&mut self.clean) {
            debug_assert!(text::is_clean(value), "{value} needs escaping");
            self.json.push(b'"');
            self.raw(value.as_bytes());
            self.json.push(b'"');
        } else {
            text::string_into(&mut self.json, value);
        }
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), NotJson> {
        refused("bytes")
    }

    fn serialize_none(self) -> Result<(), NotJson> {
        self.serialize_unit()
    }

    #[inline]
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

    #[inline]
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), NotJson> {
        self.name(b"\"", variant, b"\"");
        Ok(())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        self.clean = name == clean::NAME;
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        self.name(b"{\"", variant, b"\":");
        value.serialize(&mut *self)?;
        self.close(b'}');
        Ok(())
    }

    #[inline]
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

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'w>, NotJson> {
        Ok(Fields {
            writer: self,
            before: b"{\"",
        })
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
