//! Removing secrets from text of a provider or a library before it is logged.

use std::collections::HashSet;

use url::Url;
use zeroize::Zeroizing;

use crate::config::Proxy;
use crate::secret::{ApiKey, Endpoint};

/// Bytes of a provider's error body that are logged: enough for its message.
const MAX_LOGGED_BYTES: usize = 1_024;

const REDACTED: &str = "[redacted]";
/// Shortest path segment or query value of an endpoint that is a secret: `v1` and `api` are
/// none.
const MIN_SEGMENT_CHARS: usize = 6;
/// Shortest part of a secret that is redacted. Providers show the beginning of a key and its
/// last four characters, and an error body may be cut off in the middle of a secret.
const FRAGMENT_CHARS: usize = 4;

/// The secrets that no log may contain.
pub(crate) struct Redactor {
    /// Every fragment of the key is redacted.
    key: Option<ApiKey>,
    /// Key and endpoint: redacted as a whole, or their beginning at the end of the text.
    secrets: Vec<Zeroizing<String>>,
}

impl Redactor {
    pub(crate) fn new(key: Option<&ApiKey>, endpoint: &Endpoint, proxy: Option<&Proxy>) -> Self {
        let url = endpoint.expose_secret();
        let mut secrets = address_parts(url);
        if let Some(proxy) = proxy.map(Proxy::expose_secret) {
            secrets.extend(address_parts(proxy));
            let password = proxy.password().unwrap_or_default();
            secrets.extend(
                [proxy.username(), password]
                    .into_iter()
                    .flat_map(encoded_and_decoded),
            );
        }
        let segments = url.path().split('/').flat_map(encoded_and_decoded);
        // Names in a query are public, and their values may be keys.
        let query = url.query().unwrap_or_default().split('&');
        let values = query.filter_map(|pair| pair.split_once('='));
        let values = values.flat_map(|(_, value)| encoded_and_decoded(value));
        let parts = segments.chain(values);
        // Together, the short parts are a secret, too.
        let whole = [
            url.path().trim_end_matches('/'),
            url.query().unwrap_or_default(),
        ];
        secrets.extend(
            whole
                .map(str::to_owned)
                .into_iter()
                .filter(|it| it.len() > MIN_SEGMENT_CHARS),
        );
        secrets.extend(parts.filter(|part| part.len() >= MIN_SEGMENT_CHARS));
        secrets.extend(key.map(|key| key.expose_secret().to_owned()));
        secrets.retain(|secret| !secret.is_empty());
        Self {
            key: key.cloned(),
            secrets: secrets.into_iter().map(Zeroizing::new).collect(),
        }
    }

    /// Returns `text` without the secrets, cut to [`MAX_LOGGED_BYTES`].
    pub(crate) fn redact(&self, text: &str) -> String {
        // Secrets may overlap, so their bytes are marked first and replaced afterwards.
        let mut marked = vec![false; text.len()];
        for secret in &self.secrets {
            mark_whole(secret.as_bytes(), text.as_bytes(), &mut marked);
            mark_beginning_at_end(secret.as_bytes(), text.as_bytes(), &mut marked);
        }
        if let Some(key) = &self.key {
            let key = key.expose_secret().as_bytes();
            mark_fragments(key, text.as_bytes(), &mut marked);
        }
        let mut redacted = String::new();
        for (index, char) in text.char_indices() {
            if !marked[index] {
                redacted.push(char);
            } else if index == 0 || !marked[index - 1] {
                redacted.push_str(REDACTED);
            }
        }
        redacted.truncate(redacted.floor_char_boundary(MAX_LOGGED_BYTES));
        redacted
    }
}

/// A URL, and its host and port in every spelling.
fn address_parts(url: &Url) -> Vec<String> {
    let mut parts = vec![url.as_str().trim_end_matches('/').to_owned()];
    if let Some(host) = url.host_str() {
        parts.extend(url.port().map(|port| format!("{host}:{port}")));
        parts.push(host.to_owned());
        // Outside URLs, IPv6 addresses have no brackets.
        parts.push(host.trim_matches(['[', ']']).to_owned());
    }
    parts
}

