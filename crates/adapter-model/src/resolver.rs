//! Looking up the provider's name without using up the threads that others need.

use std::net::{SocketAddr, ToSocketAddrs as _};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

/// Look-ups at once, over all clients of the process. The system's resolver blocks a thread for
/// minutes when a name server doesn't answer, also after the run that asked has ended, and the
/// threads for blocking calls read files too.
const LOOKUPS_MAX: usize = 8;

static LOOKUPS: Semaphore = Semaphore::const_new(LOOKUPS_MAX);

/// The system knows no address for the name, or could not ask. Carries no name.
#[derive(Debug, thiserror::Error)]
#[error("the name was not found")]
pub(crate) struct LookupFailed;

/// The system's resolver, bounded.
pub(crate) struct BoundedResolver;

impl Resolve for BoundedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let permit = LOOKUPS.acquire().await?;
            let addresses = tokio::task::spawn_blocking(move || {
                // Kept until the look-up itself has ended, whoever still waits for it.
                let _permit = permit;
                (name.as_str(), 0).to_socket_addrs().map(Vec::from_iter)
            });
            let addresses: Vec<SocketAddr> = addresses.await?.map_err(|_| LookupFailed)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_looked_up_when_there_is_a_slot_and_waits_without_a_thread_otherwise() {
        let resolve = || BoundedResolver.resolve("localhost".parse().unwrap());
        let addresses: Vec<_> = resolve().await.ok().unwrap().collect();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        assert!(!addresses.is_empty());

        let slots = u32::try_from(LOOKUPS_MAX).unwrap();
        let all = LOOKUPS.acquire_many(slots).await.unwrap();
        let mut waiting = resolve();
        assert!(ready_now(&mut waiting).await.is_none());
        drop(all);
        assert!(waiting.await.is_ok());
    }

    /// The future's result, if it has one already.
    async fn ready_now<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }
}
