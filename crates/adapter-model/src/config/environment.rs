//! The variables that a provider's own tools read.

use std::ffi::OsString;

use super::ModelConfigError;
use super::proxy::{InvalidProxy, Proxy};
use crate::provider::Provider;
use crate::secret::{ApiKey, Endpoint, InvalidEndpoint, InvalidKey};

/// The variable whose value has a form of its own.
const OLLAMA_VARIABLE: &str = "OLLAMA_HOST";
const OLLAMA_PORT: u16 = 11_434;

/// The environment. An empty variable counts as unset.
pub(super) struct Environment<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl<'a> Environment<'a> {
    pub(super) fn new(variable: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self { variable }
    }

    fn get(&self, variable: &str) -> Option<OsString> {
        (self.variable)(variable).filter(|value| !value.is_empty())
    }

    /// The address to use instead of the provider's own.
    pub(super) fn address_of(
        &self,
        provider: &Provider,
    ) -> Result<Option<Endpoint>, ModelConfigError> {
        let Some(variable) = provider.address_variable else {
            return Ok(None);
        };
        let address = self.get(variable).map(|value| {
            let text = value.to_str().ok_or(InvalidEndpoint::NotAUrl)?;
            if variable == OLLAMA_VARIABLE {
                return ollama_address(text);
            }
            text.parse()
        });
        let address = address.transpose();
        address.map_err(|error| ModelConfigError::Endpoint { variable, error })
    }

    /// The key in the provider's usual variable.
    pub(super) fn key_of(&self, provider: &Provider) -> Result<Option<ApiKey>, ModelConfigError> {
        let key = provider.key_variables.iter().find_map(|&variable| {
            let value = self.get(variable)?;
            let text = value.to_str().ok_or(InvalidKey::ForbiddenCharacter);
            let key = text.and_then(|text| text.trim().parse());
            Some(key.map_err(|error| ModelConfigError::Key { variable, error }))
        });
        key.transpose()
    }

    /// The proxy on the way to an address, as curl chooses it. None for this machine.
    pub(super) fn proxy_to(&self, address: &Endpoint) -> Result<Option<Proxy>, ModelConfigError> {
        if address.is_loopback() {
            return Ok(None);
        }
        let first = |names: &[&'static str]| {
            let mut found = names
                .iter()
                .filter_map(|&name| Some((name, self.get(name)?)));
            found.next()
        };
        let proxy = first(if address.is_encrypted() {
            &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        } else {
            &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        });
        let except = first(&["NO_PROXY", "no_proxy"]);
        let except = except.map(|(_, value)| value.to_string_lossy().into_owned());
        let proxy = proxy.map(|(variable, value)| {
            let text = value.to_str().ok_or(InvalidProxy::NotAUrl);
            let proxy = text.and_then(|text| Proxy::new(text, except.unwrap_or_default()));
            proxy.map_err(|error| ModelConfigError::Proxy { variable, error })
        });
        proxy.transpose()
    }
}

/// Reads what Ollama accepts in its variable: `host`, `host:port`, `:port` or a URL, perhaps in
/// quotes. The address is also the one that its server listens on, so it may be the unspecified
/// one, which stands for this machine.
fn ollama_address(text: &str) -> Result<Endpoint, InvalidEndpoint> {
    let text = text.trim().trim_matches(['"', '\'']);
    if text.contains("://") {
        return on_this_machine(text.parse()?);
    }
    let (authority, path) = text.split_once('/').unwrap_or((text, ""));
    let (host, port) = match authority.rsplit_once(':') {
        // An IPv6 address without brackets has no port.
        Some((host, _)) if host.contains(':') && !host.ends_with(']') => (authority, None),
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let host = match host.trim_matches(['[', ']']) {
        "" => "127.0.0.1".to_owned(),
        address if address.contains(':') => format!("[{address}]"),
        name => name.to_owned(),
    };
    let port = port.map_or(Ok(OLLAMA_PORT), str::parse);
    let port = port.map_err(|_| InvalidEndpoint::NotAUrl)?;
    on_this_machine(format!("http://{host}:{port}/{path}").parse()?)
}

fn on_this_machine(endpoint: Endpoint) -> Result<Endpoint, InvalidEndpoint> {
    match endpoint.host() {
        "0.0.0.0" => endpoint.at_host("127.0.0.1"),
        "[::]" => endpoint.at_host("[::1]"),
        _ => Ok(endpoint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ollama_has_the_forms_that_its_own_client_accepts() {
        for (text, expected) in [
            ("gpu.test", "http://gpu.test:11434/"),
            ("gpu.test:1", "http://gpu.test:1/"),
            (":1", "http://127.0.0.1:1/"),
            ("0.0.0.0", "http://127.0.0.1:11434/"),
            ("0.0.0.0:1", "http://127.0.0.1:1/"),
            ("http://0.0.0.0:1", "http://127.0.0.1:1/"),
            ("::1", "http://[::1]:11434/"),
            ("[::]:1", "http://[::1]:1/"),
            ("[::1]", "http://[::1]:11434/"),
            ("\"gpu.test:1\"", "http://gpu.test:1/"),
            ("gpu.test:1/ollama", "http://gpu.test:1/ollama"),
            ("http://gpu.test", "http://gpu.test/"),
            ("https://gpu.test:1/x/", "https://gpu.test:1/x/"),
        ] {
            let address = ollama_address(text).unwrap();
            assert_eq!(address.expose_secret().as_str(), expected, "{text}");
        }
        for text in [
            "gpu.test:canary",
            "gpu.test:70000",
            "me@gpu.test",
            "a b",
            "ftp://x",
        ] {
            assert!(ollama_address(text).is_err(), "{text}");
        }
    }
}
