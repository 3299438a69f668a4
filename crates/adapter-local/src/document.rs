//! What one `metadata.json` says: the few fields that matter, and nothing of the others.
//!
//! Session ids, sockets, addresses, scopes and peers are never taken out of the file: a
//! value that is not in memory can't be shown by mistake, and its shape can't make a record
//! invalid. The parser skips them without recursion, so their depth does not matter either.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The parts of a metadata file that this source looks at.
///
/// A file that gives one of them twice is ambiguous, and therefore invalid.
#[derive(Deserialize)]
pub(crate) struct Document {
    /// What the worker was called. The only field that must be there.
    pub(crate) worker_name: String,
    /// The root of the workspace it worked in.
    pub(crate) workspace_root: Option<String>,
    /// There when the writer had a session open. What it holds is not looked at: that a
    /// session was recorded is all that is shown.
    active: Option<IgnoredAny>,
    /// The manifest it was started from, in a format of its own.
    #[serde(default)]
    resolved_manifest_snapshot: Lenient<Manifest>,
}

/// The parts of a manifest snapshot that may name a profile.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    profile: Lenient<Profile>,
    #[serde(default)]
    profile_selector: Lenient<String>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    source: Lenient<ProfileSource>,
}

#[derive(Deserialize)]
struct ProfileSource {
    #[serde(default)]
    provenance: Lenient<String>,
}

/// The bytes are not a metadata file. Says nothing of what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidDocument;

impl Document {
    /// Reads a metadata file's bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, InvalidDocument> {
        // A derived struct would take an array of its fields, too.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(InvalidDocument);
        }
        serde_json::from_slice(bytes).map_err(|_| InvalidDocument)
    }

    /// Whether the record names an open session.
    pub(crate) fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// What the manifest says the profile is: `profile.source.provenance`, else
    /// `profile_selector`. Any text; it may be a path.
    pub(crate) fn profile(&self) -> Option<&str> {
        let manifest = self.resolved_manifest_snapshot.0.as_ref()?;
        let profile = manifest.profile.0.as_ref();
        profile
            .and_then(|profile| profile.source.0.as_ref())
            .and_then(|source| source.provenance.0.as_deref())
            .or(manifest.profile_selector.0.as_deref())
    }
}

/// A `T`, or `None` for a value of any other shape: a manifest is another tool's format, and an
/// odd one must not hide its worker.
struct Lenient<T>(Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

#[cfg(test)]
mod tests;
