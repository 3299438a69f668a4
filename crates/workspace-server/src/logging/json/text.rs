//! Texts and numbers as they stand in a line.

use std::fmt;

/// Appends a string.
pub(super) fn push_text(line: &mut String, text: &str) {
    line.push('"');
    push_inside(line, text);
    line.push('"');
}

/// Appends the inside of a string.
pub(super) fn push_inside(line: &mut String, text: &str) {
    let quoted = serde_json::to_string(text);
    let quoted = quoted.expect("text can always be written as JSON");
    line.push_str(&quoted[1..quoted.len() - 1]);
}

/// Appends a number.
pub(super) fn push_number(line: &mut String, number: impl itoa::Integer) {
    line.push_str(itoa::Buffer::new().format(number));
}

/// Writes text as the inside of a string.
pub(super) struct Inside<'a>(pub(super) &'a mut String);

impl fmt::Write for Inside<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_inside(self.0, text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_alone_is_written_as_serde_json_writes_it() {
        for character in '\0'..='\u{100}' {
            let mut line = String::new();
            push_text(&mut line, &character.to_string());
            assert_eq!(line, serde_json::to_string(&character).unwrap());
        }
    }
}
