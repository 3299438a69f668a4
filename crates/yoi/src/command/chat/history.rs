//! The file of a chat's history, readable by its owner alone.

use std::path::{Path, PathBuf};

/// Most messages that are kept: enough for months.
pub(super) const ENTRIES_MAX: usize = 1000;
/// Largest history that is loaded, in bytes. A larger one, full of pasted files, would delay the
/// prompt and is deleted.
const FILE_MAX_BYTES: u64 = 4 * 1024 * 1024;
const FILE_NAME: &str = "chat-history";

/// The path of the history in `directory`. `None` where it can't be kept: a chat works without.
pub(super) fn open(directory: &Path) -> Option<PathBuf> {
    let path = directory.join(FILE_NAME);
    match path.metadata() {
        // Opening a FIFO would block.
        Ok(metadata) if !metadata.is_file() => None,
        Ok(metadata) if metadata.len() > FILE_MAX_BYTES => {
            std::fs::remove_file(&path).ok().map(|()| path)
        }
        Ok(_) | Err(_) => Some(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_left_alone_and_a_history_that_is_too_large_is_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let open = || open(directory.path());
        let path = open().unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(open(), None);
        std::fs::remove_dir(&path).unwrap();

        let file = std::fs::File::create(&path).unwrap();
        file.set_len(FILE_MAX_BYTES).unwrap();
        assert_eq!(open(), Some(path.clone()));
        assert!(path.exists());
        file.set_len(FILE_MAX_BYTES + 1).unwrap();
        assert_eq!(open(), Some(path.clone()));
        assert!(!path.exists());
    }
}