/// A path segment as it is sent, and as the server may decode and repeat it.
fn encoded_and_decoded(segment: &str) -> Vec<String> {
    let decoded = url::form_urlencoded::parse(segment.as_bytes());
    let decoded = decoded.flat_map(|(name, value)| [name.into_owned(), value.into_owned()]);
    decoded.chain([segment.to_owned()]).collect()
}

/// Ignores case, since host names do.
fn mark_whole(secret: &[u8], text: &[u8], marked: &mut [bool]) {
    for (start, window) in text.windows(secret.len()).enumerate() {
        if window.eq_ignore_ascii_case(secret) {
            marked[start..start + secret.len()].fill(true);
        }
    }
}

fn mark_beginning_at_end(secret: &[u8], text: &[u8], marked: &mut [bool]) {
    let longest = secret.len().min(text.len());
    let is_at_end =
        |length: &usize| text[text.len() - length..].eq_ignore_ascii_case(&secret[..*length]);
    if let Some(length) = (FRAGMENT_CHARS..=longest).rev().find(is_at_end) {
        marked[text.len() - length..].fill(true);
    }
}

fn mark_fragments(key: &[u8], text: &[u8], marked: &mut [bool]) {
    let fragments: HashSet<&[u8]> = key.windows(FRAGMENT_CHARS).collect();
    for (start, window) in text.windows(FRAGMENT_CHARS).enumerate() {
        if fragments.contains(window) {
            marked[start..start + FRAGMENT_CHARS].fill(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(key: Option<&str>, endpoint: &str) -> Redactor {
        let key = key.map(|key| key.parse().unwrap());
        Redactor::new(key.as_ref(), &endpoint.parse().unwrap(), None)
    }

    #[test]
    fn the_key_and_every_private_part_of_the_endpoint_are_redacted() {
        let redactor = redactor(
            Some("sk-canary"),
            "https://private.test:8443/tenant-canary/v1",
        );
        let text = "key sk-canary at https://private.test:8443/tenant-canary/v1/chat, \
                    private.test:8443, private.test, tenant-canary";
        let redacted = redactor.redact(text);
        assert!(redacted.starts_with("key [redacted] at [redacted]/chat"));
        for secret in ["canary", "private.test", "8443"] {
            assert!(!redacted.contains(secret), "{redacted}");
        }
        // Redacted before it is cut to the limit, so no part of the key is left there.
        let long = format!("{}sk-canary", "é".repeat(MAX_LOGGED_BYTES / 2 - 2));
        let redacted = redactor.redact(&long);
        assert!(!redacted.contains("sk-"), "{redacted}");
        assert!(redacted.len() <= MAX_LOGGED_BYTES);
    }

    #[test]
    fn parts_of_a_key_are_redacted() {
        let redactor = redactor(Some("sk-proj-0123456789wxyz"), "https://private.test/v1");
        // Masked, as OpenAI does; escaped; and in a body that was cut off.
        for text in [
            "wrong key: sk-proj-********wxyz.",
            "sk-proj\\u002d0123456789wxyz",
            "wrong key: sk-proj-01234",
        ] {
            let redacted = redactor.redact(text);
            for part in ["sk-p", "0123", "6789", "wxyz"] {
                assert!(!redacted.contains(part), "{redacted}");
            }
        }
        assert_eq!(redactor.redact("no https://priv"), "no [redacted]");
        assert_eq!(redactor.redact("Private.TEST!"), "[redacted]!");
    }

    #[test]
    fn an_endpoint_is_redacted_in_every_spelling() {
        let redactor = redactor(
            None,
            "http://[2001:db8::7]:81/ten%20ants/v1?code=c%40nary&v=1",
        );
        let text = "to 2001:db8::7, [2001:db8::7]:81, ten%20ants, ten ants?code=c%40nary, c@nary";
        let redacted =
            "to [redacted], [redacted], [redacted], [redacted]?code=[redacted], [redacted]";
        assert_eq!(redactor.redact(text), redacted);
    }
}
