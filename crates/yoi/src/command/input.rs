//! The text of an input: an argument or standard input.

use std::io::{self, IsTerminal as _, Read};

use registry_core::RuntimeId;

use crate::client::Client;
use crate::error::{Error, UsageError};
use crate::output::Terminal;
use crate::retry::RetryPolicy;

/// Most bytes that are read: those of the largest body that a server takes, which is above its limit
/// for an input unless that was raised.
const READ_BYTES_MAX: usize = 1024 * 1024;
/// An input of so many bytes is sent without asking the server for its limit: that is 128 KiB unless
/// it was lowered, and then the server says so.
const UNASKED_BYTES_MAX: usize = 64 * 1024;
/// The runtime's limit for an input.
const INPUT_BYTES: &str = "input_bytes";

/// `text`, or standard input when there is none or it is `-`, for a worker of `runtime`.
///
/// # Errors
/// [`UsageError::InputTooLarge`] when the runtime does not take so much.
pub(super) async fn content(
    text: Option<String>,
    terminal: &mut Terminal,
    client: &Client,
    runtime: &RuntimeId,
) -> Result<String, Error> {
    let bytes = match text {
        Some(text) if text != "-" => text.into_bytes(),
        Some(_) | None => {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                terminal.terminal_note("note: reading from the terminal; Ctrl-D ends the input");
            }
            read(stdin.lock())?
        }
    };
    if bytes.len() > UNASKED_BYTES_MAX {
        require_acceptable(bytes.len(), client, runtime).await?;
    }
    Ok(String::from_utf8(bytes).map_err(|_| UsageError::InputNotText)?)
}

/// # Errors
/// [`UsageError::InputTooLarge`] when `runtime` does not take an input of so many bytes.
pub(super) async fn require_acceptable(
    bytes: usize,
    client: &Client,
    runtime: &RuntimeId,
) -> Result<(), Error> {
    let runtimes = RetryPolicy::DEFAULT.run(async || client.runtimes().await);
    let runtimes = runtimes.await?.value.items;
    let limits = runtimes
        .iter()
        .filter(|it| it.runtime_id == *runtime)
        .flat_map(|it| &it.limits);
    let limits = limits.filter(|limit| limit.name.as_str() == INPUT_BYTES);
    let limits = limits.map(|limit| usize::try_from(limit.value).unwrap_or(usize::MAX));
    let max_bytes = limits.fold(READ_BYTES_MAX, usize::min);
    if bytes > max_bytes {
        return Err(UsageError::InputTooLarge { max_bytes }.into());
    }
    Ok(())
}

/// Reads all of `from`, without one line break at its end; of what is larger than any server takes, the
/// beginning, which is too large as well.
fn read(from: impl Read) -> Result<Vec<u8>, UsageError> {
    let mut bytes = Vec::new();
    let most = READ_BYTES_MAX + "\r\n".len() + 1;
    from.take(most as u64)
        .read_to_end(&mut bytes)
        .map_err(UsageError::InputUnreadable)?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    Ok(bytes)
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
            assert_eq!(read(input.as_bytes()).unwrap(), expected.as_bytes());
        }
    }

    #[test]
    fn of_an_endless_input_the_beginning_is_read() {
        let endless = read(io::repeat(b'a')).unwrap();
        assert!((READ_BYTES_MAX + 1..2 * READ_BYTES_MAX).contains(&endless.len()));
        let full = "a".repeat(READ_BYTES_MAX) + "\r\n";
        assert_eq!(read(full.as_bytes()).unwrap().len(), READ_BYTES_MAX);
    }
}
