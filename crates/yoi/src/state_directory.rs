//! The directory of what the client remembers for its user, readable by its owner alone.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

const DIRECTORY_MODE: u32 = 0o700;

/// `$XDG_STATE_HOME/yoi` or else `~/.local/state/yoi` (XDG Base Directory Specification 0.8), which
/// is created. `None` where nothing can be kept: every command works without.
pub(crate) fn state_directory(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let directory = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?
        .join("yoi");
    let created = DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(&directory);
    created.ok().map(|()| directory)
}

/// That of the process.
pub(crate) fn of_process() -> Option<PathBuf> {
    state_directory(|name| std::env::var_os(name).map(Into::into))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_directory_follows_the_specification_and_only_its_owner_may_enter() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_owned();
        let in_home = state_directory(|name| (name == "HOME").then(|| path.clone())).unwrap();
        assert_eq!(in_home, path.join(".local/state/yoi"));
        let mode = in_home.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, DIRECTORY_MODE);

        let state = path.join("state");
        let named = state_directory(|name| (name == "XDG_STATE_HOME").then(|| state.clone()));
        assert_eq!(named, Some(state.join("yoi")));
    }

    #[test]
    fn without_a_usable_directory_nothing_is_kept() {
        let no_directory = tempfile::NamedTempFile::new().unwrap();
        for path in [None, Some("relative".as_ref()), Some(no_directory.path())] {
            assert_eq!(state_directory(|_| path.map(Path::to_owned)), None);
        }
    }
}
