//! Which workspace a record belongs to: compares its root with this workspace's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Most roots that are cached within one scan; further ones are resolved each time. Real
/// directories name a handful.
const CACHED_ROOTS_MAX: usize = 1_024;
/// Longest root that is resolved, in bytes: Linux's `PATH_MAX`.
const ROOT_BYTES_MAX: usize = 4_096;

/// The workspace that a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    Own,
    Other,
    /// The root is missing, or relative, which means nothing outside the process that wrote it.
    Unknown,
}

/// This workspace, for the time of one scan.
pub(crate) struct Workspace<'a> {
    root: &'a Path,
    canonical: Option<PathBuf>,
    cache: HashMap<PathBuf, Ownership>,
}

impl<'a> Workspace<'a> {
    /// Resolves `root`; blocks.
    pub(crate) fn new(root: &'a Path) -> Self {
        Self {
            root,
            canonical: root.canonicalize().ok(),
            cache: HashMap::new(),
        }
    }

    /// The root with all links resolved; `None` when it can't be resolved.
    pub(crate) fn canonical(&self) -> Option<&Path> {
        self.canonical.as_deref()
    }

    /// The workspace of a record with this root. Resolves the root when its components differ;
    /// blocks.
    pub(crate) fn ownership(&mut self, recorded_root: Option<&str>) -> Ownership {
        let Some(recorded) = recorded_root
            .map(Path::new)
            .filter(|root| root.is_absolute())
        else {
            return Ownership::Unknown;
        };
        if recorded == self.root || Some(recorded) == self.canonical() {
            return Ownership::Own;
        }
        if recorded.as_os_str().len() > ROOT_BYTES_MAX {
            return Ownership::Other;
        }
        if let Some(answer) = self.cache.get(recorded) {
            return *answer;
        }
        let same = match (&self.canonical, recorded.canonicalize()) {
            (Some(ours), Ok(theirs)) => *ours == theirs,
            (None, _) | (_, Err(_)) => false,
        };
        let answer = if same {
            Ownership::Own
        } else {
            Ownership::Other
        };
        if self.cache.len() < CACHED_ROOTS_MAX {
            self.cache.insert(recorded.to_owned(), answer);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_matches_by_components_even_where_nothing_exists() {
        let mut workspace = Workspace::new(Path::new("/nowhere/project"));
        for same in [
            "/nowhere/project",
            "/nowhere//project/",
            "/nowhere/./project",
        ] {
            assert_eq!(workspace.ownership(Some(same)), Ownership::Own);
        }
        for other in ["/nowhere/project2", "/nowhere", "/nowhere/project/sub", "/"] {
            assert_eq!(workspace.ownership(Some(other)), Ownership::Other);
        }
    }

    #[test]
    fn a_root_matches_through_links_on_either_side() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        for (ours, theirs) in [(&real, &link), (&link, &real), (&link, &link)] {
            let ownership = Workspace::new(ours).ownership(theirs.to_str());
            assert_eq!(ownership, Ownership::Own);
        }
        let detour = format!("{}/real/../link", dir.path().display());
        assert_eq!(
            Workspace::new(&real).ownership(Some(&detour)),
            Ownership::Own
        );
    }

    #[test]
    fn a_missing_or_relative_root_is_no_workspace() {
        let mut workspace = Workspace::new(Path::new("/"));
        for none in [
            None,
            Some(""),
            Some("project"),
            Some("./"),
            Some("~/project"),
        ] {
            assert_eq!(workspace.ownership(none), Ownership::Unknown);
        }
    }

    #[test]
    fn a_hostile_root_is_another_workspace() {
        let dir = tempfile::tempdir().unwrap();
        let mut workspace = Workspace::new(dir.path());
        for root in ["/a\0b".to_owned(), format!("/{}", "x/".repeat(100_000))] {
            assert_eq!(workspace.ownership(Some(&root)), Ownership::Other);
        }
        for n in 0..CACHED_ROOTS_MAX + 10 {
            let root = format!("/nowhere/{n}");
            assert_eq!(workspace.ownership(Some(&root)), Ownership::Other);
        }
        assert_eq!(workspace.cache.len(), CACHED_ROOTS_MAX);
    }
}
