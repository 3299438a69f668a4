//! What is said about records that are not shown, and about the directory: fixed texts,
//! counted by code, so that 37 bad files make one diagnostic and not 37.

use registry_core::projection::{Diagnostic, RuntimeStatus, Severity};

/// One kind of remark about the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Remark {
    /// The data directory does not exist.
    DataMissing,
    /// A collection is there, but its directory can't be read to the end.
    CollectionUnreadable,
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

impl Remark {
    /// Every remark, in the order in which lists show them.
    const ALL: [Self; 9] = [
        Self::DataMissing,
        Self::CollectionUnreadable,
        Self::Truncated,
        Self::Unreadable,
        Self::NotRegular,
        Self::Oversized,
        Self::Invalid,
        Self::OtherWorkspace,
        Self::NoWorkspace,
    ];

    /// The remark as clients see it. A warning says that something is missing which should
    /// have been shown; an info says that all is as it should be.
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

/// How often each remark is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remarks {
    counts: [u32; Remark::ALL.len()],
}

impl Remarks {
    /// Makes a remark once more.
    pub(crate) fn add(&mut self, remark: Remark) {
        let count = &mut self.counts[remark as usize];
        *count = count.saturating_add(1);
    }

    /// How often a remark is made.
    pub(crate) fn count(&self, remark: Remark) -> u32 {
        self.counts[remark as usize]
    }

    /// One diagnostic for each remark that is made.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        Remark::ALL
            .into_iter()
            .filter(|remark| self.count(*remark) > 0)
            .map(|remark| remark.diagnostic().times(self.count(remark)))
            .collect()
    }

    /// Degraded as soon as anything was left out that should have been shown.
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
    use super::*;

    #[test]
    fn every_remark_has_a_place_and_a_code_of_its_own() {
        let mut remarks = Remarks::default();
        for (at, remark) in Remark::ALL.into_iter().enumerate() {
            assert_eq!(remark as usize, at);
            remarks.add(remark);
        }
        let mut codes: Vec<_> = remarks
            .diagnostics()
            .into_iter()
            .map(|diagnostic| diagnostic.code)
            .collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), Remark::ALL.len());
    }

    #[test]
    fn the_same_remark_made_often_is_one_diagnostic() {
        let mut remarks = Remarks::default();
        for _ in 0..37 {
            remarks.add(Remark::Invalid);
        }
        let diagnostics = remarks.diagnostics();
        assert_eq!(diagnostics.len(), 1);
        assert_eq!(diagnostics[0].count, 37);
        assert_eq!(remarks.status(), RuntimeStatus::Degraded);
    }

    #[test]
    fn records_of_other_workspaces_degrade_nothing() {
        let mut remarks = Remarks::default();
        remarks.add(Remark::OtherWorkspace);
        remarks.add(Remark::NoWorkspace);
        remarks.add(Remark::DataMissing);
        assert_eq!(remarks.status(), RuntimeStatus::Available);
    }
}
