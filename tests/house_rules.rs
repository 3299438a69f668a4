//! Rules of this repository that a program can check: dependencies between crates, names and
//! first lines of files, lints, white space.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Which of our packages each of our packages may depend on other than for its own tests. So
/// `testkit`, `fuzz-checks` and `harness` are in no product.
const ALLOWED_EDGES: &[(&str, &[&str])] = &[
    ("worker-runtime", &[]),
    ("registry-core", &[]),
    ("adapter-embedded", &["registry-core", "worker-runtime"]),
    ("adapter-local", &["registry-core"]),
    ("adapter-model", &["worker-runtime"]),
    ("adapter-store-postgres", &["worker-runtime"]),
    ("adapter-store-sqlite", &["worker-runtime"]),
    ("web-page", &[]),
    ("http-api", &["registry-core", "web-page"]),
    (
        "yoi-workspace-server",
        &[
            "adapter-embedded",
            "adapter-local",
            "adapter-model",
            "adapter-store-postgres",
            "adapter-store-sqlite",
            "http-api",
            "registry-core",
            "worker-runtime",
        ],
    ),
    (
        "yoi",
        &["http-api", "registry-core", "yoi-workspace-server"],
    ),
    ("testkit", &["yoi-workspace-server"]),
    ("browser-tests", &[]),
    (
        "fuzz-checks",
        &[
            "adapter-local",
            "http-api",
            "registry-core",
            "testkit",
            "web-page",
            "worker-runtime",
            "yoi-workspace-server",
        ],
    ),
    (
        "harness",
        &[
            "adapter-local",
            "adapter-store-postgres",
            "adapter-store-sqlite",
            "registry-core",
            "testkit",
            "worker-runtime",
            "yoi-workspace-server",
        ],
    ),
];

/// External dependencies of the pure crates: values, errors and futures, nothing that does input
/// or output.
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
            "serde",
            "smol_str",
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

/// Names that don't tell what a module is responsible for.
const FORBIDDEN_MODULES: &[&str] = &[
    "mod", "utils", "util", "helpers", "helper", "common", "types", "misc", "manager",
];

/// Directories of text files. Not all are there in a build from a source package.
const TEXT_ROOTS: &[&str] = &["crates", "tests", "docs", ".ci", "fuzz/fuzz_targets"];
/// Extensions of text files; files without one are text, too.
const TEXT_EXTENSIONS: &[&str] = &[
    "rs", "toml", "md", "nix", "json", "profile", "sh", "js", "css", "html", "svg",
];

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

/// A text file.
struct TextFile {
    /// Below the root.
    path: String,
    text: String,
}

/// Every text file but the lock file.
fn text_files() -> Vec<TextFile> {
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
    let is_text = |path: &PathBuf| {
        path.extension()
            .is_none_or(|extension| TEXT_EXTENSIONS.contains(&extension.to_string_lossy().as_ref()))
    };
    let files = found.iter().filter(|path| is_text(path)).map(|path| {
        let below = path.strip_prefix(&root).expect("it is below the root");
        TextFile {
            path: below.display().to_string(),
            text: fs::read_to_string(path).expect("a UTF-8 file"),
        }
    });
    files.collect()
}

fn rust_files() -> Vec<TextFile> {
    let mut files = text_files();
    files.retain(|file| file.path.ends_with(".rs"));
    assert!(files.len() > 50, "found {} source files", files.len());
    files
}

#[test]
fn crates_depend_only_on_the_crates_they_may() {
    let metadata = metadata();
    let ours: BTreeSet<_> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let listed: BTreeSet<_> = ALLOWED_EDGES.iter().map(|(name, _)| *name).collect();
    assert_eq!(ours, listed, "a new package needs a line in ALLOWED_EDGES");

    for package in &metadata.packages {
        let mut edges = ALLOWED_EDGES.iter();
        let (_, allowed) = edges
            .find(|(name, _)| *name == package.name.as_str())
            .expect("listed");
        for dependency in &package.dependencies {
            let is_ours = ours.contains(dependency.name.as_str());
            if is_ours && dependency.kind != DependencyKind::Development {
                let (from, to) = (&package.name, dependency.name.as_str());
                assert!(allowed.contains(&to), "{from} may not depend on {to}");
            }
        }
    }
}

#[test]
fn the_pure_crates_do_no_input_or_output() {
    let metadata = metadata();
    for (name, allowed) in PURE_DEPENDENCIES {
        let mut packages = metadata.packages.iter();
        let package = packages.find(|p| p.name == *name).expect("a package");
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Development {
                continue;
            }
            let is_allowed = allowed.contains(&dependency.name.as_str());
            assert!(is_allowed, "{name} may not depend on {}", dependency.name);
            if dependency.name == "tokio" {
                for feature in &dependency.features {
                    let is_pure = matches!(feature.as_str(), "rt" | "sync" | "time");
                    assert!(is_pure, "{name} may not use tokio's {feature}");
                }
            }
        }
    }
}

#[test]
fn only_the_composition_root_names_concrete_adapters() {
    let concrete = [
        "adapter_embedded",
        "adapter_local",
        "adapter_model",
        "adapter_store_postgres",
        "adapter_store_sqlite",
    ];
    for TextFile { path, text } in rust_files() {
        let may_name = path.starts_with("crates/adapter-")
            || path == "crates/workspace-server/src/compose.rs"
            || path.starts_with("crates/workspace-server/src/compose/")
            || path == "crates/fuzz-checks/src/local_metadata.rs"
            || path == "crates/harness/src/scale/local.rs"
            || path.starts_with("crates/harness/src/store_cost/")
            || path == "tests/house_rules.rs";
        for name in concrete {
            assert!(may_name || !text.contains(name), "{path} names {name}");
        }
    }
}

#[test]
fn source_files_open_with_their_documentation_and_are_named_for_their_responsibility() {
    for TextFile { path, text } in rust_files() {
        assert!(text.starts_with("//! "), "{path} doesn't open with `//!`");
        let stem = Path::new(&path).file_stem().unwrap_or_default();
        let stem = stem.to_string_lossy();
        let is_forbidden = FORBIDDEN_MODULES.contains(&stem.as_ref());
        assert!(!is_forbidden, "{path} has a name that tells nothing");
    }
}

#[test]
fn no_test_is_ignored_and_no_lint_is_silenced_without_a_reason() {
    // In two parts, so that this file does not find itself.
    let ignore = concat!("#[ign", "ore");
    let allow = concat!("#[all", "ow(");
    let expect = concat!("#[exp", "ect(");
    for TextFile { path, text } in rust_files() {
        assert!(!text.contains(ignore), "{path} ignores a test");
        assert!(!text.contains(allow), "{path}: use #[expect(…, reason)]");
        for (at, _) in text.match_indices(expect) {
            let end = text[at..].find(")]").map_or(text.len(), |end| at + end);
            let has_reason = text[at..end].contains("reason");
            assert!(has_reason, "{path}: expect without reason");
        }
    }
}

#[test]
fn text_files_end_with_one_newline_and_no_line_ends_with_white_space() {
    for TextFile { path, text } in text_files() {
        let has_end = text.is_empty() || text.ends_with('\n') && !text.ends_with("\n\n");
        assert!(has_end, "{path} doesn't end with one newline");
        for (number, line) in (1..).zip(text.lines()) {
            let is_clean = line.trim_end() == line && !line.contains('\r');
            assert!(is_clean, "{path}:{number} ends with white space");
        }
    }
}
