//! Reading a key from a file that only its owner may read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::secret::{ApiKey, InvalidKey};

/// Bytes of a key file at most.
pub const KEY_FILE_BYTES: u64 = 4 * 1024;

/// The permission bits of group and others.
const GROUP_AND_OTHERS: u32 = 0o077;

/// Why a key file is refused. Contains neither its path nor its content.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It is missing, or reading it failed.
    #[error("it can't be read")]
    Unreadable(#[source] io::Error),
    /// A directory, a pipe or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// Group or others have permissions on it.
    #[error("others than its owner have access to it; run `chmod 600` on it")]
    OpenToOthers,
    /// Larger than [`KEY_FILE_BYTES`].
    #[error("it is larger than {KEY_FILE_BYTES} bytes")]
    TooLarge,
    /// Its content without surrounding white space is not a valid key.
    #[error("what is in it is no key")]
    NotAKey(#[source] InvalidKey),
}

/// Reads the key. The opened file is checked, since its path may change in between.
pub(super) fn read(path: &Path) -> Result<ApiKey, KeyFileError> {
    // Checked before opening too: opening a pipe would wait for a writer.
    let is_file = fs::metadata(path).map(|metadata| metadata.is_file());
    if !is_file.map_err(KeyFileError::Unreadable)? {
        return Err(KeyFileError::NotAFile);
    }
    let file = File::open(path).map_err(KeyFileError::Unreadable)?;
    let metadata = file.metadata().map_err(KeyFileError::Unreadable)?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile);
    }
    if metadata.permissions().mode() & GROUP_AND_OTHERS != 0 {
        return Err(KeyFileError::OpenToOthers);
    }
    if metadata.len() > KEY_FILE_BYTES {
        return Err(KeyFileError::TooLarge);
    }
    // Allocated in full, since a buffer that grows leaves copies of the key in memory.
    let capacity = usize::try_from(KEY_FILE_BYTES).unwrap_or_default();
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    file.take(KEY_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(KeyFileError::Unreadable)?;
    text.trim().parse().map_err(KeyFileError::NotAKey)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn read_file(content: &str, mode: u32) -> Result<ApiKey, KeyFileError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        read(&path)
    }

    #[test]
    fn a_key_is_read_from_a_file_that_only_its_owner_can_read() {
        for mode in [0o600, 0o400] {
            let key = read_file("  sk-canary\n", mode).unwrap();
            assert_eq!(key.expose_secret(), "sk-canary");
        }
        for mode in [0o640, 0o604, 0o620, 0o644] {
            let error = read_file("sk-canary", mode).unwrap_err();
            assert!(matches!(error, KeyFileError::OpenToOthers), "{mode:o}");
            assert!(error.to_string().contains("chmod 600"));
        }
    }

    #[test]
    fn an_invalid_key_file_is_refused_without_showing_its_content() {
        let large = "canary".repeat(1_000);
        let [empty, two_words, large] = ["", "canary canary", large.as_str()].map(|content| {
            let error = read_file(content, 0o600).unwrap_err();
            assert!(!format!("{error:?} {error}").contains("canary"));
            error
        });
        assert!(matches!(empty, KeyFileError::NotAKey(_)));
        assert!(matches!(two_words, KeyFileError::NotAKey(_)));
        assert!(matches!(large, KeyFileError::TooLarge));
        let directory = tempfile::tempdir().unwrap();
        let not_a_file = read(directory.path()).unwrap_err();
        assert!(matches!(not_a_file, KeyFileError::NotAFile));
        let missing = read(&directory.path().join("missing")).unwrap_err();
        assert!(matches!(missing, KeyFileError::Unreadable(_)));
    }
}
