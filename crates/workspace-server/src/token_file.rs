//! Reads the token from the file that `--token-file` names, for the server and for the command
//! line.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use http_api::{InvalidToken, Token};

/// Most bytes of a token file that are read; a token is far shorter.
const FILE_MAX_BYTES: u64 = 4096;
/// Permission bits of everyone but the owner.
const OTHERS_MODE: u32 = 0o077;

/// Why a token file can't be used. Carries neither the path nor the content.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file can't be read, or is not text.
    #[error("the token file can't be read")]
    Unreadable(#[source] io::Error),
    /// Others than the owner may read or write it.
    #[error("the token file is open to others; make it private with `chmod 600`")]
    OpenToOthers,
    /// Its first line is not a token.
    #[error("the first line of the token file is no token")]
    NoToken(#[source] InvalidToken),
}

/// Reads the token in the first line of `path`.
///
/// A pipe works too (`--token-file <(pass show yoi)`), but blocks while nobody writes to it.
///
/// # Errors
/// [`TokenFileError`]; a file that others may read is refused.
pub fn read(path: &Path) -> Result<Token, TokenFileError> {
    let file = File::open(path).map_err(TokenFileError::Unreadable)?;
    // Of the open file, because the path may name another one by now.
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
