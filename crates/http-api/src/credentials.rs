//! Which credentials the API takes at the moment.

use std::sync::{Arc, PoisonError, RwLock};

use crate::client::{Client, NAMED_TOKENS_MAX, NamedToken};
use crate::config::Auth;
use crate::metrics::Metrics;
use crate::principal::Principal;
use crate::token::Token;

/// A token, and whose it is. Sessions are kept with the one that they were opened with, and end when it
/// is no longer taken.
pub(crate) struct Credential {
    token: Token,
    pub(crate) client: Arc<Client>,
}

/// The credentials that the API takes.
pub(crate) struct Credentials(RwLock<Accepted>);

enum Accepted {
    /// None are asked for.
    Anybody,
    /// These tokens and no others.
    Tokens(Tokens),
}

struct Tokens {
    owner: Arc<Credential>,
    named: Vec<Arc<Credential>>,
    /// The clients that have a named token, or had one.
    clients: Vec<Arc<Client>>,
}

impl Credentials {
    /// Those of the configuration.
    pub(crate) fn new(auth: &Auth, named: &[NamedToken], metrics: &Metrics) -> Self {
        let accepted = match auth {
            Auth::None => Accepted::Anybody,
            Auth::Token(token) => Accepted::Tokens(Tokens::of_owner(token.clone(), metrics)),
        };
        let credentials = Self(RwLock::new(accepted));
        credentials.replace_named(named, metrics);
        credentials
    }

    /// Whether everybody may use the API.
    pub(crate) fn accept_anybody(&self) -> bool {
        self.with(|accepted| matches!(accepted, Accepted::Anybody))
    }

    /// The credential that `presented` is the token of.
    pub(crate) fn find(&self, presented: &[u8]) -> Option<Arc<Credential>> {
        self.with(|accepted| {
            let mut all = accepted.credentials();
            let found = all.find(|credential| credential.token.matches(presented));
            found.map(Arc::clone)
        })
    }

    /// Whoever may do everything.
    pub(crate) fn owner(&self) -> Principal {
        self.with(|accepted| match accepted {
            Accepted::Anybody => Principal::Anybody,
            Accepted::Tokens(tokens) => Principal::Token(Arc::clone(&tokens.owner)),
        })
    }

    /// Whether the API still takes a credential that it took before.
    pub(crate) fn accept(&self, credential: &Arc<Credential>) -> bool {
        self.with(|accepted| {
            let mut all = accepted.credentials();
            all.any(|current| Arc::ptr_eq(current, credential))
        })
    }

    /// Takes `token` as the owner's from now on. Returns whether it is another one than before.
    pub(crate) fn replace_owner(&self, token: Token, metrics: &Metrics) -> bool {
        self.update(|accepted| match accepted {
            Accepted::Tokens(tokens) => replace_token(&mut tokens.owner, token),
            Accepted::Anybody => {
                *accepted = Accepted::Tokens(Tokens::of_owner(token, metrics));
                true
            }
        })
    }

    /// Takes these named tokens from now on and no others, at most [`NAMED_TOKENS_MAX`]; none
    /// where no credentials are asked for. A client that had a token before, even if it has been
    /// without one since, stays the same, with its scope, its quotas and what it uses of them.
    pub(crate) fn replace_named(&self, named: &[NamedToken], metrics: &Metrics) {
        self.update(|accepted| {
            let Accepted::Tokens(tokens) = accepted else {
                return;
            };
            let before = std::mem::take(&mut tokens.named);
            let of_name = |new: &NamedToken| {
                let mut before = before.iter();
                let known = before.find(|known| known.client.name == new.name);
                known.map(Arc::clone)
            };
            let named = named.iter().take(NAMED_TOKENS_MAX).map(|new| {
                let token = new.token.clone();
                if let Some(mut known) = of_name(new) {
                    replace_token(&mut known, token);
                    return known;
                }
                let client = tokens.client(new, metrics);
                Arc::new(Credential { token, client })
            });
            tokens.named = named.collect();
        });
    }

