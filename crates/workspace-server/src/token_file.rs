//! Reads a token that the operator keeps in a file.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use http_api::Token;

/// Most bytes of a token file that are read.
const FILE_MAX_BYTES: u64 = 4096;
/// Permission bits that let others than the owner in.
const OTHERS_MODE: u32 = 0o077;

/// Why a token file can't be used. Carries neither the path nor the content.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file can't be read.
    #[error("the token file can't be read")]
    Unreadable(#[source] io::Error),
    /// It is a directory, a FIFO or a device.
    #[error("the token file is not a regular file")]
    NotAFile,
    /// Others than the owner may read or write it.
    #[error("the token file is open to others; make it private with `chmod 600`")]
    OpenToOthers,
    /// Its first line is no token.
    #[error("the token file holds no token: {0}")]
    NoToken(#[source] http_api::InvalidToken),
}

/// Reads the token in the first line of `path`.
///
/// # Errors
/// [`TokenFileError`]; a file that others may read is refused.
pub(crate) fn read(path: &Path) -> Result<Token, TokenFileError> {
    // Looked at before it is opened, because opening a FIFO would block the start.
    let metadata = std::fs::metadata(path).map_err(TokenFileError::Unreadable)?;
    if !metadata.is_file() {
        return Err(TokenFileError::NotAFile);
    }
    if metadata.mode() & OTHERS_MODE != 0 {
        return Err(TokenFileError::OpenToOthers);
    }
    let mut text = String::new();
    let file = File::open(path).map_err(TokenFileError::Unreadable)?;
    file.take(FILE_MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(TokenFileError::Unreadable)?;
    text.lines()
        .next()
        .unwrap_or_default()
        .trim()
        .parse()
        .map_err(TokenFileError::NoToken)
}
