//! The rules of the house that a program can check: which crate may know which, how files
//! open and what they are called, and white space.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Which of our packages each of our packages may depend on, in any build but its own tests.
const ALLOWED_EDGES: &[(&str, &[&str])] = &[
    ("worker-runtime", &[]),
    ("registry-core", &[]),
    ("adapter-embedded", &["registry-core", "worker-runtime"]),
    ("adapter-local", &["registry-core"]),
    ("adapter-model", &["worker-runtime"]),
    ("http-api", &["registry-core"]),
    (
        "yoi-workspace-server",
        &[
            "adapter-embedded",
            "adapter-local",
            "adapter-model",
            "http-api",
            "registry-core",
            "worker-runtime",
        ],
    ),
    (
        "yoi",
        &["http-api", "registry-core", "yoi-workspace-server"],
    ),
    (
        "fuzz-checks",
        &[
            "adapter-local",
            "http-api",
            "registry-core",
            "worker-runtime",
            "yoi-workspace-server",
        ],
    ),
    (
        "harness",
        &[
            "adapter-local",
            "http-api",
            "registry-core",
            "worker-runtime",
            "yoi-workspace-server",
        ],
    ),
];

/// What the pure crates may use besides `std`: values, errors and futures, nothing that
/// reaches a file, a socket or a browser.
const PURE_DEPENDENCIES: &[(&str, &[&str])] = &[
    (
        "registry-core",
        &[
            "arrayvec",
            "async-trait",
            "base64",
            "futures-core",
            "futures-util",
            "jiff",
            "mockall",
            "schemars",
            "serde",
            "thiserror",
            "tokio",
            "tracing",
            "utoipa",
            "uuid",
        ],
    ),
    (
        "worker-runtime",
        &[
            "arcstr",
            "arrayvec",
            "async-trait",
            "futures-core",
            "futures-util",
            "jiff",
            "sha2",
            // Only under the feature of that name, in tests of schedules.
            "shuttle",
            "smol_str",
            "thiserror",
            "tokio",
            "tracing",
            "uuid",
        ],
    ),
];

/// Names that say nothing about what a module knows.
const FORBIDDEN_MODULES: &[&str] = &[
    "mod", "utils", "util", "helpers", "helper", "common", "types", "misc", "manager",
];

/// Where text files of ours are, below the root; what a build doesn't take along may be
/// absent.
const TEXT_ROOTS: &[&str] = &["crates", "tests", "docs", ".ci", "fuzz/fuzz_targets"];
/// Text files at the root, and the endings of those below it.
const TEXT_ENDINGS: &[&str] = &["rs", "toml", "md", "nix", "json", "profile", "sh"];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("the package is two levels below the root")
        .to_owned()
}

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo describes the workspace")
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Every text file of ours, without what cargo wrote.
fn text_files() -> Vec<PathBuf> {
    let root = root();
    let mut found = Vec::new();
    for directory in TEXT_ROOTS {
        files_below(&root.join(directory), &mut found);
    }
    for entry in fs::read_dir(&root).expect("the root").flatten() {
        if entry.path().is_file() && entry.file_name() != "Cargo.lock" {
            found.push(entry.path());
        }
    }
    let ours = |path: &PathBuf| {
        let ending = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        ending.is_empty() || TEXT_ENDINGS.contains(&ending.as_str())
    };
    found.retain(ours);
    found
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = text_files();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
    assert!(
        files.len() > 50,
        "the walk must find the sources, not {} files",
        files.len()
    );
    files
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

#[test]
fn crates_know_only_the_crates_they_may_know() {
    let metadata = metadata();
    let ours: BTreeSet<_> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let listed: BTreeSet<_> = ALLOWED_EDGES.iter().map(|(name, _)| *name).collect();
    assert_eq!(ours, listed, "a new package needs a line in ALLOWED_EDGES");

    for package in &metadata.packages {
        let (_, allowed) = ALLOWED_EDGES
            .iter()
            .find(|(name, _)| *name == package.name.as_str())
            .expect("listed");
        let known: BTreeSet<_> = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .map(|dependency| dependency.name.as_str())
            .filter(|name| ours.contains(name))
            .collect();
        let allowed = allowed.iter().copied().collect();
        assert!(
            known.is_subset(&allowed),
            "{} may know {allowed:?}, not {known:?}",
            package.name
        );
    }
}

#[test]
fn the_pure_crates_reach_no_file_no_socket_and_no_browser() {
    let metadata = metadata();
    for (name, allowed) in PURE_DEPENDENCIES {
        let package = metadata
            .packages
            .iter()
            .find(|p| p.name == *name)
            .expect("a package");
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Development {
                continue;
            }
            let known = allowed.contains(&dependency.name.as_str());
            assert!(known, "{name} has no use for {}", dependency.name);
            if dependency.name == "tokio" {
                for feature in &dependency.features {
                    let harmless = matches!(feature.as_str(), "rt" | "sync" | "time");
                    assert!(harmless, "{name} has no use for tokio's {feature}");
                }
            }
        }
    }
}

#[test]
fn only_the_composition_root_names_concrete_adapters() {
    let concrete = ["adapter_embedded", "adapter_local", "adapter_model"];
    for path in rust_files() {
        let place = shown(&path);
        let at_home = place.starts_with("crates/adapter-")
            || place == "crates/workspace-server/src/compose.rs"
            || place == "crates/fuzz-checks/src/local_metadata.rs"
            || place == "crates/harness/src/scale/local.rs"
            || place == "tests/house_rules.rs";
        if at_home {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        for name in concrete {
            assert!(!text.contains(name), "{place} names {name}");
        }
    }
}

#[test]
fn every_source_file_says_first_what_it_knows() {
    for path in rust_files() {
        let text = fs::read_to_string(&path).expect("a source file");
        assert!(
            text.starts_with("//! "),
            "{} does not open with `//!`",
            shown(&path)
        );
    }
}

#[test]
fn modules_are_named_for_what_they_know() {
    for path in rust_files() {
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        assert!(
            !FORBIDDEN_MODULES.contains(&stem.as_str()),
            "{} says nothing",
            shown(&path)
        );
    }
}

#[test]
fn no_test_is_ignored_and_no_lint_is_silenced_without_a_reason() {
    // In two parts, so that this file does not find itself.
    let ignore = concat!("#[ign", "ore");
    let allow = concat!("#[all", "ow(");
    let expect = concat!("#[exp", "ect(");
    for path in rust_files() {
        let text = fs::read_to_string(&path).expect("a source file");
        assert!(!text.contains(ignore), "{} ignores a test", shown(&path));
        assert!(
            !text.contains(allow),
            "{}: use #[expect(…, reason)]",
            shown(&path)
        );
        for (at, _) in text.match_indices(expect) {
            let end = text[at..].find(")]").map_or(text.len(), |end| at + end);
            assert!(
                text[at..end].contains("reason"),
                "{}: expect without reason",
                shown(&path)
            );
        }
    }
}

#[test]
fn text_files_end_with_one_newline_and_no_line_ends_with_white_space() {
    for path in text_files() {
        let text = fs::read_to_string(&path).expect("text files are UTF-8");
        let place = shown(&path);
        assert!(
            text.is_empty() || text.ends_with('\n'),
            "{place} ends without a newline"
        );
        assert!(!text.ends_with("\n\n"), "{place} ends with a blank line");
        for (number, line) in text.lines().enumerate() {
            assert_eq!(
                line.trim_end(),
                line,
                "{place}:{} ends with white space",
                number + 1
            );
            assert!(
                !line.contains('\r'),
                "{place}:{} has a carriage return",
                number + 1
            );
        }
    }
}
