//! Keeps a server findable: writes its file at the start or, as long as that can't be done, tries
//! again. An earlier server of the same address may hold the file while it drains. A new token is
//! written, too.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_api::Token;
use tokio::sync::watch;

use super::{Description, ServerFile, WriteError};
use crate::failure_notes::FailureNotes;

/// Time between two attempts while another server holds the file: it ends within seconds, and
/// nobody finds this one before.
const HELD_RETRY: Duration = Duration::from_millis(250);
/// Time between two attempts while there is no place: somebody has to make one.
const NO_PLACE_RETRY: Duration = Duration::from_secs(10);

/// The server's file, or the attempts to write it. Dropping it removes the file.
pub(crate) struct Registration {
    /// The preferred one first.
    directories: Vec<PathBuf>,
    server: Arc<Description>,
    /// Written beside the file: they are found by the same address.
    failures: FailureNotes,
    /// The file, and the directory that it is in.
    written: Result<(ServerFile, PathBuf), WriteError>,
    /// The server's token, whenever there is another.
    tokens: watch::Receiver<Option<Token>>,
}

impl Registration {
    /// Tries once to write the file; says so in the log when it can't.
    pub(crate) fn begin(
        directories: Vec<PathBuf>,
        server: Description,
        tokens: watch::Receiver<Option<Token>>,
        failures: FailureNotes,
    ) -> Self {
        let written = write(&directories, &server);
        match &written {
            Err(reason) => {
                tracing::warn!(%reason, "other terminals can't find this server yet: no server file");
            }
            Ok((_, directory)) if Some(directory) != directories.first() => tracing::warn!(
                "the first directory for server files can't be used: other terminals find this server in \
                 the second"
            ),
            Ok(_) => {}
        }
        let registration = Self {
            directories,
            server: Arc::new(server),
            failures,
            written,
            tokens,
        };
        registration.note_failures();
        registration
    }

    /// Keeps the file, with the token of the moment, and tries to write it as long as there is none.
    ///
    /// # Cancellation
    /// Dropping the future removes the file; one that is being written is removed right after.
    pub(crate) async fn keep(mut self) -> Infallible {
        loop {
            let retry = self.written.as_ref().err().map(WriteError::retry);
            tokio::select! {
                () = sleep_or_never(retry) => {}
                Ok(()) = self.tokens.changed() => self.take_token(),
            }
            let (directories, server) = (self.directories.clone(), self.server.clone());
            let write = move || write(&directories, &server);
            // Files may be slow. A panic has been logged, and is no reason to end the server.
            let Ok(written) = tokio::task::spawn_blocking(write).await else {
                return std::future::pending().await;
            };
            match &written {
                Ok(_) => tracing::info!("other terminals find this server now"),
                // Said before, as long as nothing else has changed.
                Err(_) if retry.is_some() => {}
                Err(reason) => {
                    tracing::warn!(%reason, "other terminals can't find this server any more");
                }
            }
            self.written = written;
            self.note_failures();
        }
    }

    /// Removes the file, which counts as another server's as long as it is there; the next has the
    /// new token.
    fn take_token(&mut self) {
        self.written = Err(WriteError::Held);
        self.server = Arc::new(Description {
            token: self.tokens.borrow_and_update().clone(),
            ..Description::clone(&self.server)
        });
    }

    fn note_failures(&self) {
        if let Ok((_, directory)) = &self.written {
            self.failures.write_to(directory, self.server.address);
        }
    }
}

/// Writes the file to the first directory that can be used; returns which one that is.
///
/// # Errors
/// [`WriteError::Held`] in a directory that can be used: it will be free soon.
fn write(
    directories: &[PathBuf],
    server: &Description,
) -> Result<(ServerFile, PathBuf), WriteError> {
    let mut reason = WriteError::NoPlace(io::ErrorKind::NotFound.into());
    for directory in directories {
        match ServerFile::write(directory, server) {
            Ok(file) => return Ok((file, directory.clone())),
            Err(WriteError::Held) => return Err(WriteError::Held),
            Err(error @ WriteError::NoPlace(_)) => reason = error,
        }
    }
    Err(reason)
}

impl WriteError {
    /// Time until it is tried again.
    fn retry(&self) -> Duration {
        match self {
            Self::Held => HELD_RETRY,
            Self::NoPlace(_) => NO_PLACE_RETRY,
        }
    }
}

