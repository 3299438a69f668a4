//! Which workspace a record belongs to: compares its root with this workspace's, as text alone.
//!
//! A foreign root is never resolved. It may lead to a mount that doesn't answer, or have one
//! mounted.

use std::path::{Path, PathBuf};

/// The workspace that a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    Own,
    Other,
    /// The root is missing, or relative, which means nothing outside the process that wrote it.
    Unknown,
}

/// The workspace of a record with this root, where `own_roots` are the spellings of this
/// workspace's. Roots are compared by their components.
pub(crate) fn ownership(own_roots: &[PathBuf], recorded_root: Option<&str>) -> Ownership {
    let recorded = recorded_root.map(Path::new);
    match recorded.filter(|root| root.is_absolute()) {
        None => Ownership::Unknown,
        Some(recorded) if own_roots.iter().any(|own| own == recorded) => Ownership::Own,
        Some(_) => Ownership::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_matches_by_components_in_any_of_its_spellings_and_is_never_resolved() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/nowhere/project", &link).unwrap();
        let roots = ["/nowhere/project".into(), "/link/to/it".into()];
        for same in [
            "/nowhere/project",
            "/nowhere//project/",
            "/nowhere/./project",
            "/link/to/it",
        ] {
            assert_eq!(ownership(&roots, Some(same)), Ownership::Own);
        }
        for other in [
            "/nowhere/project2",
            "/nowhere",
            "/nowhere/project/sub",
            "/nowhere/project/../project",
            "/",
            "/nowhere/project\0",
            link.to_str().unwrap(),
        ] {
            assert_eq!(ownership(&roots, Some(other)), Ownership::Other);
        }
    }

    #[test]
    fn a_missing_or_relative_root_is_no_workspace() {
        for none in [
            None,
            Some(""),
            Some("project"),
            Some("./"),
            Some("~/project"),
        ] {
            assert_eq!(ownership(&["/".into()], none), Ownership::Unknown);
        }
    }
}
