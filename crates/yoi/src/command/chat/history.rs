//! The file of a chat's history, readable by its owner alone.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

/// Most messages that are kept: enough for months.
pub(super) const ENTRIES_MAX: usize = 1000;
/// Largest history that is loaded, in bytes. A larger one, full of pasted files, would delay the
/// prompt and is deleted.
const FILE_MAX_BYTES: u64 = 4 * 1024 * 1024;
const FILE_NAME: &str = "chat-history";
const DIRECTORY_MODE: u32 = 0o700;

/// The path of the history, in `$XDG_STATE_HOME/yoi` or else `~/.local/state/yoi` (XDG Base
/// Directory Specification 0.8), which is created. `None` where it can't be kept: a chat works
/// without.
pub(super) fn open(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let directory = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?
        .join("yoi");
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(&directory)
        .ok()?;
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
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    fn open_in(home: &tempfile::TempDir) -> Option<PathBuf> {
        let path = home.path().to_owned();
        open(move |name| (name == "HOME").then(|| path.clone()))
    }

    #[test]
    fn the_directory_follows_the_specification_and_only_its_owner_may_enter() {
        let home = tempfile::tempdir().unwrap();
        let path = open_in(&home).unwrap();
        assert_eq!(path, home.path().join(".local/state/yoi/chat-history"));
        let directory = path.parent().unwrap().metadata().unwrap();
        assert_eq!(directory.permissions().mode() & 0o777, DIRECTORY_MODE);

        let state = home.path().join("state");
        let path = open(|name| (name == "XDG_STATE_HOME").then(|| state.clone()));
        assert_eq!(path, Some(state.join("yoi/chat-history")));
    }

    #[test]
    fn without_a_usable_directory_there_is_no_history() {
        let no_directory = tempfile::NamedTempFile::new().unwrap();
        for path in [None, Some("relative".as_ref()), Some(no_directory.path())] {
            assert_eq!(open(|_| path.map(Path::to_owned)), None);
        }
    }

    #[test]
    fn what_is_no_file_is_left_alone_and_a_history_that_is_too_large_is_deleted() {
        let home = tempfile::tempdir().unwrap();
        let path = open_in(&home).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(open_in(&home), None);
        std::fs::remove_dir(&path).unwrap();

        let file = std::fs::File::create(&path).unwrap();
        file.set_len(FILE_MAX_BYTES).unwrap();
        assert_eq!(open_in(&home), Some(path.clone()));
        assert!(path.exists());
        file.set_len(FILE_MAX_BYTES + 1).unwrap();
        assert_eq!(open_in(&home), Some(path.clone()));
        assert!(!path.exists());
    }
}
