//! What SIGHUP renews: the token of `--token-file` and the profiles of `--profile-dir`.

use std::convert::Infallible;
use std::error::Error;
use std::path::PathBuf;

use http_api::{Api, Token};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use worker_runtime::Runtime;

use crate::profile_dir;
use crate::token_file;

/// Reads the files again that the server was started with. What can't be used then is as if there
/// had been no signal: the token or the profiles from before stay.
pub(crate) struct Reloader {
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) profile_dir: Option<PathBuf>,
    /// Tells the server's file, by which the commands of the same user find it.
    pub(crate) tokens: watch::Sender<Option<Token>>,
    pub(crate) api: Api,
    pub(crate) runtime: Runtime,
}

impl Reloader {
    /// Reloads whenever `requested` is notified. Requests during one become one more.
    ///
    /// # Cancellation
    /// Safe: the token is replaced as a whole, and so are the profiles.
    pub(crate) async fn run(self, requested: &Notify) -> Infallible {
        loop {
            requested.notified().await;
            if self.token_file.is_none() && self.profile_dir.is_none() {
                tracing::info!("nothing to reload: neither --token-file nor --profile-dir is set");
            }
            self.reload_token().await;
            self.reload_profiles().await;
        }
    }

    async fn reload_token(&self) {
        let Some(path) = self.token_file.clone() else {
            return;
        };
        match spawn_blocking(move || token_file::read(&path)).await {
            Ok(Ok(token)) => {
                if self.api.replace_token(token.clone()) {
                    self.tokens.send_replace(Some(token));
                    tracing::info!("token replaced; that from before and its sessions are refused");
                } else {
                    tracing::info!("token reloaded; it is the same");
                }
            }
            Ok(Err(error)) => {
                let error = &error as &dyn Error;
                tracing::warn!(error, "token not reloaded; that from before stays");
            }
            Err(_) => tracing::warn!("token not reloaded: reading it panicked"),
        }
    }

    async fn reload_profiles(&self) {
        let Some(directory) = self.profile_dir.clone() else {
            return;
        };
        let models = self.runtime.models().to_vec();
        match spawn_blocking(move || profile_dir::load(&directory, &models)).await {
            Ok(Ok(profiles)) => {
                tracing::info!(profiles = profiles.iter().count(), "profiles reloaded");
                self.runtime.set_profiles(profiles);
            }
            Ok(Err(error)) => {
                let error = error.to_string();
                tracing::warn!(error, "profiles not reloaded; those from before stay");
            }
            Err(_) => tracing::warn!("profiles not reloaded: reading them panicked"),
        }
    }
}
