//! What SIGHUP renews: the token of `--token-file`, those of `--token`, and the profiles of
//! `--profile-dir`.

use std::convert::Infallible;
use std::error::Error;
use std::path::PathBuf;

use http_api::{Api, Quotas, Token};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use worker_runtime::Runtime;

use crate::named_tokens::{self, NamedTokenFile};
use crate::profile_dir;
use crate::service_manager;
use crate::token_file;

/// Reads the files again that the server was started with. If the server's own token or the profiles
/// can't be used then, those from before stay. A client whose token can't be used has none: that is
/// how it is revoked.
pub(crate) struct Reloader {
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) named_tokens: Vec<NamedTokenFile>,
    pub(crate) default_quotas: Quotas,
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
            service_manager::reloading().await;
            self.reload().await;
            service_manager::ready().await;
        }
    }

    /// Reloads once.
    pub(crate) async fn reload(&self) {
        if self.has_nothing_to_reload() {
            tracing::info!(
                "nothing to reload: neither --token-file nor --token nor --profile-dir is set"
            );
        }
        // First, because the server's own token may come from a pipe that nobody writes to yet, and nobody
        // who is revoked waits for that.
        self.reload_named_tokens().await;
        if self.reload_token().await {
            // A client may have the token that was the server's, and none may have the one that is now.
            self.reload_named_tokens().await;
        }
        self.reload_profiles().await;
    }

    fn has_nothing_to_reload(&self) -> bool {
        self.token_file.is_none() && self.named_tokens.is_empty() && self.profile_dir.is_none()
    }

    /// Returns whether the server has another token now.
    async fn reload_token(&self) -> bool {
        let Some(path) = self.token_file.clone() else {
            return false;
        };
        match spawn_blocking(move || token_file::read(&path)).await {
            Ok(Ok(token)) => {
                if self.api.replace_token(token.clone()) {
                    self.tokens.send_replace(Some(token));
                    tracing::info!("token replaced; that from before and its sessions are refused");
                    return true;
                }
                tracing::info!("token reloaded; it is the same");
            }
            Ok(Err(error)) => {
                let cause = cause(&error);
                tracing::warn!(%error, cause, "token not reloaded; that from before stays");
            }
            Err(_) => tracing::warn!("token not reloaded: reading it panicked"),
        }
        false
    }

    async fn reload_named_tokens(&self) {
        if self.named_tokens.is_empty() {
            return;
        }
        let (files, default_quotas) = (self.named_tokens.clone(), self.default_quotas);
        let owner = self.tokens.borrow().clone();
        let read = move || named_tokens::read(&files, owner.as_ref(), default_quotas);
        let Ok((tokens, errors)) = spawn_blocking(read).await else {
            tracing::warn!("tokens of clients not reloaded: reading them panicked");
            return;
        };
        self.api.replace_named_tokens(&tokens);
        for (client, error) in &errors {
            let cause = cause(error);
            tracing::warn!(%client, %error, cause, "this client has no token any more");
        }
        tracing::info!(tokens = tokens.len(), "tokens of clients reloaded");
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

/// What an error was caused by: JSON lines have an error alone, without its sources.
fn cause(error: &dyn Error) -> Option<String> {
    error.source().map(ToString::to_string)
}
