//! Where an export goes: standard output, or a new file that gets its name only when it is whole.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::error::{Error, UsageError};
use crate::output::Terminal;

/// Conversations are nobody else's business.
const FILE_MODE: u32 = 0o600;
/// How the name of an unfinished file begins and ends.
const UNFINISHED: (&str, &str) = ("yoi-export.", ".unfinished");

pub(super) struct Destination<'a> {
    terminal: &'a mut Terminal,
    file: Option<NewFile>,
}

/// A file that is written beside its place, and removed again unless [`NewFile::finish`] succeeds: what
/// a process that was killed leaves behind can't be taken for a whole one.
struct NewFile {
    path: PathBuf,
    writer: BufWriter<File>,
    unfinished: TempPath,
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
        let path = path.to_owned();
        if path.symlink_metadata().is_ok() {
            return Err(UsageError::OutputExists { path }.into());
        }
        let create = |unfinished: &Path| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(FILE_MODE);
            options.open(unfinished)
        };
        let file = tempfile::Builder::new()
            .prefix(UNFINISHED.0)
            .suffix(UNFINISHED.1)
            .make_in(directory_of(&path), create);
        match file {
            Ok(file) => {
                let (file, unfinished) = file.into_parts();
                Ok(Self {
                    path,
                    writer: BufWriter::new(file),
                    unfinished,
                })
            }
            Err(source) => Err(Error::ExportFile { path, source }),
        }
    }

    fn finish(self) -> Result<(), Error> {
        let Self {
            path,
            mut writer,
            unfinished,
        } = self;
        let is_written = writer.flush().and_then(|()| writer.get_ref().sync_all());
        let is_named = is_written.and_then(|()| Ok(unfinished.persist_noclobber(&path)?));
        let is_durable = is_named.and_then(|()| File::open(directory_of(&path))?.sync_all());
        match is_durable {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(UsageError::OutputExists { path }.into())
            }
            Err(source) => Err(Error::ExportFile { path, source }),
        }
    }

    fn error(&self, source: io::Error) -> Error {
        let path = self.path.clone();
        Error::ExportFile { path, source }
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory != "" => directory,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::StreamKind;
    use crate::output::tests::Captured;

    fn files(directory: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn an_export_gets_its_name_when_it_is_whole_and_replaces_nothing() {
        let (_captured, mut terminal) = Captured::new(StreamKind::Redirected);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("export.md");
        // More than what is written at once.
        let half = "half".repeat(10_000);

        let mut whole = Destination::open(Some(&path), &mut terminal).unwrap();
        whole.write(&half).unwrap();
        let left_by_a_crash = files(directory.path());
        assert!(matches!(&*left_by_a_crash, [file] if *file != path));
        whole.write(&half).unwrap();
        whole.finish(2).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), half.repeat(2));
        assert_eq!(files(directory.path()), [&*path]);

        let refused = Destination::open(Some(&path), &mut terminal).map(|_| ());
        let exists = |result| matches!(result, Err(Error::Usage(UsageError::OutputExists { .. })));
        assert!(exists(refused));
        std::fs::remove_file(&path).unwrap();
        let second = Destination::open(Some(&path), &mut terminal).unwrap();
        std::fs::write(&path, "mine").unwrap();
        assert!(exists(second.finish(0)));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(files(directory.path()), [&*path]);
    }
}