async fn sleep_or_never(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use http_api::InstanceId;
    use jiff::Timestamp;

    use super::super::{StorePlace, running};
    use super::*;

    fn server(directory: &Path) -> Registration {
        registered(directory, watch::channel(None).1)
    }

    fn registered(directory: &Path, tokens: watch::Receiver<Option<Token>>) -> Registration {
        let server = Description {
            address: "127.0.0.1:1".parse().unwrap(),
            name: "Garden".parse().unwrap(),
            token: None,
            instance: InstanceId::generate().unwrap(),
            started_at: Timestamp::now(),
            store: StorePlace::Memory,
            workspace_root: "/".into(),
        };
        Registration::begin(
            vec![directory.to_owned()],
            server,
            tokens,
            FailureNotes::default(),
        )
    }

    fn instances(directory: &Path) -> Vec<Option<InstanceId>> {
        let servers = running(directory).servers;
        servers.into_iter().map(|server| server.instance).collect()
    }

    /// Waits until `directory` shows `expected`; the attempts go on meanwhile.
    async fn shows(directory: &Path, expected: &[Option<InstanceId>]) {
        becomes_true(|| instances(directory) == expected).await;
    }

    async fn becomes_true(condition: impl Fn() -> bool) {
        let becomes_true = async {
            while !condition() {
                tokio::time::sleep(HELD_RETRY / 10).await;
            }
        };
        let in_time = tokio::time::timeout(2 * NO_PLACE_RETRY, becomes_true).await;
        in_time.expect("the file is never written");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_found_once_the_one_before_it_lets_go_of_the_file() {
        let base = tempfile::tempdir().unwrap();
        let directory = base.path();
        let (old, new) = (server(directory), server(directory));
        let [before, after] = [&old, &new].map(|it| vec![Some(it.server.instance.clone())]);
        assert!(matches!(new.written, Err(WriteError::Held)));
        assert_eq!(instances(directory), before);
        let mut old = Some(old);
        let keep = new.keep();
        let replaced = async {
            tokio::time::sleep(2 * HELD_RETRY).await;
            assert_eq!(instances(directory), before, "it is not taken away");
            drop(old.take());
            shows(directory, &after).await;
        };
        tokio::select! {
            () = replaced => {}
            never = keep => match never {},
        }
        // The future is gone. An attempt that was under way removes its file when it ends.
        shows(directory, &[]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_comes_later_is_used() {
        let base = tempfile::tempdir().unwrap();
        // A file in the place of the directory.
        let directory = base.path().join("yoi");
        std::fs::write(&directory, "").unwrap();
        let server = server(&directory);
        assert!(matches!(server.written, Err(WriteError::NoPlace(_))));
        let expected = [Some(server.server.instance.clone())];
        let comes = async {
            tokio::time::sleep(2 * NO_PLACE_RETRY).await;
            std::fs::remove_file(&directory).unwrap();
            shows(&directory, &expected).await;
        };
        tokio::select! {
            () = comes => {}
            never = server.keep() => match never {},
        }
        let mode = directory.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn where_the_first_place_can_t_be_used_the_next_one_is() {
        let base = tempfile::tempdir().unwrap();
        let [file, next] = ["file", "next"].map(|name| base.path().join(name));
        std::fs::write(&file, "").unwrap();
        let server = &Arc::clone(&server(&next).server);
        let (_written, directory) = write(&[file.join("yoi"), next.clone()], server).unwrap();
        assert_eq!(directory, next);
        assert_eq!(instances(&next), [Some(server.instance.clone())]);
        // A place that will be free soon is waited for.
        let held = write(&[next, base.path().join("other")], server);
        assert!(matches!(held, Err(WriteError::Held)));
        assert!(matches!(write(&[], server), Err(WriteError::NoPlace(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn another_token_is_written() {
        let base = tempfile::tempdir().unwrap();
        let directory = base.path();
        let (tokens, replaced) = watch::channel(None);
        let server = registered(directory, replaced);
        let token = Token::generate().unwrap();
        let has_token = || {
            let servers = running(directory).servers;
            let found = servers.first().and_then(|server| server.token.as_ref());
            found.is_some_and(|found| found.matches(token.reveal().as_bytes()))
        };
        let is_written = async {
            tokens.send_replace(Some(token.clone()));
            becomes_true(has_token).await;
        };
        tokio::select! {
            () = is_written => {}
            never = server.keep() => match never {},
        }
    }
}
