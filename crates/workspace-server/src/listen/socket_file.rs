//! The file of a Unix socket: made for its owner alone, removed at the end, and taken over from a
//! server that is gone.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use tokio::net::{UnixListener, UnixSocket, UnixStream};

/// Permission bits of the file: its owner alone may connect.
const OWNER_ONLY: u32 = 0o600;

/// Why a Unix socket can't be listened on. Carries no path.
#[derive(Debug, thiserror::Error)]
pub enum SocketFileError {
    /// A server answers there.
    #[error("another server listens on it")]
    InUse,
    /// There is a file that is no socket. It was left as it is.
    #[error("there is a file with its name that is no socket")]
    NotASocket,
    /// The file or its directory can't be used.
    #[error("its file can't be used")]
    Io(#[from] io::Error),
}

/// The file of a socket that this process listens on; dropping it removes the file.
///
/// No `Debug`, no `Serialize`: it holds a path.
pub(crate) struct SocketFile {
    path: PathBuf,
    /// As long as it is open, no other file gets the same number.
    file: File,
}

impl SocketFile {
    /// Begins to listen at `path`. A socket that nobody listens on is replaced.
    ///
    /// # Errors
    /// [`SocketFileError`]; what was at `path` is then still there.
    pub(crate) async fn listen(
        path: &Path,
        backlog: u32,
    ) -> Result<(UnixListener, Self), SocketFileError> {
        // Of two servers that start at once, each could otherwise remove the socket of the other.
        let _lock = lock_directory(path)?;
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => return Err(SocketFileError::NotASocket),
            Ok(_) if is_listened_on(path).await? => return Err(SocketFileError::InUse),
            Ok(_) => fs::remove_file(path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let socket = UnixSocket::new_stream()?;
        socket.bind(path)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = open(path, flags, Mode::empty()).map_err(io::Error::from)?;
        let file = Self {
            path: path.to_owned(),
            file: File::from(opened),
        };
        // Nobody can connect before `listen`.
        fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY))?;
        Ok((socket.listen(backlog)?, file))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that stays behind does no harm: the next server finds that nobody listens on it.
        let Ok(_lock) = lock_directory(&self.path) else {
            return;
        };
        let (own, found) = (self.file.metadata(), fs::symlink_metadata(&self.path));
        if let (Ok(own), Ok(found)) = (own, found)
            && id(&own) == id(&found)
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Device and number.
fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Takes a lock on the directory of `path`, which ends when the file is dropped. Who else has it
/// is about to listen on a socket there.
fn lock_directory(path: &Path) -> Result<File, SocketFileError> {
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    let directory = File::open(directory.unwrap_or(Path::new(".")))?;
    match directory.try_lock() {
        Ok(()) => Ok(directory),
        Err(fs::TryLockError::WouldBlock) => Err(SocketFileError::InUse),
        Err(fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Whether somebody listens on the socket at `path`. Does not wait for them to accept.
async fn is_listened_on(path: &Path) -> io::Result<bool> {
    match UnixStream::connect(path).await {
        Ok(_) => Ok(true),
        // The queue of the other server is full.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKLOG: u32 = 16;

    #[tokio::test]
    async fn the_socket_of_a_dead_server_is_replaced_and_that_of_a_live_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("yoi.sock");
        // A listener that is closed leaves its file behind, as a killed process does.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let (listener, file) = SocketFile::listen(&path, BACKLOG).await.unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        UnixStream::connect(&path).await.unwrap();
        let second = SocketFile::listen(&path, BACKLOG).await.err();
        assert!(matches!(second, Some(SocketFileError::InUse)), "{second:?}");

        // While the first one drains, it accepts nothing: the address is free.
        drop(listener);
        let (_listener, second) = SocketFile::listen(&path, BACKLOG).await.unwrap();
        drop(file);
        UnixStream::connect(&path).await.unwrap();
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notes");
        fs::write(&path, "mine").unwrap();
        let error = SocketFile::listen(&path, BACKLOG).await.err();
        assert!(
            matches!(error, Some(SocketFileError::NotASocket)),
            "{error:?}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
