//! Where the workers of a workspace are kept when nothing else is chosen.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Keeps these hashes apart from those of other purposes.
const DOMAIN: &[u8] = b"yoi store of workspace\0";
/// Bytes of the hash in a directory's name: 32 hex digits.
const KEY_BYTES: usize = 16;

/// Why there is no default path. Carries no path.
#[derive(Debug, thiserror::Error)]
pub enum NoStorePath {
    /// Neither variable names a directory.
    #[error(
        "no place to keep conversations, because neither XDG_DATA_HOME nor HOME is set: name a file \
         with --store, or keep nothing with --store memory"
    )]
    NoHome,
    /// The workspace's root can't be resolved.
    #[error("the workspace is not a directory that can be read")]
    NoWorkspace(#[source] io::Error),
}

/// The default file of the workspace at `workspace_root`, below the user's directory for data (XDG
/// Base Directory Specification, version 0.8).
///
/// # Errors
/// See [`NoStorePath`].
pub fn default_path(
    workspace_root: &Path,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, NoStorePath> {
    // The specification has a relative path ignored.
    let directory = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let data = directory("XDG_DATA_HOME");
    let data = data.or_else(|| Some(directory("HOME")?.join(".local/share")));
    let data = data.ok_or(NoStorePath::NoHome)?;
    Ok(data
        .join("yoi/workspaces")
        .join(workspace_key(workspace_root)?)
        .join("workers.sqlite3"))
}

/// A name for the workspace at `workspace_root` that doesn't tell where it is.
pub(crate) fn workspace_key(workspace_root: &Path) -> Result<String, NoStorePath> {
    let canonical_root = fs::canonicalize(workspace_root).map_err(NoStorePath::NoWorkspace)?;
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(canonical_root.as_os_str().as_encoded_bytes());
    let hash = hash.finalize();
    let digits = hash[..KEY_BYTES].iter().map(|byte| format!("{byte:02x}"));
    Ok(digits.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_has_one_place_however_it_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (root, other) = (directory.path().join("a"), directory.path().join("b"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&other).unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&root, &link).unwrap();
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/ada"));
        let path = |root: &Path| default_path(root, home).unwrap();

        assert_eq!(path(&root), path(&link));
        assert_eq!(path(&root), path(&root.join("../a/")));
        assert_ne!(path(&root), path(&other));
        let text = path(&root).to_str().unwrap().to_owned();
        let key = text.strip_prefix("/home/ada/.local/share/yoi/workspaces/");
        let key = key
            .and_then(|rest| rest.strip_suffix("/workers.sqlite3"))
            .unwrap();
        assert!(
            key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{key}"
        );
    }

    #[test]
    fn the_data_directory_wins_over_home_and_a_relative_one_is_ignored() {
        let root = tempfile::tempdir().unwrap();
        let path = |data: &str, home: &str| {
            let variable = |name: &str| match name {
                "XDG_DATA_HOME" => Some(OsString::from(data)),
                "HOME" => Some(OsString::from(home)),
                _ => None,
            };
            default_path(root.path(), variable)
        };
        assert!(path("/data", "/home/ada").unwrap().starts_with("/data/yoi"));
        assert!(
            path("data", "/home/ada")
                .unwrap()
                .starts_with("/home/ada/.local")
        );
        assert!(matches!(path("", ""), Err(NoStorePath::NoHome)));
    }
}
