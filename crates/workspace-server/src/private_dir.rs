//! A directory that its owner alone may enter, and the files in it. What is a link, another
//! user's, or open to others is neither read nor written: somebody else may have put it there.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Uid, geteuid};

/// Permission bits of a file: its owner may read and write it.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
/// Permission bits of the directory: its owner alone may enter it.
const DIRECTORY_MODE: Mode = Mode::RWXU;
/// Permission bits that nobody but the owner may have.
const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);
/// How everything is opened: no link is followed, and a FIFO doesn't block.
const OPEN: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// The open directory: what its path comes to mean later makes no difference.
pub(crate) struct PrivateDir(OwnedFd);

/// Why a directory or a file can't be used. Carries no path.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnusableFile {
    /// It is a link, another user's, or open to others; or no file, or no directory.
    #[error("not this user's own, or open to others")]
    NotPrivate,
    /// It can't be opened.
    #[error("can't be opened")]
    Io(#[from] io::Error),
}

impl PrivateDir {
    /// Opens the directory at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, UnusableFile> {
        let directory = open_directory(path)?;
        let found = rustix::fs::fstat(&directory).map_err(unusable)?;
        check(&found, FileType::Directory)?;
        Ok(Self(directory))
    }

    /// The same; creates it if it isn't there, and closes to others what is this user's.
    pub(crate) fn create(path: &Path) -> Result<Self, UnusableFile> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE.as_raw_mode())
            .create(path)?;
        let directory = open_directory(path)?;
        let found = rustix::fs::fstat(&directory).map_err(unusable)?;
        if found.st_uid != geteuid().as_raw() {
            return Err(UnusableFile::NotPrivate);
        }
        if Mode::from_raw_mode(found.st_mode).intersects(OTHERS) {
            rustix::fs::fchmod(&directory, DIRECTORY_MODE).map_err(unusable)?;
        }
        Ok(Self(directory))
    }

    /// The names of all that is in it, as far as they are text.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = String> + use<>> {
        let entries = Dir::read_from(&self.0)?;
        let names = entries.map_while(Result::ok);
        Ok(names.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned)))
    }

    /// Opens a file to read it.
    pub(crate) fn open_file(&self, name: &str) -> Result<File, UnusableFile> {
        self.open_checked(name, OFlags::RDONLY)
    }

    /// Opens a file to read and write it; creates an empty one if there is none.
    pub(crate) fn open_or_create(&self, name: &str) -> Result<File, UnusableFile> {
        self.open_checked(name, OFlags::RDWR | OFlags::CREATE)
    }

    /// Creates a file in place of whatever was left behind under its name.
    pub(crate) fn create_file(&self, name: &str) -> io::Result<File> {
        match self.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let flags = OPEN | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        Ok(rustix::fs::openat(&self.0, name, flags, FILE_MODE)?.into())
    }

    /// Renames a file. The new name may be there already: what it named is replaced, and a link
    /// not followed.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Removes a file or a link.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    fn open_checked(&self, name: &str, flags: OFlags) -> Result<File, UnusableFile> {
        let file = rustix::fs::openat(&self.0, name, OPEN | flags, FILE_MODE);
        let file = file.map_err(unusable)?;
        let found = rustix::fs::fstat(&file).map_err(unusable)?;
        check(&found, FileType::RegularFile)?;
        Ok(file.into())
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd, UnusableFile> {
    let flags = OPEN | OFlags::RDONLY | OFlags::DIRECTORY;
    rustix::fs::open(path, flags, Mode::empty()).map_err(unusable)
}

/// # Errors
/// [`UnusableFile::NotPrivate`] unless what was opened is this user's own.
fn check(found: &Stat, file_type: FileType) -> Result<(), UnusableFile> {
    if is_private(found, file_type, geteuid()) {
        Ok(())
    } else {
        Err(UnusableFile::NotPrivate)
    }
}

/// Whether it is of this type, the owner's, and closed to others.
fn is_private(found: &Stat, file_type: FileType, owner: Uid) -> bool {
    FileType::from_raw_mode(found.st_mode) == file_type
        && found.st_uid == owner.as_raw()
        && !Mode::from_raw_mode(found.st_mode).intersects(OTHERS)
}

/// A link is not opened (`ELOOP`, for a directory `ENOTDIR`), nor is what belongs to others.
fn unusable(error: Errno) -> UnusableFile {
    match error {
        Errno::LOOP | Errno::NOTDIR | Errno::ACCESS | Errno::PERM | Errno::NXIO => {
            UnusableFile::NotPrivate
        }
        error => UnusableFile::Io(error.into()),
    }
}

impl From<UnusableFile> for io::Error {
    fn from(error: UnusableFile) -> Self {
        match error {
            UnusableFile::NotPrivate => io::ErrorKind::PermissionDenied.into(),
            UnusableFile::Io(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn is_refused<T>(result: &Result<T, UnusableFile>) -> bool {
        matches!(result, Err(UnusableFile::NotPrivate))
    }

    #[test]
    fn a_directory_that_others_may_enter_or_that_is_a_link_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/yoi");
        assert!(matches!(PrivateDir::open(&path), Err(UnusableFile::Io(_))));
        PrivateDir::create(&path).unwrap();
        for bits in [0o750, 0o705, 0o720, 0o701] {
            mode(&path, bits);
            assert!(is_refused(&PrivateDir::open(&path)), "{bits:o}");
        }
        // Its own server closes it again.
        PrivateDir::create(&path).unwrap();
        assert!(PrivateDir::open(&path).is_ok());
        let link = base.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(is_refused(&PrivateDir::open(&link)));
        assert!(is_refused(&PrivateDir::create(&link)));
        let file = base.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(is_refused(&PrivateDir::open(&file)));
    }

    #[test]
    fn a_file_that_others_may_access_or_that_is_none_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let directory = PrivateDir::create(base.path()).unwrap();
        directory.create_file("own").unwrap();
        assert!(directory.open_file("own").is_ok());
        symlink("own", base.path().join("link")).unwrap();
        std::fs::create_dir(base.path().join("directory")).unwrap();
        for name in ["link", "directory"] {
            assert!(is_refused(&directory.open_file(name)), "{name}");
            assert!(directory.open_or_create(name).is_err(), "{name}");
        }
        for bits in [0o640, 0o604, 0o620, 0o602] {
            mode(&base.path().join("own"), bits);
            assert!(is_refused(&directory.open_file("own")), "{bits:o}");
            assert!(is_refused(&directory.open_or_create("own")), "{bits:o}");
        }
        assert!(matches!(
            directory.open_file("none"),
            Err(UnusableFile::Io(_))
        ));
    }

    #[test]
    fn what_another_user_owns_is_not_private() {
        let base = tempfile::tempdir().unwrap();
        PrivateDir::create(base.path()).unwrap();
        let found = rustix::fs::stat(base.path()).unwrap();
        let (own, other) = (geteuid(), Uid::from_raw(geteuid().as_raw() + 1));
        assert!(is_private(&found, FileType::Directory, own));
        assert!(!is_private(&found, FileType::Directory, other));
        assert!(!is_private(&found, FileType::RegularFile, own));
    }
}
