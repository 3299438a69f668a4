//! Says in a server file which workspace it is of, so that nobody can find out where that is, and
//! whoever stands in the workspace can tell that it is this one.

use std::fmt;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::private_dir::PrivateDir;

const KEY_FILE: &str = "workspace-key";
const KEY_BYTES: usize = 32;
const HASH_BYTES: usize = 32;
/// Keeps these hashes apart from those of other purposes.
const DOMAIN: &[u8] = b"yoi workspace of server file\0";

/// The secret of all hashes in one directory of server files, which it never leaves. With it a
/// hash could be compared with those of guessed paths.
pub(super) struct WorkspaceKey([u8; KEY_BYTES]);

/// The keyed hash of the canonical path of a workspace's root. Two files in one directory have the
/// same hash if and only if they are of the same workspace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WorkspaceHash([u8; HASH_BYTES]);

impl WorkspaceKey {
    /// The key of `directory`; creates it for the first server there.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] while another server creates it.
    pub(super) fn create(directory: &PrivateDir) -> io::Result<Self> {
        let mut file = directory.open_or_create(KEY_FILE)?;
        // Two servers that start together must not each have a key of its own.
        file.try_lock().map_err(io::Error::from)?;
        // Whoever had the lock until now may have removed it.
        if rustix::fs::fstat(&file)?.st_nlink == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut bytes = Vec::new();
        (&file).take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        if let Ok(key) = bytes.try_into() {
            return Ok(Self(key));
        }
        // It is new, or a power cut left it empty; no server has used it then.
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(&key));
        if let Err(error) = written {
            // Without space nothing is left behind. One that stays is no key, and taken for none.
            let _ = directory.remove(KEY_FILE);
            return Err(error);
        }
        Ok(Self(key))
    }

    /// The key of `directory`; `None` where no server has created one.
    pub(super) fn read(directory: &PrivateDir) -> Option<Self> {
        let file = directory.open_file(KEY_FILE).ok()?;
        let mut bytes = Vec::new();
        let most = KEY_BYTES as u64 + 1;
        file.take(most).read_to_end(&mut bytes).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The hash of a workspace's canonical root.
    pub(super) fn hash(&self, canonical_root: &Path) -> WorkspaceHash {
        let root = canonical_root.as_os_str().as_encoded_bytes();
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(DOMAIN);
        // With its length in front no input begins with another one, so that a secret prefix is as
        // good as HMAC.
        hash.update((root.len() as u64).to_be_bytes());
        hash.update(root);
        WorkspaceHash(hash.finalize().into())
    }
}

impl WorkspaceHash {
    /// The hash as lower-case hex digits, for files of this user alone.
    #[must_use]
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The hash of these hex digits, if they are one.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 2 * HASH_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut hash = [0; HASH_BYTES];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(hash))
    }
}

/// Shows nothing: no log has a workspace's hash.
impl fmt::Debug for WorkspaceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkspaceHash(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_key_and_a_workspace_one_hash_in_it() {
        let base = tempfile::tempdir().unwrap();
        let directory = PrivateDir::create(base.path()).unwrap();
        assert!(WorkspaceKey::read(&directory).is_none());
        let first = WorkspaceKey::create(&directory).unwrap();
        let hash = first.hash(Path::new("/w/a"));
        for key in [
            WorkspaceKey::create(&directory).unwrap(),
            WorkspaceKey::read(&directory).unwrap(),
        ] {
            assert_eq!(key.hash(Path::new("/w/a")), hash);
            assert_ne!(key.hash(Path::new("/w/ab")), hash);
        }
        assert_eq!(WorkspaceHash::from_hex(&hash.to_hex()), Some(hash));
        for text in ["", "00", &"zz".repeat(32), &"é".repeat(32)] {
            assert_eq!(WorkspaceHash::from_hex(text), None);
        }
        assert_eq!(format!("{hash:?}"), "WorkspaceHash(redacted)");
    }

    #[test]
    fn another_directory_has_other_hashes_and_a_broken_key_is_replaced() {
        let hash = |base: &Path| {
            let directory = PrivateDir::create(base).unwrap();
            let hash = WorkspaceKey::create(&directory).unwrap().hash(base);
            assert_eq!(WorkspaceKey::read(&directory).unwrap().hash(base), hash);
            hash
        };
        let [one, other] = [(), ()].map(|()| tempfile::tempdir().unwrap());
        let path = one.path();
        let before = hash(path);
        let directory = PrivateDir::create(other.path()).unwrap();
        assert_ne!(WorkspaceKey::create(&directory).unwrap().hash(path), before);
        for broken in [0, 31, 33] {
            std::fs::write(path.join(KEY_FILE), vec![7; broken]).unwrap();
            let directory = PrivateDir::open(path).unwrap();
            assert!(WorkspaceKey::read(&directory).is_none());
            assert_ne!(hash(path), before);
        }
    }
}
