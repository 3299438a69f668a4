//! Reads a file of a directory that others may write to: a regular one alone, bounded, and without
//! waiting for anything but the disk.

use std::io::Read as _;
use std::path::Path;

use cap_std::fs::{Dir, File, Metadata, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

/// Why a file is not read. Carries neither its name nor its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is missing, reading failed, or it is a link that leads out of the directory.
    #[error("can't be read")]
    Unreadable,
    /// A directory, a FIFO or a device.
    #[error("is not a regular file")]
    NotRegular,
    /// Larger than it may be.
    #[error("is too large")]
    Oversized,
}

/// Reads the file at `path` within `directory` into `content` and returns the metadata of the very
/// file that was read; blocks, but on nothing else than the disk.
///
/// # Errors
/// See [`ReadError`]: `Oversized` is over `limit_bytes`; `content` is then undefined.
pub fn read(
    directory: &Dir,
    path: &Path,
    limit_bytes: u64,
    content: &mut Vec<u8>,
) -> Result<Metadata, ReadError> {
    let file = directory
        .open_with(path, &unblockable())
        .map_err(|_| ReadError::Unreadable)?;
    let metadata = file.metadata().map_err(|_| ReadError::Unreadable)?;
    if !metadata.is_file() {
        return Err(ReadError::NotRegular);
    }
    if metadata.len() > limit_bytes {
        return Err(ReadError::Oversized);
    }
    content.clear();
    read_up_to(file, limit_bytes.saturating_add(1), content)?;
    // The file may have grown after it was measured.
    if content.len() as u64 > limit_bytes {
        return Err(ReadError::Oversized);
    }
    Ok(metadata)
}

/// Opens for reading without waiting for the writer of a FIFO or for a device, and without
/// making a terminal the server's own.
fn unblockable() -> OpenOptions {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    options
}

fn read_up_to(file: File, bytes: u64, content: &mut Vec<u8>) -> Result<(), ReadError> {
    file.take(bytes)
        .read_to_end(content)
        .map(|_| ())
        .map_err(|_| ReadError::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::DataDir;

    fn read_back(records: &DataDir, name: &str, limit_bytes: u64) -> Result<Vec<u8>, ReadError> {
        let mut content = b"left over".to_vec();
        let data_dir = records.open();
        let path = Path::new("pods").join(name).join("metadata.json");
        read(&data_dir, &path, limit_bytes, &mut content).map(|_| content)
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_no_further() {
        let records = DataDir::new();
        records.write("pods/a", "12345");
        assert_eq!(read_back(&records, "a", 5), Ok(b"12345".to_vec()));
        assert_eq!(read_back(&records, "a", 4), Err(ReadError::Oversized));
    }

    /// `/proc` files measure 0 bytes and still have content: the measure alone is no bound.
    #[test]
    fn a_file_that_is_longer_than_it_says_is_oversized_and_not_read_to_its_end() {
        let data_dir = Dir::open_ambient_dir("/proc/self", cap_std::ambient_authority()).unwrap();
        let mut content = Vec::new();
        let answer = read(&data_dir, Path::new("status"), 16, &mut content);
        assert_eq!(
            (answer.err(), content.len()),
            (Some(ReadError::Oversized), 17)
        );
    }

    /// Nobody writes to the FIFO: without the flag, the open would wait for ever.
    #[test]
    fn a_fifo_or_a_directory_in_place_of_a_file_is_refused_without_waiting() {
        let records = DataDir::new();
        records.fifo("pods/a/metadata.json");
        records.directory("pods/b/metadata.json");
        for name in ["a", "b"] {
            let answer = read_back(&records, name, 5);
            assert_eq!(answer, Err(ReadError::NotRegular));
        }
    }
}
