//! What SIGHUP renews: the token of `--token-file`, those of `--token`, and the profiles of
//! `--profile-dir`.

use std::convert::Infallible;
use std::error::Error;
use std::path::PathBuf;

use http_api::{Api, NamedToken, Quotas, Token};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use worker_runtime::Runtime;

use crate::named_tokens::{self, NamedTokenFile, Refused};
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
        // At the same time, so that nobody is revoked later because another token comes from a pipe that
        // nobody writes to yet.
        let clients = async {
            let tokens = self.read_named_tokens().await?;
            self.replace_named_tokens(&tokens);
            Some(tokens)
        };
        let (clients, ()) = tokio::join!(clients, self.reload_token());
        if let Some(tokens) = clients {
            // Again, because a client may have the token that was the server's.
            let refused = self.replace_named_tokens(&tokens);
            warn_of_refused(&refused);
            let usable = tokens.len() - refused.len();
            tracing::info!(tokens = usable, "tokens of clients reloaded");
        }
        self.reload_profiles().await;
    }

    fn has_nothing_to_reload(&self) -> bool {
        self.token_file.is_none() && self.named_tokens.is_empty() && self.profile_dir.is_none()
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
                let cause = cause(&error);
                tracing::warn!(%error, cause, "token not reloaded; that from before stays");
            }
            Err(_) => tracing::warn!("token not reloaded: reading it panicked"),
        }
    }

    /// The tokens of clients that can be read; none when they are to stay as they are.
    async fn read_named_tokens(&self) -> Option<Vec<NamedToken>> {
        if self.named_tokens.is_empty() {
            return None;
        }
        let (files, default_quotas) = (self.named_tokens.clone(), self.default_quotas);
        let read = spawn_blocking(move || named_tokens::read(&files, default_quotas));
        let Ok((tokens, unreadable)) = read.await else {
            tracing::warn!("tokens of clients not reloaded: reading them panicked");
            return None;
        };
        warn_of_refused(&unreadable);
        Some(tokens)
    }

    /// Replaces the tokens of clients by those of `tokens` that are their own, and returns the others.
    fn replace_named_tokens(&self, tokens: &[NamedToken]) -> Refused {
        let owner = self.tokens.borrow().clone();
        let (distinct, refused) = named_tokens::distinct(tokens, owner.as_ref());
        self.api.replace_named_tokens(&distinct);
        refused
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

fn warn_of_refused(refused: &Refused) {
    for (client, error) in refused {
        let cause = cause(error);
        tracing::warn!(%client, %error, cause, "this client has no token any more");
    }
}
