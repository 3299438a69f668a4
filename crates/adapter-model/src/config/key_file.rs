//! The model's key in a file.

use std::path::Path;

use crate::secret::{ApiKey, InvalidKey};
use crate::secret_file::{self, SecretFileError};

/// Why a key file is refused. Contains neither its path nor its content.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file can't be read, or others can access it.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// Its content without surrounding white space is not a valid key.
    #[error("what is in it is no key")]
    NotAKey(#[source] InvalidKey),
}

pub(super) fn read(path: &Path) -> Result<ApiKey, KeyFileError> {
    let text = secret_file::read(path)?;
    text.trim().parse().map_err(KeyFileError::NotAKey)
}
