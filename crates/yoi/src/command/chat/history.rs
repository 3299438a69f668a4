//! Where what was typed is kept between conversations: a file of the user's alone.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

/// Most messages that are kept: months of conversation, found again by arrow-up or Ctrl-R.
pub(super) const ENTRIES_MAX: usize = 1000;
/// Most bytes of a history that are read. It is begun anew when pasted files have made it
/// larger: a prompt should not wait for it.
const FILE_MAX_BYTES: u64 = 4 * 1024 * 1024;
/// The file's name in the state directory.
const FILE_NAME: &str = "chat-history";
/// Permission bits of the directory: its owner alone may enter it.
const DIRECTORY_MODE: u32 = 0o700;

/// The file of the history, in a directory that is there: `$XDG_STATE_HOME/yoi`, else
/// `~/.local/state/yoi` (XDG Base Directory Specification 0.8). `None` where it can't be
/// kept: a conversation works without.
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

    use super::*;

    fn below(home: &tempfile::TempDir) -> Option<PathBuf> {
        let path = home.path().to_owned();
        open(move |name| (name == "HOME").then(|| path.clone()))
    }

    #[test]
    fn the_directory_follows_the_specification_and_is_the_users_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = below(&home).unwrap();
        assert_eq!(path, home.path().join(".local/state/yoi/chat-history"));
        let directory = path.parent().unwrap().metadata().unwrap();
        assert_eq!(directory.permissions().mode() & 0o777, DIRECTORY_MODE);

        let state = home.path().join("state");
        let path = open(|name| (name == "XDG_STATE_HOME").then(|| state.clone()));
        assert_eq!(path, Some(state.join("yoi/chat-history")));
    }

    #[test]
    fn without_a_place_for_it_there_is_no_history() {
        assert_eq!(open(|_| None), None);
        assert_eq!(open(|_| Some("relative".into())), None);
        let home = tempfile::NamedTempFile::new().unwrap();
        let path = home.path().to_owned();
        assert_eq!(open(|_| Some(path.clone())), None);
    }

    #[test]
    fn what_is_no_file_is_left_alone_and_what_is_too_large_is_begun_anew() {
        let home = tempfile::tempdir().unwrap();
        let path = below(&home).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(below(&home), None);
        std::fs::remove_dir(&path).unwrap();

        let file = std::fs::File::create(&path).unwrap();
        file.set_len(FILE_MAX_BYTES).unwrap();
        assert_eq!(below(&home), Some(path.clone()));
        assert!(path.exists());
        file.set_len(FILE_MAX_BYTES + 1).unwrap();
        assert_eq!(below(&home), Some(path.clone()));
        assert!(!path.exists());
    }
}
