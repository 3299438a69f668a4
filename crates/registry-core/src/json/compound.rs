//! Lists and objects, item by item.

use serde::ser::{self, Serialize};

use super::{NotJson, Writer, refused};

impl ser::SerializeSeq for &mut Writer<'_> {
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

impl ser::SerializeTuple for &mut Writer<'_> {
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

impl ser::SerializeTupleStruct for &mut Writer<'_> {
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

impl ser::SerializeStruct for &mut Writer<'_> {
    type Ok = ();
    type Error = NotJson;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotJson> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), NotJson> {
        self.close(b'}');
        Ok(())
    }
}

impl ser::SerializeMap for &mut Writer<'_> {
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
