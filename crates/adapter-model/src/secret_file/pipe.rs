//! Reading a file or a pipe that was opened without blocking, up to a bound and a deadline.

use std::fs::File;
use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{SecretFileError, unreadable};

/// Fills `buffer` until it is full or nothing follows; returns how much was read.
pub(super) fn read_to_end(
    mut file: &File,
    buffer: &mut [u8],
    deadline: Duration,
) -> Result<usize, SecretFileError> {
    let deadline = Instant::now() + deadline;
    let is_regular = file
        .metadata()
        .map_err(SecretFileError::Unreadable)?
        .is_file();
    let (mut length, mut writer_left) = (0, is_regular);
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            // Before its first writer comes, a pipe seems to be at its end.
            Ok(0) if length > 0 || writer_left => break,
            Ok(0) => writer_left = wait_for_writer(file, deadline)?,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                writer_left = wait_for_writer(file, deadline)?;
            }
            Err(error) => return Err(SecretFileError::Unreadable(error)),
        }
    }
    Ok(length)
}

/// Waits until there is something to read, or until the writer has left, which is returned.
fn wait_for_writer(file: &File, deadline: Instant) -> Result<bool, SecretFileError> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(SecretFileError::PipeTimedOut);
        }
        let timeout = Timespec::try_from(left).map_err(|_| SecretFileError::PipeTimedOut)?;
        let mut polled = [PollFd::new(file, PollFlags::IN)];
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) => {}
            Err(error) if error == rustix::io::Errno::INTR => {}
            Err(error) => return Err(unreadable(error)),
        }
        let found = polled[0].revents();
        if !found.is_empty() {
            return Ok(!found.contains(PollFlags::IN));
        }
    }
}
