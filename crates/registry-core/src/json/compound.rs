//! Lists and objects, item by item.

use serde::ser::{self, Serialize};

use super::{NotJson, Writer, refused};

impl ser::SerializeSeq for &mut Writer {
    type Ok = ();
    type Error = NotJson;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.item(value)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close(b']');
        Ok(())
    }
}

impl ser::SerializeTuple for &mut Writer {
    type Ok = ();
    type Error = NotJson;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.item(value)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close(b']');
        Ok(())
    }
}

impl ser::SerializeTupleStruct for &mut Writer {
    type Ok = ();
    type Error = NotJson;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.item(value)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close(b']');
        Ok(())
    }
}

/// The fields of an object.
pub(super) struct Fields<'w> {
    pub(super) writer: &'w mut Writer,
    /// What stands before the next name: the object's bracket, later a comma. A constant
    /// wherever the fields are written one after another.
    pub(super) before: &'static [u8; 2],
}

impl ser::SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = NotJson;

    // Inlined for the constants in it: see `Writer::name`.
    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        self.writer.name(self.before, name, b"\":");
        self.before = b",\"";
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn end(self) -> Result<(), NotJson> {
        if self.before == b"{\"" {
            self.writer.raw(b"{");
        }
        self.writer.close(b'}');
        Ok(())
    }
}

impl ser::SerializeMap for &mut Writer {
    type Ok = ();
    type Error = NotJson;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotJson> {
        self.comma_unless_after(b'{');
        let begins = self.json.len();
        key.serialize(&mut **self)?;
        // A key that wrote anything but a string would leave something that is not JSON.
        if self.json.get(begins) == Some(&b'"') {
            Ok(())
        } else {
            refused("a key that is no string")
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotJson> {
        self.json.push(b':');
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close(b'}');
        Ok(())
    }
}
