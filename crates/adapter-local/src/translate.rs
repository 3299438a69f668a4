//! Translates a metadata file to a record that can be shown.

use std::time::SystemTime;

use jiff::Timestamp;
use registry_core::port::WorkerRecord;
use registry_core::projection::{Diagnostic, Severity, WorkerState};
use registry_core::{DisplayName, ProfileId, WorkerId};

use crate::document::Document;
use crate::identity;

/// Profiles that ship with the tooling begin so. Any other text in that field may be a path,
/// or a secret in the wrong place, and is not shown.
const SHIPPED_PROFILE: &str = "builtin:";
/// What separates the components of a path, and what looks like it on a screen.
const SEPARATORS: [char; 12] = [
    '/', '\\', '\u{2044}', '\u{2215}', '\u{2216}', '\u{2571}', '\u{2572}', '\u{29f5}', '\u{29f8}',
    '\u{fe68}', '\u{ff0f}', '\u{ff3c}',
];
/// What begins a home directory, and what looks like it on a screen.
const TILDES: [char; 4] = ['~', '\u{2dc}', '\u{223c}', '\u{ff5e}'];
/// What may stand in a name and shows nothing.
const INVISIBLE: [char; 9] = [
    '\u{ad}', '\u{34f}', '\u{180e}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{2061}',
    '\u{feff}',
];
/// The same separators in a URL (RFC 3986 §2.1), in lower case.
const ENCODED_SEPARATORS: [&str; 2] = ["%2f", "%5c"];

/// The beginning of the first year with four digits and no sign.
const YEAR_0: Timestamp = Timestamp::constant(-62_167_219_200, 0);

#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordTimes {
    /// When the record's directory was created, where the file system knows it.
    pub(crate) created: Option<SystemTime>,
    /// The last change of the metadata file's content.
    pub(crate) modified: Option<SystemTime>,
}

pub(crate) fn worker_record(
    worker_id: WorkerId,
    document: &Document,
    times: RecordTimes,
) -> WorkerRecord {
    let recorded_profile = document.profile();
    let profile = recorded_profile.and_then(shipped_profile);
    let mut diagnostics = Vec::new();
    if document.is_active() {
        diagnostics.push(Diagnostic::new(
            "local_record_active",
            Severity::Info,
            "The record names an open session; that proves nothing about a live process.",
        ));
    }
    if recorded_profile.is_some() && profile.is_none() {
        diagnostics.push(Diagnostic::new(
            "local_profile_withheld",
            Severity::Info,
            "The record names a profile that is not a builtin one; it is not shown.",
        ));
    }
    let display_name = display_name(&document.worker_name, &worker_id);
    // A copy of a directory is younger than what it holds.
    let created = times.created.map(|at| at.min(times.modified.unwrap_or(at)));
    WorkerRecord {
        profile,
        created_at: created.and_then(timestamp),
        last_activity_at: times.modified.and_then(timestamp),
        diagnostics,
        ..WorkerRecord::new(worker_id, display_name, WorkerState::Recorded)
    }
}

/// The worker's name made fit to be shown, or a neutral label where nothing is left of it or
/// it looks like a path.
fn display_name(worker_name: &str, worker_id: &WorkerId) -> DisplayName {
    DisplayName::cleaned(worker_name)
        .filter(|cleaned| !has_separator(worker_name) && !starts_like_a_path(cleaned.as_str()))
        .unwrap_or_else(|| {
            identity::neutral_label(worker_id)
                .parse()
                .expect("a label is two words and six digits")
        })
}

/// Looks at the whole name: a path does not become a name by being cut before its separator.
fn has_separator(worker_name: &str) -> bool {
    let lower = worker_name.to_ascii_lowercase();
    worker_name.contains(SEPARATORS)
        || ENCODED_SEPARATORS
            .iter()
            .any(|encoded| lower.contains(encoded))
}

/// A home directory, a drive letter or a file URL. Looks at what is seen of the cleaned name: what
/// was dropped, and what shows nothing, must not hide the beginning.
fn starts_like_a_path(name: &str) -> bool {
    let name: String = name.chars().filter(|it| !INVISIBLE.contains(it)).collect();
    let mut characters = name.chars();
    let first = characters.next();
    let is_drive =
        first.is_some_and(|letter| letter.is_ascii_alphabetic()) && characters.next() == Some(':');
    let is_file_url = name
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"));
    first.is_some_and(|it| TILDES.contains(&it)) || is_drive || is_file_url
}

fn shipped_profile(recorded: &str) -> Option<ProfileId> {
    recorded
        .parse()
        .ok()
        .filter(|profile: &ProfileId| profile.as_str().starts_with(SHIPPED_PROFILE))
}

/// The instant, cut to the millisecond; `None` where it is outside the years that can be written
/// (RFC 3339 §1).
fn timestamp(time: SystemTime) -> Option<Timestamp> {
    let exact = Timestamp::try_from(time).ok()?;
    let at = Timestamp::from_millisecond(exact.as_millisecond()).ok()?;
    (at >= YEAR_0).then_some(at)
}

#[cfg(test)]
mod tests;
