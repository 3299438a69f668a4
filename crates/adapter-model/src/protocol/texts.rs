//! Text wherever a provider may put it: a string, a list of texts, or an object with a text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The texts of a value, joined, and apart from them those of reasoning. Anything that is no text
/// is skipped, and no tree of it is built. A single text without escapes is borrowed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Texts<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) reasoning: Cow<'a, str>,
}

impl<'a> Texts<'a> {
    fn append(&mut self, other: Self) {
        self.text += other.text;
        self.reasoning += other.reasoning;
    }

    /// All of it is reasoning.
    pub(super) fn into_reasoning(self) -> Cow<'a, str> {
        self.reasoning + self.text
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Texts<'de>, E> {
        Ok(Texts {
            text: Cow::Borrowed(text),
            ..Texts::default()
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<Texts<'de>, E> {
        Ok(Texts {
            text: Cow::Owned(text.to_owned()),
            ..Texts::default()
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts<'de>, A::Error> {
        let mut texts = Texts::default();
        while let Some(item) = list.next_element::<Texts<'_>>()? {
            texts.append(item);
        }
        Ok(texts)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Texts<'de>, A::Error> {
        let mut texts = Texts::default();
        while let Some(Texts { text: name, .. }) = fields.next_key()? {
            match &*name {
                "text" | "content" => texts.append(fields.next_value()?),
                "thinking" | "reasoning" | "summary" => {
                    let reasoning = fields.next_value::<Texts<'_>>()?.into_reasoning();
                    texts.reasoning += reasoning;
                }
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(texts)
    }

    fn visit_unit<E>(self) -> Result<Texts<'de>, E> {
        Ok(Texts::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Texts<'de>, E> {
        Ok(Texts::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Texts<'de>, E> {
        Ok(Texts::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Texts<'de>, E> {
        Ok(Texts::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Texts<'de>, E> {
        Ok(Texts::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_in_every_form_and_reasoning_apart_from_it() {
        for (json, text, reasoning) in [
            (r#""a""#, "a", ""),
            ("null", "", ""),
            ("[7, true, 1.5, -1]", "", ""),
            (r#"["a", {"type": "text", "text": "b"}]"#, "ab", ""),
            (r#"{"type": "text", "text": {"content": "c"}}"#, "c", ""),
            (
                r#"[{"thinking": [{"text": "hm"}]}, {"text": "a"}]"#,
                "a",
                "hm",
            ),
            (r#"{"image": {"text": "no"}}"#, "", ""),
        ] {
            let expected = Texts {
                text: text.into(),
                reasoning: reasoning.into(),
            };
            assert_eq!(
                serde_json::from_str::<Texts<'_>>(json).unwrap(),
                expected,
                "{json}"
            );
        }
    }
}
