//! Reading a secret from a file, in the forms in which people and their tools provide one.
//!
//! The model's key and the server's own token follow this one rule.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags, StatVfsMountFlags, fstat, fstatvfs, open};
use rustix::process::geteuid;
use zeroize::Zeroizing;

mod pipe;

/// Bytes of a secret's file at most.
pub const SECRET_FILE_BYTES: usize = 4 * 1024;

/// Time for a pipe's writer to write everything and to close it. A person may have to unlock a
/// password store in the meantime, and a pipe that nobody writes to must not hold up the start.
pub const PIPE_DEADLINE: Duration = Duration::from_secs(10);

/// The permission bits of group and others.
const GROUP_AND_OTHERS: u32 = 0o077;
/// Those of them that only let them read.
const GROUP_AND_OTHERS_READ: u32 = 0o044;
/// The owner's permission to write.
const OWNER_WRITE: u32 = 0o200;

/// Why a secret's file is refused. Contains neither its path nor its content.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It is missing, or reading it failed.
    #[error("it can't be read")]
    Unreadable(#[source] io::Error),
    /// A directory, a socket or a device.
    #[error("it is neither a regular file nor a pipe")]
    NotAFile,
    /// Group or others have permissions on it, other than as in [`read`].
    #[error("others than its owner have access to it; run `chmod 600` on it")]
    OpenToOthers,
    /// Larger than [`SECRET_FILE_BYTES`].
    #[error("it is larger than {SECRET_FILE_BYTES} bytes")]
    TooLarge,
    /// Nobody wrote to the pipe and closed it before [`PIPE_DEADLINE`].
    #[error("it is a pipe, and its writer did not finish within {} s", PIPE_DEADLINE.as_secs())]
    PipeTimedOut,
    /// The content is not UTF-8.
    #[error("it is not text")]
    NotText,
}

/// Reads the secret's text. Blocks for [`PIPE_DEADLINE`] at most.
///
/// A regular file or a pipe (`<(pass show key)`) that only its owner can access is accepted. So is
/// a file of root or the current user that others can read but not write, if it is on a file
/// system that is mounted read-only, or read-only itself in memory: so Docker, Kubernetes and
/// systemd provide secrets, where `others` are in the same container or service.
///
/// # Errors
/// [`SecretFileError`].
pub fn read(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    read_before(path, PIPE_DEADLINE)
}

fn read_before(path: &Path, deadline: Duration) -> Result<Zeroizing<String>, SecretFileError> {
    // Opening a pipe would otherwise wait for a writer, and a terminal could become ours.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty()).map_err(unreadable)?);
    // The opened file is checked, since its path may change in between.
    let stat = fstat(&file).map_err(unreadable)?;
    let file_type = FileType::from_raw_mode(stat.st_mode);
    if !matches!(file_type, FileType::RegularFile | FileType::Fifo) {
        return Err(SecretFileError::NotAFile);
    }
    let access = Access {
        mode: stat.st_mode,
        trusted_owner: stat.st_uid == 0 || stat.st_uid == geteuid().as_raw(),
        mount: Mount::of(&file)?,
    };
    if !access.is_private() {
        return Err(SecretFileError::OpenToOthers);
    }
    // Allocated in full, since a buffer that grows leaves copies of the secret in memory.
    let mut buffer = Zeroizing::new(vec![0; SECRET_FILE_BYTES + 1]);
    let length = pipe::read_to_end(&file, &mut buffer, deadline)?;
    if length > SECRET_FILE_BYTES {
        return Err(SecretFileError::TooLarge);
    }
    let text = std::str::from_utf8(&buffer[..length]).map_err(|_| SecretFileError::NotText)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn unreadable(error: rustix::io::Errno) -> SecretFileError {
    SecretFileError::Unreadable(error.into())
}

/// Who can access a file.
#[derive(Debug, Clone, Copy)]
struct Access {
    mode: u32,
    /// The owner is root or the current user.
    trusted_owner: bool,
    mount: Mount,
}

/// How the file system of a file is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mount {
    ReadOnly,
    Memory,
    Ordinary,
}

impl Access {
    fn is_private(self) -> bool {
        let others = self.mode & GROUP_AND_OTHERS;
        let readable_only = others & !GROUP_AND_OTHERS_READ == 0;
        others == 0
            || readable_only
                && self.trusted_owner
                && match self.mount {
                    Mount::ReadOnly => true,
                    Mount::Memory => self.mode & OWNER_WRITE == 0,
                    Mount::Ordinary => false,
                }
    }
}

impl Mount {
    fn of(file: &File) -> Result<Self, SecretFileError> {
        let flags = fstatvfs(file).map_err(unreadable)?.f_flag;
        Ok(if flags.contains(StatVfsMountFlags::RDONLY) {
            Self::ReadOnly
        } else if is_in_memory(file)? {
            Self::Memory
        } else {
            Self::Ordinary
        })
    }
}

/// Whether the file is on a tmpfs or ramfs (their numbers are from `linux/magic.h`).
#[cfg(target_os = "linux")]
fn is_in_memory(file: &File) -> Result<bool, SecretFileError> {
    let kind = rustix::fs::fstatfs(file).map_err(unreadable)?.f_type;
    Ok(matches!(kind, 0x0102_1994 | 0x8584_58f6))
}

/// Only Linux has such file systems.
#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &File) -> Result<bool, SecretFileError> {
    Ok(false)
}

#[cfg(test)]
mod tests;
