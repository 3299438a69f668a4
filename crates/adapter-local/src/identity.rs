//! Worker ids of local records: opaque, stable, and no way back to a file name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use registry_core::WorkerId;
use sha2::{Digest, Sha256};

/// Separates these digests from any other use of SHA-256, and this scheme from a later one.
const DOMAIN: &str = "yoi/local-worker/v1\0";
/// Tells these ids apart, at a glance, from ids that a runtime gave out.
const PREFIX: &str = "local-";
/// Hexadecimal digits after the prefix: 128 bits, so that no two names share an id.
const DIGITS: usize = 32;
/// Digits of a neutral label: enough for a person to tell two records apart.
const LABEL_DIGITS: usize = 6;

/// A directory of the data directory whose directories are records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collection {
    /// `pods`.
    Pods,
    /// `workers`.
    Workers,
}

impl Collection {
    /// Every collection, in the order in which they are read.
    pub(crate) const ALL: [Self; 2] = [Self::Pods, Self::Workers];

    /// The name of its directory.
    pub(crate) fn directory(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Workers => "workers",
        }
    }
}

/// The id of the record in the directory `name` of `collection`: a function of the two
/// alone, whatever bytes the name has.
pub(crate) fn worker_id(collection: Collection, name: &OsStr) -> WorkerId {
    let digest = Sha256::new()
        .chain_update(DOMAIN)
        .chain_update(collection.directory())
        .chain_update([0])
        .chain_update(name.as_bytes())
        .finalize();
    let (head, _) = digest
        .split_first_chunk()
        .expect("a SHA-256 digest has 32 bytes");
    format!("{PREFIX}{:0DIGITS$x}", u128::from_be_bytes(*head))
        .parse()
        .expect("38 characters of the alphabet of worker ids")
}

/// Whether [`worker_id`] could have made this id.
pub(crate) fn is_local(worker_id: &WorkerId) -> bool {
    digits(worker_id).is_some_and(|digits| {
        digits.len() == DIGITS
            && digits
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// A name for a record whose own name can't be shown.
pub(crate) fn neutral_label(worker_id: &WorkerId) -> String {
    let digits = digits(worker_id).unwrap_or_default();
    let label = digits.get(..LABEL_DIGITS).unwrap_or_default();
    format!("Local worker {label}")
}

fn digits(worker_id: &WorkerId) -> Option<&str> {
    worker_id.as_str().strip_prefix(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_name_has_an_id_that_shows_nothing_of_it(
            name in proptest::collection::vec(1..=255_u8, 1..255),
        ) {
            let name = OsStr::from_bytes(&name);
            let id = worker_id(Collection::Pods, name);
            prop_assert!(is_local(&id));
            prop_assert_eq!(&id, &worker_id(Collection::Pods, name));
            prop_assert_ne!(&id, &worker_id(Collection::Workers, name));
        }
    }

    /// `printf 'yoi/local-worker/v1\0pods\0coder-1' | sha256sum | cut -c -32`
    #[test]
    fn the_id_of_a_name_never_changes() {
        let id = worker_id(Collection::Pods, OsStr::new("coder-1"));
        assert_eq!(id.as_str(), "local-c2d92403c3b4b154c59b0ad21293afc5");
        assert_eq!(neutral_label(&id), "Local worker c2d924");
    }

    #[test]
    fn an_id_that_is_only_similar_is_not_local() {
        for text in [
            "local-",
            "local-0123456789abcdef0123456789abcde",
            "local-0123456789abcdef0123456789abcdeg",
            "0123456789abcdef0123456789abcdef",
        ] {
            assert!(!is_local(&text.parse().unwrap()), "{text}");
        }
    }
}
