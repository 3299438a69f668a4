//! Reads the token from the file that `--token-file` names, for the server and for the command
//! line.

use std::path::Path;

use http_api::{InvalidToken, Token};

use crate::compose::secret_file;

pub use crate::compose::SecretFileError;

/// Why a token file can't be used. Carries neither the path nor the content.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file can't be read, or others can access it.
    #[error("the token file can't be used")]
    File(#[from] SecretFileError),
    /// Its first line is not a token.
    #[error("the first line of the token file is no token")]
    NoToken(#[source] InvalidToken),
}

/// Reads the token in the first line of `path`, which may be a pipe: see [`secret_file::read`].
///
/// # Errors
/// [`TokenFileError`]; a file that others may read is refused.
pub fn read(path: &Path) -> Result<Token, TokenFileError> {
    let text = secret_file::read(path)?;
    let first_line = text.lines().next().unwrap_or_default();
    first_line.trim().parse().map_err(TokenFileError::NoToken)
}
