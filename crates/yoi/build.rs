//! Finds out the commit that the program is built from: from `YOI_COMMIT`, else from the repository
//! around the sources. A tarball has neither, and is built without.

use std::path::Path;
use std::process::Command;

/// Characters of a commit that are told.
const COMMIT_CHARS: usize = 12;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=YOI_COMMIT");
    let named = std::env::var("YOI_COMMIT").ok();
    if let Some(commit) = named
        .and_then(|text| commit(&text))
        .or_else(commit_of_repository)
    {
        println!("cargo::rustc-env=YOI_BUILD_COMMIT={commit}");
    }
}

/// `None` unless `text` begins like a commit.
fn commit(text: &str) -> Option<String> {
    let is_digit = |c: &char| c.is_ascii_digit() || ('a'..='f').contains(c);
    let commit: String = text.trim().chars().take_while(is_digit).collect();
    (commit.len() >= 7).then(|| commit.chars().take(COMMIT_CHARS).collect())
}

/// That of the repository whose root is ours: another one around it is somebody else's.
fn commit_of_repository() -> Option<String> {
    let root = Path::new("../..");
    if !root.join(".git").exists() {
        return None;
    }
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(root)
            .args(arguments)
            .output()
            .ok()?;
        String::from_utf8(output.stdout)
            .ok()
            .filter(|_| output.status.success())
    };
    // It changes whenever another commit is checked out.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        let log = root.join(log.trim());
        if log.exists() {
            println!("cargo::rerun-if-changed={}", log.display());
        }
    }
    commit(&git(&["rev-parse", "HEAD"])?)
}
