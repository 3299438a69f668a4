//! Where an export goes: standard output, or a new file that is there only when it is whole.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, UsageError};
use crate::output::Terminal;

/// Conversations are nobody else's business.
const FILE_MODE: u32 = 0o600;

pub(super) struct Destination<'a> {
    terminal: &'a mut Terminal,
    file: Option<NewFile>,
}

/// A file that is removed again unless [`NewFile::finish`] succeeds.
struct NewFile {
    path: PathBuf,
    writer: BufWriter<File>,
    is_whole: bool,
}

impl<'a> Destination<'a> {
    /// A new file at `path`; without one, standard output.
    ///
    /// # Errors
    /// [`UsageError::OutputExists`]: nothing is overwritten, and no link followed.
    pub(super) fn open(path: Option<&Path>, terminal: &'a mut Terminal) -> Result<Self, Error> {
        let file = path.map(NewFile::create).transpose()?;
        Ok(Self { terminal, file })
    }

    pub(super) fn write(&mut self, text: &str) -> Result<(), Error> {
        match &mut self.file {
            Some(file) => {
                let written = file.writer.write_all(text.as_bytes());
                written.map_err(|source| file.error(source))
            }
            None => self.terminal.content(text),
        }
    }

    /// Ends the export; a file is on the disk afterwards.
    pub(super) fn finish(mut self, entries: u64) -> Result<(), Error> {
        if let Some(file) = self.file.take() {
            let path = file.path.display().to_string();
            file.finish()?;
            let noun = if entries == 1 { "entry" } else { "entries" };
            self.terminal
                .note(&format!("note: wrote {entries} {noun} to {path}"));
        }
        Ok(())
    }
}

impl NewFile {
    fn create(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(path);
        let path = path.to_owned();
        match file {
            Ok(file) => Ok(Self {
                path,
                writer: BufWriter::new(file),
                is_whole: false,
            }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(UsageError::OutputExists { path }.into())
            }
            Err(source) => Err(Error::ExportFile { path, source }),
        }
    }

    fn finish(mut self) -> Result<(), Error> {
        let flushed = self.writer.flush();
        let synced = flushed.and_then(|()| self.writer.get_ref().sync_all());
        synced.map_err(|source| self.error(source))?;
        self.is_whole = true;
        Ok(())
    }

    fn error(&self, source: io::Error) -> Error {
        let path = self.path.clone();
        Error::ExportFile { path, source }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_whole {
            // Nothing more can be done about a file that stays.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
