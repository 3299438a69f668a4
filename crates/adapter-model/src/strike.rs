//! Striking secrets out of what a provider or a library wrote, before it is logged.

use std::collections::HashSet;

use zeroize::Zeroizing;

use crate::secret::{ApiKey, Endpoint};

/// Bytes of a provider's error body that are logged: enough for its message.
pub const LOGGED_BODY_BYTES: usize = 1_024;

/// What stands where a secret was.
const STRUCK: &str = "[struck out]";
/// Shortest part of a URL's path that is struck out: `v1` and `api` are no secrets.
const PART_MIN_CHARS: usize = 6;
/// Shortest piece of a secret that is struck out. Providers show a key's beginning and its
/// last four characters, and a body may be cut off within it.
const PIECE_CHARS: usize = 4;

/// The texts that no log may hold.
pub(crate) struct Strikes {
    /// Of the key, every piece counts.
    key: Option<ApiKey>,
    /// Key and address, as a whole or their beginning where the text ends.
    texts: Vec<Zeroizing<String>>,
}

impl Strikes {
    pub(crate) fn new(key: Option<&ApiKey>, endpoint: &Endpoint) -> Self {
        let url = endpoint.reveal();
        let whole = url.as_str().trim_end_matches('/').to_owned();
        let host = url.host_str().map(str::to_owned);
        // An IPv6 address stands in brackets in a URL, and nowhere else.
        let bare = host.as_deref().map(|host| host.trim_matches(['[', ']']));
        let bare = bare.map(str::to_owned);
        let address = match (&host, url.port()) {
            (Some(host), Some(port)) => Some(format!("{host}:{port}")),
            _ => None,
        };
        let parts = url.path().split('/').flat_map(spellings);
        let parts = parts.filter(|part| part.len() >= PART_MIN_CHARS);
        let revealed = key.map(|key| key.reveal().to_owned());
        let texts = [Some(whole), address, host, bare, revealed];
        let texts = texts.into_iter().flatten().chain(parts);
        Self {
            key: key.cloned(),
            texts: texts
                .filter(|text| !text.is_empty())
                .map(Zeroizing::new)
                .collect(),
        }
    }

    /// `text` without the secrets, cut to [`LOGGED_BODY_BYTES`].
    pub(crate) fn out_of(&self, text: &str) -> String {
        let mut struck = vec![false; text.len()];
        for secret in &self.texts {
            strike_whole(secret.as_bytes(), text.as_bytes(), &mut struck);
            strike_beginning(secret.as_bytes(), text.as_bytes(), &mut struck);
        }
        if let Some(key) = &self.key {
            strike_pieces(key.reveal().as_bytes(), text.as_bytes(), &mut struck);
        }
        let mut left = String::new();
        for (index, char) in text.char_indices() {
            if !struck[index] {
                left.push(char);
            } else if index == 0 || !struck[index - 1] {
                left.push_str(STRUCK);
            }
        }
        left.truncate(left.floor_char_boundary(LOGGED_BODY_BYTES));
        left
    }
}

/// A part of a path as it is sent, and as its server may read it.
fn spellings(part: &str) -> Vec<String> {
    let decoded = url::form_urlencoded::parse(part.as_bytes());
    let decoded = decoded.flat_map(|(name, value)| [name.into_owned(), value.into_owned()]);
    decoded.chain([part.to_owned()]).collect()
}

/// In whatever case it is written: hosts are in none of their own.
fn strike_whole(secret: &[u8], text: &[u8], struck: &mut [bool]) {
    for (start, window) in text.windows(secret.len()).enumerate() {
        if window.eq_ignore_ascii_case(secret) {
            struck[start..start + secret.len()].fill(true);
        }
    }
}

/// The beginning of a secret with which the text ends.
fn strike_beginning(secret: &[u8], text: &[u8], struck: &mut [bool]) {
    let longest = secret.len().min(text.len());
    let fits =
        |length: &usize| text[text.len() - length..].eq_ignore_ascii_case(&secret[..*length]);
    if let Some(length) = (PIECE_CHARS..=longest).rev().find(fits) {
        struck[text.len() - length..].fill(true);
    }
}

fn strike_pieces(key: &[u8], text: &[u8], struck: &mut [bool]) {
    let pieces: HashSet<&[u8]> = key.windows(PIECE_CHARS).collect();
    for (start, window) in text.windows(PIECE_CHARS).enumerate() {
        if pieces.contains(window) {
            struck[start..start + PIECE_CHARS].fill(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes() -> Strikes {
        let key = "sk-canary".parse().unwrap();
        let endpoint = "https://private.test:8443/tenant-canary/v1"
            .parse()
            .unwrap();
        Strikes::new(Some(&key), &endpoint)
    }

    #[test]
    fn key_and_every_telling_part_of_the_endpoint_are_struck_out() {
        let said = "key sk-canary at https://private.test:8443/tenant-canary/v1/chat, \
                    private.test:8443, private.test, tenant-canary";
        let struck = strikes().out_of(said);
        assert!(struck.starts_with("key [struck out] at [struck out]/chat"));
        for secret in ["canary", "private.test", "8443"] {
            assert!(!struck.contains(secret), "{struck}");
        }
    }

    #[test]
    fn a_secret_across_the_cut_is_struck_out_first() {
        let said = format!("{}sk-canary", "é".repeat(LOGGED_BODY_BYTES / 2 - 2));
        let struck = strikes().out_of(&said);
        assert!(!struck.contains("sk-"), "{struck}");
        assert!(struck.len() <= LOGGED_BODY_BYTES);
    }

    #[test]
    fn parts_of_a_key_are_struck_out_too() {
        let key = "sk-proj-0123456789wxyz".parse().unwrap();
        let endpoint = "https://private.test/v1".parse().unwrap();
        let strikes = Strikes::new(Some(&key), &endpoint);
        // Masked, as OpenAI does; escaped; and in a body that was cut off.
        for said in [
            "wrong key: sk-proj-********wxyz.",
            "sk-proj\\u002d0123456789wxyz",
            "wrong key: sk-proj-01234",
        ] {
            let struck = strikes.out_of(said);
            for part in ["sk-p", "0123", "6789", "wxyz"] {
                assert!(!struck.contains(part), "{struck}");
            }
        }
        assert_eq!(strikes.out_of("no https://priv"), "no [struck out]");
        assert_eq!(strikes.out_of("Private.TEST!"), "[struck out]!");
    }

    #[test]
    fn an_endpoint_is_struck_out_however_it_is_written() {
        let endpoint = "http://[2001:db8::7]:81/ten%20ants/v1".parse().unwrap();
        let strikes = Strikes::new(None, &endpoint);
        let said = "to 2001:db8::7, [2001:db8::7]:81, ten%20ants, ten ants";
        let struck = "to [struck out], [struck out], [struck out], [struck out]";
        assert_eq!(strikes.out_of(said), struck);
    }
}
