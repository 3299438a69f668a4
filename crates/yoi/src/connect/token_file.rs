//! Reading a token that was put into a file.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use http_api::Token;

use crate::failure::UsageError;

/// Most bytes of a token file that are read: a token and a line break are far less.
const TOKEN_FILE_MAX_BYTES: u64 = 4096;
/// Permission bits that let anyone but the owner read, change or run a file.
const OTHERS: u32 = 0o077;

/// The token in the first line of the file at `path`, as `yoi serve` reads it.
///
/// The permissions are those of the file that was opened, not of whatever has its name by
/// then. A pipe will do (`--token-file <(pass show yoi)`).
pub(super) fn read(path: &Path) -> Result<Token, UsageError> {
    let unreadable = |source| UsageError::TokenFileUnreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        return Err(UsageError::TokenFileShared {
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    file.take(TOKEN_FILE_MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let first_line = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.lines().next());
    let token = first_line.and_then(|line| line.trim().parse().ok());
    token.ok_or_else(|| UsageError::TokenFileInvalid {
        path: path.to_owned(),
    })
}
