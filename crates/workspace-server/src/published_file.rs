//! The file through which other terminals find this server, kept up to date with its token.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use http_api::Token;
use jiff::Timestamp;

use crate::server_file::{ServerFile, StorePlace};

/// What the file says, and the file while there is one.
///
/// No `Debug`, no `Serialize`: it holds paths.
pub(crate) struct PublishedFile {
    pub(crate) directory: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) started_at: Timestamp,
    pub(crate) store: StorePlace,
    pub(crate) workspace_root: PathBuf,
    pub(crate) file: Mutex<Option<ServerFile>>,
}

impl PublishedFile {
    /// Writes the file, in place of the one before. Blocks, but on nothing else than the disk.
    ///
    /// # Errors
    /// When it can't be written; then there is none.
    pub(crate) fn write(&self, token: Option<&Token>) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // As long as it is there, it counts as that of another server.
        *file = None;
        *file = Some(ServerFile::write(
            &self.directory,
            self.address,
            token,
            self.started_at,
            self.store.clone(),
            &self.workspace_root,
        )?);
        Ok(())
    }

    /// Removes the file.
    pub(crate) fn remove(&self) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
