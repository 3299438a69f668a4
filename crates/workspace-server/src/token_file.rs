//! Reads a token that a person keeps in a file: the operator for the server, the user of the
//! command line for its requests.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use http_api::{InvalidToken, Token};

/// Most bytes of a token file that are read: a token and a line break are far less.
const FILE_MAX_BYTES: u64 = 4096;
/// Permission bits that let anyone but the owner read, change or run a file.
const OTHERS_MODE: u32 = 0o077;

/// Why a token file can't be used. Carries neither the path nor the content.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file can't be read, or is no text.
    #[error("the token file can't be read")]
    Unreadable(#[source] io::Error),
    /// Others than the owner may read or write it.
    #[error("the token file is open to others; make it private with `chmod 600`")]
    OpenToOthers,
    /// Its first line is no token.
    #[error("the first line of the token file is no token")]
    NoToken(#[source] InvalidToken),
}

/// Reads the token in the first line of `path`.
///
/// The permissions are those of the file that was opened, not of whatever has its name by
/// then. A pipe will do (`--token-file <(pass show yoi)`); one that nobody writes to blocks.
///
/// # Errors
/// [`TokenFileError`]; a file that others may read is refused.
pub fn read(path: &Path) -> Result<Token, TokenFileError> {
    let file = File::open(path).map_err(TokenFileError::Unreadable)?;
    let metadata = file.metadata().map_err(TokenFileError::Unreadable)?;
    if metadata.permissions().mode() & OTHERS_MODE != 0 {
        return Err(TokenFileError::OpenToOthers);
    }
    let mut text = String::new();
    file.take(FILE_MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(TokenFileError::Unreadable)?;
    let first_line = text.lines().next().unwrap_or_default();
    first_line.trim().parse().map_err(TokenFileError::NoToken)
}
