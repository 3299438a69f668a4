//! A token that the user keeps in a file, read as `yoi serve` reads its own.

use std::path::Path;

use http_api::Token;
use yoi_workspace_server::token_file::{self, TokenFileError};

use crate::failure::UsageError;

/// The token in the first line of the file at `path`.
pub(super) fn read(path: &Path) -> Result<Token, UsageError> {
    let path_of = || path.to_owned();
    token_file::read(path).map_err(|error| match error {
        TokenFileError::Unreadable(source) => UsageError::TokenFileUnreadable {
            path: path_of(),
            source,
        },
        TokenFileError::OpenToOthers => UsageError::TokenFileShared { path: path_of() },
        TokenFileError::NoToken(_) => UsageError::TokenFileInvalid { path: path_of() },
    })
}
