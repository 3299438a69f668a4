//! The file through which a second terminal finds the running server: its address and token,
//! readable by their owner alone.
//!
//! A server holds an exclusive lock on its file for as long as it lives. So a file that can
//! be locked was left behind by a server that is gone, whatever process ids were reused.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use http_api::Token;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Permission bits of the file: its owner may read and write it.
const FILE_MODE: u32 = 0o600;
/// Permission bits of the directory: its owner alone may enter it.
const DIRECTORY_MODE: u32 = 0o700;
/// Most bytes of a server file that are read: an address, a token and a time are far less.
const FILE_MAX_BYTES: u64 = 4096;
/// Most server files that a look-up considers: more servers than one person starts.
const FILES_MAX: usize = 256;

/// The file of this server; dropping it removes the file.
///
/// No `Debug`, no `Serialize`: it holds a path.
pub struct ServerFile {
    /// Kept open, because the lock lives as long as the handle.
    _locked: File,
    path: PathBuf,
}

/// A running server, as its file describes it.
pub struct RunningServer {
    /// Where it answers, for example `http://127.0.0.1:8787`.
    pub url: String,
    /// What gets in; `None` when it asks for nothing.
    pub token: Option<Token>,
    /// When it started.
    pub started_at: Timestamp,
}

/// The file's content. The token stands here in plain text, as nowhere else.
#[derive(Serialize, Deserialize)]
struct Content {
    url: String,
    token: Option<String>,
    started_at: Timestamp,
}

impl ServerFile {
    /// Writes the file of a server that is bound to `address`.
    ///
    /// # Errors
    /// When the directory or the file can't be written. The server can run without it.
    pub fn write(
        directory: &Path,
        address: SocketAddr,
        token: Option<&Token>,
        started_at: Timestamp,
    ) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)?;
        let path = directory.join(file_name(address));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(&path)?;
        // Nobody else is bound to this address, so only a look-up can hold the lock, briefly.
        file.lock()?;
        file.set_permissions(PermissionsExt::from_mode(FILE_MODE))?;
        let content = Content {
            url: format!("http://{address}"),
            token: token.map(|token| token.reveal().to_owned()),
            started_at,
        };
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(&content)?)?;
        Ok(Self {
            _locked: file,
            path,
        })
    }
}

impl Drop for ServerFile {
    fn drop(&mut self) {
        // Nothing to do about a failure: without its lock the file counts as left behind.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The directory of server files: `$XDG_RUNTIME_DIR/yoi`, else `$XDG_STATE_HOME/yoi`, else
/// `~/.local/state/yoi` (XDG Base Directory Specification 0.8). `None` without any of them.
pub fn directory(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    absolute("XDG_RUNTIME_DIR")
        .or_else(|| absolute("XDG_STATE_HOME"))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("yoi"))
}

/// The servers that run now, newest first. What can't be read is passed over.
pub fn running(directory: &Path) -> Vec<RunningServer> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut servers: Vec<_> = entries
        .flatten()
        .filter(|entry| is_file_name(&entry.file_name().to_string_lossy()))
        .take(FILES_MAX)
        .filter_map(|entry| read_if_running(&entry.path()))
        .collect();
    servers.sort_by_key(|server| std::cmp::Reverse(server.started_at));
    servers
}

fn read_if_running(path: &Path) -> Option<RunningServer> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        // The lock is free, so its server is gone; or nothing can be said of it.
        Ok(()) | Err(TryLockError::Error(_)) => return None,
    }
    let mut text = String::new();
    file.take(FILE_MAX_BYTES).read_to_string(&mut text).ok()?;
    let content: Content = serde_json::from_str(&text).ok()?;
    let token = match content.token {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    Some(RunningServer {
        url: content.url,
        token,
        started_at: content.started_at,
    })
}

/// `server-127.0.0.1-8787.json`; an IPv6 address has `_` for `:`.
fn file_name(address: SocketAddr) -> String {
    let ip = address.ip().to_string().replace(':', "_");
    format!("server-{ip}-{}.json", address.port())
}

fn is_file_name(name: &str) -> bool {
    name.starts_with("server-") && name.ends_with(".json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_second_terminal_finds_the_newest_server_and_its_token() {
        let directory = tempfile::tempdir().unwrap();
        let token = Token::mint().unwrap();
        let _old = ServerFile::write(directory.path(), address(1), None, second(1)).unwrap();
        let _new =
            ServerFile::write(directory.path(), address(2), Some(&token), second(2)).unwrap();
        let found = running(directory.path());
        let urls: Vec<_> = found.iter().map(|server| server.url.as_str()).collect();
        assert_eq!(urls, ["http://127.0.0.1:2", "http://127.0.0.1:1"]);
        assert_eq!(found[0].token.as_ref().unwrap().reveal(), token.reveal());
        assert!(found[1].token.is_none());
    }

    #[test]
    fn only_the_owner_may_read_the_file_even_if_it_was_there_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(file_name(address(1)));
        std::fs::write(
            &path,
            "older and longer content than what the server writes ".repeat(9),
        )
        .unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let file = ServerFile::write(directory.path(), address(1), None, second(1)).unwrap();
        assert_eq!(
            path.metadata().unwrap().permissions().mode() & 0o777,
            FILE_MODE
        );
        assert_eq!(running(directory.path()).len(), 1);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_a_dead_server_left_behind_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let left =
            r#"{"url":"http://127.0.0.1:1","token":null,"started_at":"2026-01-01T00:00:00Z"}"#;
        std::fs::write(directory.path().join(file_name(address(1))), left).unwrap();
        assert!(running(directory.path()).is_empty());
    }

    #[test]
    fn the_directory_follows_the_specification_and_ignores_relative_paths() {
        let with = |set: &'static [(&str, &str)]| {
            directory(|name| {
                set.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, v)| v.into())
            })
        };
        assert_eq!(
            with(&[("XDG_RUNTIME_DIR", "/r"), ("HOME", "/h")]),
            Some(PathBuf::from("/r/yoi"))
        );
        assert_eq!(
            with(&[("XDG_RUNTIME_DIR", "r"), ("XDG_STATE_HOME", "/s")]),
            Some(PathBuf::from("/s/yoi"))
        );
        assert_eq!(
            with(&[("HOME", "/h")]),
            Some(PathBuf::from("/h/.local/state/yoi"))
        );
        assert_eq!(with(&[]), None);
    }
}
