//! A proxy on the way to the provider.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

/// Stands for the proxy where only its exceptions matter: the address itself may be of a kind that the
/// matcher does not know.
const ANY_PROXY: &str = "http://proxy";

/// A proxy for HTTP or SOCKS, and the hosts that are reached without it.
///
/// Its address may be secret and may hold a password, so it can't be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
    except: String,
}

/// Why a text can't be a proxy's address. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProxy {
    /// Not a URL with a host.
    #[error("not a URL such as `http://localhost:3128`")]
    NotAUrl,
    /// A scheme of no known kind of proxy.
    #[error("it must begin with `http://`, `https://`, `socks5://`, `socks5h://` or `socks4://`")]
    Scheme,
}

impl Proxy {
    /// Reads a URL, or a host with a port, which means `http://`. `except` lists the hosts to
    /// reach directly, as `NO_PROXY` does.
    ///
    /// # Errors
    /// [`InvalidProxy`].
    pub fn new(text: &str, except: String) -> Result<Self, InvalidProxy> {
        let text = text.trim();
        let url = if text.contains("://") {
            Url::parse(text)
        } else {
            Url::parse(&format!("http://{text}"))
        };
        let url = url.map_err(|_| InvalidProxy::NotAUrl)?;
        if !matches!(
            url.scheme(),
            "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h"
        ) {
            return Err(InvalidProxy::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidProxy::NotAUrl);
        }
        Ok(Self { url, except })
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether this address is reached through the proxy, and not one of the exceptions.
    pub(crate) fn is_for(&self, url: &Url) -> bool {
        let matcher = Matcher::builder().all(ANY_PROXY).no(self.except.as_str());
        let uri = url.as_str().parse();
        uri.is_ok_and(|uri| matcher.build().intercept(&uri).is_some())
    }

    pub(crate) fn to_reqwest(&self) -> reqwest::Result<reqwest::Proxy> {
        reqwest::Proxy::all(self.url.as_str())
    }

    pub(crate) fn expose_secret(&self) -> &Url {
        &self.url
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxy(redacted)")
    }
}
