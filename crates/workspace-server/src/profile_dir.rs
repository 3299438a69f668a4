//! Profiles of one's own: a file each in a directory, read at the start and on SIGHUP.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use worker_runtime::{ModelInfo, Profile, ProfileError, ProfileId, ProfileSet};

use crate::compose::untrusted_file::{self, ReadError};

/// Before the names of these profiles in their ids.
const NAMESPACE: &str = "local";
/// Bytes of a profile file at most.
const FILE_BYTES: u64 = 64 * 1024;
/// Files of a directory at most: every one stands in every runtime's summary.
const FILES_MAX: usize = 100;
/// Characters of a file's name that an error shows.
const NAME_CHARS: usize = 80;

/// Why the profiles of a directory can't be used. It names a file, but no path, and nothing that a
/// file says but the names of fields and a valid id.
#[derive(Debug, thiserror::Error)]
pub enum ProfileDirError {
    /// The directory is missing, or can't be read.
    #[error("--profile-dir can't be read")]
    Unreadable(#[source] std::io::Error),
    /// There are more files than are read.
    #[error("--profile-dir has more than {FILES_MAX} files")]
    TooManyFiles,
    /// A file can't be read.
    #[error("profile file {file} {error}")]
    File {
        /// Which file.
        file: FileName,
        /// Why.
        error: ReadError,
    },
    /// A file is not UTF-8.
    #[error("profile file {file} is not UTF-8")]
    NotUtf8 {
        /// Which file.
        file: FileName,
    },
    /// A file holds no profile.
    #[error("profile file {file}: {error}")]
    Profile {
        /// Which file.
        file: FileName,
        /// Why.
        error: ProfileError,
    },
    /// Two files have the same id.
    #[error("profile files {first} and {second} have the same id, {id}")]
    SameId {
        /// The file that comes first.
        first: FileName,
        /// The other one.
        second: FileName,
        /// The id that both have.
        id: ProfileId,
    },
    /// A profile's model is none of the server's.
    #[error("profile file {file} names a model that the server does not have; see --model")]
    UnknownModel {
        /// Which file.
        file: FileName,
    },
}

/// A file's name for an error, without control characters and cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

impl From<&OsString> for FileName {
    fn from(name: &OsString) -> Self {
        let name = name.to_string_lossy();
        let shown = name.chars().filter(|it| !it.is_control());
        Self(shown.take(NAME_CHARS).collect())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}”", self.0)
    }
}

/// The built-in profiles and those of the directory, in the order of their files' names. Files whose
/// names begin with a dot or end with `~` are skipped, since editors leave such, and so are directories.
/// Blocks, but on nothing else than the disk.
///
/// # Errors
/// [`ProfileDirError`] at the first file that is no usable profile: one that was left out would be
/// noticed only when somebody asks for it.
pub(crate) fn load(directory: &Path, models: &[ModelInfo]) -> Result<ProfileSet, ProfileDirError> {
    let mut profiles = ProfileSet::builtin();
    let opened = Dir::open_ambient_dir(directory, ambient_authority());
    let opened = opened.map_err(ProfileDirError::Unreadable)?;
    let mut content = Vec::new();
    let mut files: Vec<(ProfileId, FileName)> = Vec::new();
    for name in file_names(&opened)? {
        let file = FileName::from(&name);
        let profile = read(&opened, &name, &file, &mut content)?;
        let known = |wanted: &str| models.iter().any(|model| model.name == wanted);
        if profile.model().is_some_and(|model| !known(model)) {
            return Err(ProfileDirError::UnknownModel { file });
        }
        let id = profile.id().clone();
        if let Err(error) = profiles.extend([profile]) {
            let first = files.into_iter().find(|(of_other, _)| *of_other == id);
            return Err(match (error, first) {
                (ProfileError::DuplicateId { id }, Some((_, first))) => ProfileDirError::SameId {
                    first,
                    second: file,
                    id,
                },
                (error, _) => ProfileDirError::Profile { file, error },
            });
        }
        files.push((id, file));
    }
    Ok(profiles)
}

/// The names of the files, sorted.
fn file_names(directory: &Dir) -> Result<Vec<OsString>, ProfileDirError> {
    let mut names = Vec::new();
    for entry in directory.entries().map_err(ProfileDirError::Unreadable)? {
        let entry = entry.map_err(ProfileDirError::Unreadable)?;
        let name = entry.file_name();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let bytes = name.as_encoded_bytes();
        if is_directory || bytes.starts_with(b".") || bytes.ends_with(b"~") {
            continue;
        }
        if names.len() == FILES_MAX {
            return Err(ProfileDirError::TooManyFiles);
        }
        names.push(name);
    }
    names.sort();
    Ok(names)
}

fn read(
    directory: &Dir,
    name: &OsString,
    file: &FileName,
    content: &mut Vec<u8>,
) -> Result<Profile, ProfileDirError> {
    let read = untrusted_file::read(directory, Path::new(name), FILE_BYTES, content);
    let file = || file.clone();
    read.map_err(|error| ProfileDirError::File {
        file: file(),
        error,
    })?;
    let text = str::from_utf8(content);
    let text = text.map_err(|_| ProfileDirError::NotUtf8 { file: file() })?;
    let profile = text.parse::<Profile>();
    let profile = profile.and_then(|profile| profile.in_namespace(NAMESPACE));
    profile.map_err(|error| ProfileDirError::Profile {
        file: file(),
        error,
    })
}

#[cfg(test)]
mod tests;
