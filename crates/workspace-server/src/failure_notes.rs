//! What the provider said of the latest runs that failed, in a file that only the server's owner can
//! read: `yoi doctor` shows it to whoever runs the server on the same machine. Clients of the API
//! never see it.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use crate::compose::RunFailure;
use crate::private_dir::PrivateDir;
use crate::server_file::address_in_name;

/// Failures that are kept.
const NOTES_MAX: usize = 16;
/// Bytes of the file that are read at most: words are cut to 1 KiB, of which JSON makes 6 at most.
const FILE_MAX_BYTES: u64 = 256 * 1024;

/// A failure in the file.
#[derive(Clone, Serialize, Deserialize)]
struct Note {
    run_id: String,
    words: String,
}

/// The latest failures of this server. A cheap `Clone` handle.
///
/// No `Debug`, no `Serialize`: it holds a path.
#[derive(Clone, Default)]
pub(crate) struct FailureNotes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    notes: Mutex<VecDeque<Note>>,
    /// Where they are written, once the server has its file.
    place: OnceLock<Place>,
}

struct Place {
    directory: PathBuf,
    name: String,
}

impl FailureNotes {
    /// From now on the notes are written beside the server file of `address`.
    pub(crate) fn write_to(&self, directory: &Path, address: SocketAddr) {
        // A server has one address.
        let _ = self.0.place.set(Place {
            directory: directory.to_owned(),
            name: file_name(address),
        });
    }

    /// Notes a failure. The file is written on a thread that may block.
    pub(crate) fn add(&self, failure: RunFailure) {
        let notes = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = notes.write(failure) {
                tracing::debug!(error = %error.kind(), "the provider's words are not noted");
            }
        });
    }

    fn write(&self, failure: RunFailure) -> io::Result<()> {
        // Held while the file is written, so that the latest content is written last.
        let mut notes = self.0.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push_back(Note {
            run_id: failure.run_id.to_string(),
            words: failure.words,
        });
        while notes.len() > NOTES_MAX {
            notes.pop_front();
        }
        let Some(place) = self.0.place.get() else {
            return Ok(());
        };
        let directory = PrivateDir::open(&place.directory)?;
        // Renaming follows no link and replaces an existing file.
        let unfinished = format!("unfinished-{}", place.name);
        let mut file = directory.create_file(&unfinished)?;
        file.write_all(&serde_json::to_vec(&*notes)?)?;
        directory.rename(&unfinished, &place.name)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Some(place) = self.place.get() else {
            return;
        };
        if let Ok(directory) = PrivateDir::open(&place.directory) {
            // A file that stays behind does no harm: it names runs that are gone.
            let _ = directory.remove(&place.name);
        }
    }
}

/// What the provider said of a run of the server at `address`, if that has noted it in `directory`.
pub fn words_of(directory: &Path, address: SocketAddr, run_id: &str) -> Option<String> {
    let directory = PrivateDir::open(directory).ok()?;
    let mut text = String::new();
    let file = directory.open_file(&file_name(address)).ok()?;
    file.take(FILE_MAX_BYTES).read_to_string(&mut text).ok()?;
    let notes: Vec<Note> = serde_json::from_str(&text).ok()?;
    let note = notes.into_iter().find(|note| note.run_id == run_id)?;
    Some(note.words)
}

/// `failures-127.0.0.1-8787.json`.
fn file_name(address: SocketAddr) -> String {
    format!("failures-{}.json", address_in_name(address))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_latest_failures_are_kept_for_their_owner_until_the_server_ends() {
        let directory = tempfile::tempdir().unwrap();
        PrivateDir::create(directory.path()).unwrap();
        let address: SocketAddr = "[::1]:8787".parse().unwrap();
        let notes = FailureNotes::default();
        notes.write_to(directory.path(), address);
        let ids: Vec<worker_runtime::RunId> = (0..=NOTES_MAX)
            .map(|number| format!("0198c0de-0000-7000-8000-0000000000{number:02x}"))
            .map(|text| text.parse().unwrap())
            .collect();
        for run_id in &ids {
            let words = format!("words about {run_id}");
            let run_id = *run_id;
            notes.write(RunFailure { run_id, words }).unwrap();
        }
        let find =
            |id: &worker_runtime::RunId| words_of(directory.path(), address, &id.to_string());
        assert_eq!(find(&ids[0]), None, "the oldest is forgotten");
        assert_eq!(find(&ids[1]).unwrap(), format!("words about {}", ids[1]));
        let path = directory.path().join(file_name(address));
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(notes);
        assert!(!path.exists());
    }
}
