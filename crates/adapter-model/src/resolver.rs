//! Looking up the provider's name: by the system's resolver, on threads of its own, bounded.
//!
//! The system's resolver heeds what people rely on: `/etc/hosts`, and the modules of
//! `nsswitch.conf` for mDNS, systemd-resolved, directories and VPNs. Asynchronous libraries know the
//! first alone. But it blocks its thread, for minutes when a name server doesn't answer, and
//! also after the run that asked has ended. So each name is looked up once at a time, whoever waits
//! for it: a name that hangs costs one thread and holds up no other name.

use std::collections::HashMap;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;

use crate::model_set::MODELS_MAX;

/// Names that are looked up at once, over all clients of the process: that of each model's provider,
/// and of a proxy for each.
const LOOKUPS_MAX: usize = 2 * MODELS_MAX;

/// Of all clients of the process, so that the bound is one.
static SYSTEM: LazyLock<Resolver> = LazyLock::new(|| {
    Resolver::new(|name| match (name, 0).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(_) => Err(LookupError::NotFound),
    })
});

/// Why there is no address. Carries no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LookupError {
    /// The system knows no address for the name, or could not ask.
    #[error("the name was not found")]
    NotFound,
    /// As many names as may be are being looked up, or the system has no thread for another one.
    #[error("too many names are being looked up")]
    Busy,
}

type Found = Result<Vec<SocketAddr>, LookupError>;

/// A look-up that runs until it has a result.
type Lookup = watch::Receiver<Option<Found>>;

/// Looks up names, each at most once at a time. A cheap handle.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<Inner>);

struct Inner {
    /// Blocks.
    look_up: Box<dyn Fn(&str) -> Found + Send + Sync>,
    running: Mutex<HashMap<String, Lookup>>,
}

impl Resolver {
    /// The system's.
    pub(crate) fn system() -> Self {
        SYSTEM.clone()
    }

    fn new(look_up: impl Fn(&str) -> Found + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            look_up: Box::new(look_up),
            running: Mutex::default(),
        }))
    }

    /// The addresses of a name.
    ///
    /// # Cancellation
    /// Dropping the future leaves the look-up to whoever asks for the same name next.
    async fn addresses(&self, name: &str) -> Found {
        let mut lookup = self.join(name)?;
        let found = lookup.wait_for(Option::is_some).await;
        // The sender sends before it is dropped, unless the look-up panicked.
        found.map_or(Err(LookupError::NotFound), |found| {
            found.clone().unwrap_or(Err(LookupError::NotFound))
        })
    }

    /// The look-up of this name that runs, or else a new one.
    fn join(&self, name: &str) -> Result<Lookup, LookupError> {
        let mut running = self.running();
        if let Some(lookup) = running.get(name) {
            return Ok(lookup.clone());
        }
        if running.len() >= LOOKUPS_MAX {
            return Err(LookupError::Busy);
        }
        let (end, lookup) = watch::channel(None);
        let (resolver, owned) = (self.clone(), name.to_owned());
        let thread = thread::Builder::new().name("name-lookup".to_owned());
        let spawned = thread.spawn(move || {
            let found = (resolver.0.look_up)(&owned);
            resolver.running().remove(&owned);
            end.send_replace(Some(found));
        });
        spawned.map_err(|_| LookupError::Busy)?;
        running.insert(name.to_owned(), lookup.clone());
        Ok(lookup)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Lookup>> {
        let running = self.0.running.lock();
        running.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A resolver whose look-ups of names other than `localhost` hang until one sender is dropped, and
    /// how many of them have begun.
    fn hanging() -> (Resolver, mpsc::Sender<()>, mpsc::Receiver<()>) {
        let (go_on, hung) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let hung = Mutex::new(hung);
        let resolver = Resolver::new(move |name| {
            if name != "localhost" {
                begin.send(()).unwrap();
                let _ = hung.lock().unwrap().recv();
            }
            Ok([SocketAddr::from(([127, 0, 0, 1], 0))].into())
        });
        (resolver, go_on, begun)
    }

    /// Begins to wait for a name and gives up.
    async fn give_up(resolver: &Resolver, name: &str) {
        tokio::select! {
            biased;
            _ = resolver.addresses(name) => panic!("{name} was found"),
            () = std::future::ready(()) => {}
        }
    }

    #[tokio::test]
    async fn the_system_s_names_are_found_and_others_are_not() {
        let resolve = |name: &str| Resolver::system().resolve(name.parse().unwrap());
        let addresses: Vec<_> = resolve("localhost").await.ok().unwrap().collect();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        assert!(!addresses.is_empty());
        let error = resolve("no\0name").await.err().unwrap();
        assert_eq!(error.downcast_ref(), Some(&LookupError::NotFound));
    }

    #[tokio::test]
    async fn a_name_that_hangs_costs_one_thread_and_holds_up_no_other() {
        let (resolver, go_on, begun) = hanging();
        for _ in 0..1_000 {
            give_up(&resolver, "provider.test").await;
        }
        assert!(resolver.addresses("localhost").await.is_ok());
        begun.recv().unwrap();
        assert!(begun.try_recv().is_err(), "it was looked up once");

        drop(go_on);
        assert!(resolver.addresses("provider.test").await.is_ok());
    }

    #[tokio::test]
    async fn no_more_names_hang_than_there_may_be_threads() {
        let (resolver, go_on, _begun) = hanging();
        for number in 0..LOOKUPS_MAX {
            give_up(&resolver, &format!("provider-{number}.test")).await;
        }
        let refused = resolver.join("one-more.test").map(drop);
        assert_eq!(refused, Err(LookupError::Busy));

        drop(go_on);
        assert!(resolver.addresses("provider-0.test").await.is_ok());
    }
}
