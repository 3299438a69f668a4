//! Whose record it is: compares the root that a record names with this workspace's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Most roots whose answer is remembered within one refresh; further ones are asked again
/// each time. Real directories name a handful.
const REMEMBERED_ROOTS_MAX: usize = 1_024;
/// Longest root worth asking the file system about, in bytes: Linux's `PATH_MAX`.
const ROOT_BYTES_MAX: usize = 4_096;

/// Where a record belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belonging {
    /// To this workspace.
    Here,
    /// To another one.
    Elsewhere,
    /// To none: a missing root, or a relative one, which means nothing outside the process
    /// that wrote it.
    Nowhere,
}

/// This workspace, for the time of one refresh.
pub(crate) struct Workspace<'a> {
    root: &'a Path,
    canonical: Option<PathBuf>,
    remembered: HashMap<PathBuf, Belonging>,
}

impl<'a> Workspace<'a> {
    /// The workspace at `root`. Asks the file system once; blocks.
    pub(crate) fn at(root: &'a Path) -> Self {
        Self {
            root,
            canonical: root.canonicalize().ok(),
            remembered: HashMap::new(),
        }
    }

    /// The root with all links resolved, where that is possible.
    pub(crate) fn canonical(&self) -> Option<&Path> {
        self.canonical.as_deref()
    }

    /// Where a record with this `workspace_root` belongs. Asks the file system where the
    /// components differ; blocks.
    pub(crate) fn belonging(&mut self, recorded_root: Option<&str>) -> Belonging {
        let Some(recorded) = recorded_root
            .map(Path::new)
            .filter(|root| root.is_absolute())
        else {
            return Belonging::Nowhere;
        };
        if recorded == self.root || Some(recorded) == self.canonical() {
            return Belonging::Here;
        }
        if recorded.as_os_str().len() > ROOT_BYTES_MAX {
            return Belonging::Elsewhere;
        }
        if let Some(answer) = self.remembered.get(recorded) {
            return *answer;
        }
        let same = match (&self.canonical, recorded.canonicalize()) {
            (Some(ours), Ok(theirs)) => *ours == theirs,
            (None, _) | (_, Err(_)) => false,
        };
        let answer = if same {
            Belonging::Here
        } else {
            Belonging::Elsewhere
        };
        if self.remembered.len() < REMEMBERED_ROOTS_MAX {
            self.remembered.insert(recorded.to_owned(), answer);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_matches_by_components_even_where_nothing_exists() {
        let mut workspace = Workspace::at(Path::new("/nowhere/project"));
        for same in [
            "/nowhere/project",
            "/nowhere//project/",
            "/nowhere/./project",
        ] {
            assert_eq!(workspace.belonging(Some(same)), Belonging::Here);
        }
        for other in ["/nowhere/project2", "/nowhere", "/nowhere/project/sub", "/"] {
            assert_eq!(workspace.belonging(Some(other)), Belonging::Elsewhere);
        }
    }

    #[test]
    fn a_root_matches_through_links_on_either_side() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        for (ours, theirs) in [(&real, &link), (&link, &real), (&link, &link)] {
            let belonging = Workspace::at(ours).belonging(theirs.to_str());
            assert_eq!(belonging, Belonging::Here);
        }
        let detour = format!("{}/real/../link", dir.path().display());
        assert_eq!(
            Workspace::at(&real).belonging(Some(&detour)),
            Belonging::Here
        );
    }

    #[test]
    fn a_missing_or_relative_root_is_no_workspace() {
        let mut workspace = Workspace::at(Path::new("/"));
        for none in [
            None,
            Some(""),
            Some("project"),
            Some("./"),
            Some("~/project"),
        ] {
            assert_eq!(workspace.belonging(none), Belonging::Nowhere);
        }
    }

    #[test]
    fn a_hostile_root_is_another_workspace() {
        let dir = tempfile::tempdir().unwrap();
        let mut workspace = Workspace::at(dir.path());
        for root in ["/a\0b".to_owned(), format!("/{}", "x/".repeat(100_000))] {
            assert_eq!(workspace.belonging(Some(&root)), Belonging::Elsewhere);
        }
        for n in 0..REMEMBERED_ROOTS_MAX + 10 {
            let root = format!("/nowhere/{n}");
            assert_eq!(workspace.belonging(Some(&root)), Belonging::Elsewhere);
        }
        assert_eq!(workspace.remembered.len(), REMEMBERED_ROOTS_MAX);
    }
}
