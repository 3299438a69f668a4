//! Lines of the server's JSON log, as `tracing-subscriber` formats them.

use serde_json::Value;

pub(crate) struct LogLine(Value);

impl LogLine {
    /// Parses a line; `None` if it is not a JSON object.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(line).ok()?;
        value.is_object().then_some(Self(value))
    }

    pub(crate) fn target(&self) -> &str {
        self.0["target"].as_str().unwrap_or_default()
    }

    pub(crate) fn message(&self) -> &str {
        self.field("message").as_str().unwrap_or_default()
    }

    /// A field of the event, of its span or of the line itself: where it stands depends on how
    /// the formatter is configured.
    pub(crate) fn field(&self, name: &str) -> &Value {
        let line = &self.0;
        let candidates = [&line["fields"][name], &line[name], &line["span"][name]];
        let found = candidates.into_iter().find(|value| !value.is_null());
        found.unwrap_or(&Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_nested_flattened_and_in_the_span() {
        for text in [
            r#"{"target":"yoi","fields":{"message":"ended","runs":3}}"#,
            r#"{"target":"yoi","message":"ended","runs":3}"#,
            r#"{"target":"yoi","fields":{"message":"ended"},"span":{"runs":3}}"#,
        ] {
            let line = LogLine::parse(text.as_bytes()).unwrap();
            assert_eq!((line.target(), line.message()), ("yoi", "ended"));
            assert_eq!(line.field("runs").as_u64(), Some(3), "{text}");
            assert!(line.field("other").is_null());
        }
        assert!(LogLine::parse(b"ended").is_none());
    }
}
