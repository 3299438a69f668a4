//! Diagnostics of records that are not listed and of the directory: fixed texts, counted by kind,
//! so that 37 bad files make one diagnostic and not 37.

use registry_core::projection::{Diagnostic, RuntimeStatus, Severity};

use crate::untrusted_file::ReadError;

/// What is wrong with a record or the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DiagnosticKind {
    /// The data directory does not exist.
    DataMissing,
    /// A collection is there, but its directory can't be read to the end.
    CollectionUnreadable,
    /// The directory could not be read again in time, so the records are as they last were.
    Stale,
    /// A record or a collection does not answer, for example because it is a dead mount.
    NotAnswering,
    /// There are more directories than one refresh looks at.
    Truncated,
    /// The metadata file can't be opened or read, or a link to it leads nowhere or out of
    /// the data directory.
    Unreadable,
    /// The metadata path is a directory, a FIFO, a socket or a device.
    NotRegular,
    /// The metadata file is larger than what is read.
    Oversized,
    /// The metadata file is not what its format says.
    Invalid,
    /// The record names another workspace.
    OtherWorkspace,
    /// The record names no workspace, or not by an absolute path.
    NoWorkspace,
}

impl From<ReadError> for DiagnosticKind {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unreadable => Self::Unreadable,
            ReadError::NotRegular => Self::NotRegular,
            ReadError::Oversized => Self::Oversized,
        }
    }
}

impl DiagnosticKind {
    /// Every kind, in the order in which they are reported.
    const ALL: [Self; 11] = [
        Self::DataMissing,
        Self::CollectionUnreadable,
        Self::Stale,
        Self::NotAnswering,
        Self::Truncated,
        Self::Unreadable,
        Self::NotRegular,
        Self::Oversized,
        Self::Invalid,
        Self::OtherWorkspace,
        Self::NoWorkspace,
    ];

    /// A warning says that a record may be missing from the list; an info that all is as it
    /// should be.
    fn diagnostic(self) -> Diagnostic {
        let (code, severity, message) = match self {
            Self::DataMissing => (
                "local_data_missing",
                Severity::Info,
                "There is no local data directory, so there are no local records.",
            ),
            Self::CollectionUnreadable => (
                "local_collection_unreadable",
                Severity::Warning,
                "A collection of local records could not be read completely.",
            ),
            Self::Stale => (
                "local_records_stale",
                Severity::Warning,
                "Local records can't be read at present; they are shown as they last were.",
            ),
            Self::NotAnswering => (
                "local_records_not_answering",
                Severity::Warning,
                "Local records do not answer and are left out, or shown as they last were.",
            ),
            Self::Truncated => (
                "local_records_truncated",
                Severity::Warning,
                "There are more local records than are looked at; these were left out.",
            ),
            Self::Unreadable => (
                "local_metadata_unreadable",
                Severity::Warning,
                "Local metadata files could not be read.",
            ),
            Self::NotRegular => (
                "local_metadata_not_regular",
                Severity::Warning,
                "Local metadata is not in a regular file.",
            ),
            Self::Oversized => (
                "local_metadata_oversized",
                Severity::Warning,
                "Local metadata files are larger than what is read.",
            ),
            Self::Invalid => (
                "local_metadata_invalid",
                Severity::Warning,
                "Local metadata files are not valid.",
            ),
            Self::OtherWorkspace => (
                "local_other_workspace",
                Severity::Info,
                "Local records belong to other workspaces and are not shown.",
            ),
            Self::NoWorkspace => (
                "local_no_workspace",
                Severity::Info,
                "Local records name no workspace and are not shown.",
            ),
        };
        Diagnostic::new(code, severity, message)
    }
}

/// How often each kind occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DiagnosticCounts {
    counts: [u32; DiagnosticKind::ALL.len()],
}

impl DiagnosticCounts {
    pub(crate) fn add(&mut self, kind: DiagnosticKind) {
        let count = &mut self.counts[kind as usize];
        *count = count.saturating_add(1);
    }

    pub(crate) fn remove(&mut self, kind: DiagnosticKind) {
        self.counts[kind as usize] = 0;
    }

    pub(crate) fn count(&self, kind: DiagnosticKind) -> u32 {
        self.counts[kind as usize]
    }

    /// One diagnostic for each kind that occurred.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        DiagnosticKind::ALL
            .into_iter()
            .filter(|kind| self.count(*kind) > 0)
            .map(|kind| kind.diagnostic().times(self.count(kind)))
            .collect()
    }

    /// Degraded as soon as a record that should be listed may be missing.
    pub(crate) fn status(&self) -> RuntimeStatus {
        let complete = self
            .diagnostics()
            .iter()
            .all(|diagnostic| diagnostic.severity == Severity::Info);
        if complete {
            RuntimeStatus::Available
        } else {
            RuntimeStatus::Degraded
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_count_and_a_code_of_its_own() {
        let mut counts = DiagnosticCounts::default();
        for (index, kind) in DiagnosticKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            counts.add(kind);
        }
        let diagnostics = counts.diagnostics();
        let codes: BTreeSet<_> = diagnostics.iter().map(|each| &each.code).collect();
        assert_eq!(codes.len(), DiagnosticKind::ALL.len());
    }

    #[test]
    fn a_kind_that_occurs_often_is_one_diagnostic_and_other_workspaces_degrade_nothing() {
        let mut counts = DiagnosticCounts::default();
        counts.add(DiagnosticKind::OtherWorkspace);
        counts.add(DiagnosticKind::NoWorkspace);
        counts.add(DiagnosticKind::DataMissing);
        assert_eq!(counts.status(), RuntimeStatus::Available);

        for _ in 0..37 {
            counts.add(DiagnosticKind::Invalid);
        }
        assert_eq!(counts.diagnostics().len(), 4);
        assert_eq!(counts.count(DiagnosticKind::Invalid), 37);
        assert_eq!(counts.status(), RuntimeStatus::Degraded);
    }
}