    /// The one way to read them: short and synchronous.
    fn with<T>(&self, work: impl FnOnce(&Accepted) -> T) -> T {
        work(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn update<T>(&self, work: impl FnOnce(&mut Accepted) -> T) -> T {
        work(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Gives a client another token; returns false if it is the same.
fn replace_token(credential: &mut Arc<Credential>, token: Token) -> bool {
    if credential.token.matches(token.reveal().as_bytes()) {
        return false;
    }
    let client = Arc::clone(&credential.client);
    *credential = Arc::new(Credential { token, client });
    true
}

impl Accepted {
    fn credentials(&self) -> impl Iterator<Item = &Arc<Credential>> {
        let tokens = match self {
            Self::Anybody => None,
            Self::Tokens(tokens) => Some(tokens),
        };
        tokens.into_iter().flat_map(Tokens::iter)
    }
}

impl Tokens {
    fn iter(&self) -> impl Iterator<Item = &Arc<Credential>> {
        std::iter::once(&self.owner).chain(&self.named)
    }

    fn of_owner(token: Token, metrics: &Metrics) -> Self {
        let client = Arc::new(Client::owner(metrics));
        Self {
            owner: Arc::new(Credential { token, client }),
            named: Vec::new(),
            clients: Vec::new(),
        }
    }

    /// The client of this name.
    fn client(&mut self, of: &NamedToken, metrics: &Metrics) -> Arc<Client> {
        let known = self.clients.iter().find(|client| client.name == of.name);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let client = Arc::new(Client::named(of, metrics));
        self.clients.push(Arc::clone(&client));
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Quotas, Scope};

    fn token(of: &str) -> Token {
        of.repeat(22).parse().unwrap()
    }

    fn named(name: &str, token: Token) -> NamedToken {
        let quotas = Quotas {
            runs: 1,
            polls: 1,
            bytes: 1,
        };
        NamedToken {
            name: name.parse().unwrap(),
            scope: Scope::Read,
            quotas,
            token,
        }
    }

    fn credentials(named: &[NamedToken]) -> (Credentials, Metrics) {
        let metrics = Metrics::new(None, &[]);
        let auth = Auth::Token(token("o"));
        (Credentials::new(&auth, named, &metrics), metrics)
    }

    fn find(credentials: &Credentials, token: &Token) -> Option<Arc<Credential>> {
        credentials.find(token.reveal().as_bytes())
    }

    #[test]
    fn a_client_that_gets_another_token_is_the_same_client_and_its_old_token_ends() {
        let (credentials, metrics) = credentials(&[named("ci", token("a"))]);
        let before = find(&credentials, &token("a")).unwrap();
        credentials.replace_named(&[named("ci", token("b"))], &metrics);
        assert!(find(&credentials, &token("a")).is_none());
        assert!(!credentials.accept(&before));
        let after = find(&credentials, &token("b")).unwrap();
        assert!(credentials.accept(&after));
        assert!(Arc::ptr_eq(&before.client, &after.client));

        credentials.replace_named(&[named("ci", token("b"))], &metrics);
        assert!(credentials.accept(&after), "it is the same token");
        credentials.replace_named(&[], &metrics);
        assert!(!credentials.accept(&after));
        credentials.replace_named(&[named("ci", token("c"))], &metrics);
        let again = find(&credentials, &token("c")).unwrap();
        assert!(Arc::ptr_eq(&before.client, &again.client));
        assert!(find(&credentials, &token("o")).is_some());
    }

    #[test]
    fn the_owner_s_token_is_replaced_alone() {
        let (credentials, metrics) = credentials(&[named("ci", token("a"))]);
        assert!(!credentials.replace_owner(token("o"), &metrics));
        assert!(credentials.replace_owner(token("p"), &metrics));
        assert!(find(&credentials, &token("o")).is_none());
        for of in ["p", "a"] {
            assert!(find(&credentials, &token(of)).is_some(), "{of}");
        }
    }

    #[test]
    fn no_more_tokens_are_taken_than_there_may_be() {
        let all: Vec<_> = (0..=NAMED_TOKENS_MAX)
            .map(|number| named(&format!("c{number}"), token(&number.to_string())))
            .collect();
        let (credentials, _) = credentials(&all);
        assert!(find(&credentials, &all[NAMED_TOKENS_MAX - 1].token).is_some());
        assert!(find(&credentials, &all[NAMED_TOKENS_MAX].token).is_none());
    }
}
