//! The text of an input: an argument or standard input.

use std::io::{self, IsTerminal as _, Read};

use crate::error::{Error, UsageError};
use crate::output::Terminal;

/// Most bytes that are read: the server's limit for a body, which is above its limit for an
/// input. The server reports the latter.
const INPUT_MAX_BYTES: usize = 1024 * 1024;

/// `text`, or standard input when there is none or it is `-`.
pub(super) fn content(text: Option<String>, terminal: &mut Terminal) -> Result<String, Error> {
    match text {
        Some(text) if text != "-" => Ok(text),
        Some(_) | None => {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                terminal.terminal_note("note: reading from the terminal; Ctrl-D ends the input");
            }
            Ok(read(stdin.lock())?)
        }
    }
}

/// Reads all of `from`, without one line break at its end.
fn read(from: impl Read) -> Result<String, UsageError> {
    let mut bytes = Vec::new();
    let most = INPUT_MAX_BYTES as u64 + 1;
    from.take(most)
        .read_to_end(&mut bytes)
        .map_err(UsageError::InputUnreadable)?;
    if bytes.len() > INPUT_MAX_BYTES {
        return Err(UsageError::InputTooLarge {
            max_bytes: INPUT_MAX_BYTES,
        });
    }
    let mut text = String::from_utf8(bytes).map_err(|_| UsageError::InputNotText)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_at_the_end_belongs_to_the_shell_and_not_to_the_input() {
        let cases = [
            ("a\nb\n", "a\nb"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("", ""),
        ];
        for (input, expected) in cases {
            assert_eq!(read(input.as_bytes()).unwrap(), expected);
        }
    }

    #[test]
    fn an_input_is_text_and_bounded() {
        assert!(matches!(read(&b"\xff"[..]), Err(UsageError::InputNotText)));
        let full = vec![b'a'; INPUT_MAX_BYTES];
        assert_eq!(read(&full[..]).unwrap().len(), INPUT_MAX_BYTES);
        let endless = read(io::repeat(b'a'));
        assert!(matches!(endless, Err(UsageError::InputTooLarge { .. })));
    }
}
