//! Which directories and files give profiles, and how the others are refused.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;

const REVIEWER: &str = "---\nid: reviewer\ndescription: Reads changes.\nmodel: small\n\
                        max_output_tokens: 100\ntemperature: 0.7\n---\nYou review.\n";

/// Puts something hostile in a file's place; the second path is a directory outside.
type Plant = fn(&Path, &Path);

fn models() -> Vec<ModelInfo> {
    let model = |name: &str| ModelInfo {
        name: name.to_owned(),
        offline: false,
    };
    vec![model("large"), model("small")]
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

/// The message for the operator; it never has a path or what a file says.
fn refused(directory: &TempDir) -> String {
    let error = load(directory.path(), &models()).unwrap_err();
    let text = format!("{error} {error:?}");
    let path = directory.path().to_str().unwrap();
    assert!(!text.contains(path) && !text.contains("CANARY"), "{text}");
    error.to_string()
}

#[test]
fn each_file_is_a_profile_beside_the_built_in_ones() {
    let bare = "id: local:bare\ndescription: No instructions.\n";
    let files = [
        ("b.md", REVIEWER),
        ("b.md~", REVIEWER),
        ("a", bare),
        (".hidden", "CANARY"),
    ];
    let directory = directory(&files);
    fs::create_dir(directory.path().join("c")).unwrap();
    let profiles = load(directory.path(), &models()).unwrap();
    let ids: Vec<_> = profiles.iter().map(|it| it.id().as_str()).collect();
    let builtin = ["builtin:default", "builtin:companion"];
    assert_eq!(
        ids,
        [builtin[0], builtin[1], "local:bare", "local:reviewer"]
    );
    let reviewer = profiles.get("local:reviewer").unwrap();
    assert_eq!(reviewer.model(), Some("small"));
    assert_eq!(&**reviewer.instructions(), "You review.");
    let sampling = reviewer.sampling();
    assert_eq!(sampling.max_output_tokens.unwrap().get(), 100);
    assert!((sampling.temperature.unwrap().as_f64() - 0.7).abs() < 1e-9);
    assert_eq!(&**profiles.get("local:bare").unwrap().instructions(), "");
}

#[test]
fn a_file_that_is_no_profile_is_named_with_the_reason() {
    let long = format!("id: a\ndescription: b\n\n{}", "CANARY ".repeat(10_000));
    for (content, reason) in [
        ("", "profile has no id"),
        ("id: A\ndescription: CANARY\n", "profile id is invalid"),
        ("id: a\n\nCANARY", "profile has no description"),
        ("---\nid: a\ndescription: b\n", "no `---` at its end"),
        (
            "id: a\nmodle: CANARY\n",
            "line 2 of the profile has the unknown field `modle`",
        ),
        (
            "id: a\nid: CANARY\n",
            "line 2 of the profile repeats the field `id`",
        ),
        ("id: a\nCANARY is the word: b\n", "line 2 of the profile is"),
        ("id: a\ndescription: b\ntemperature: 3\n", "temperature"),
        (
            "id: a\ndescription: b\nmax_output_tokens: 0\n",
            "max_output_tokens",
        ),
        ("id: a\ndescription: b\nmodel: CANARY\n", "see --model"),
        (&long, "is too large"),
    ] {
        let message = refused(&directory(&[("my\u{7}profile.md", content)]));
        assert!(message.contains("“myprofile.md”"), "{message}");
        assert!(message.contains(reason), "{message}");
    }
    let twice = directory(&[("a", REVIEWER), ("b", REVIEWER)]);
    assert!(refused(&twice).contains("“a” and “b” have the same id, local:reviewer"));
}

#[test]
fn a_hostile_file_is_refused_without_waiting_or_reading_it() {
    let outside = directory(&[("stolen", REVIEWER)]);
    let cases: [(&str, Plant); 4] = [
        ("is not a regular file", |file, _| {
            mknodat(CWD, file, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        }),
        ("is too large", |file, _| {
            File::create(file).unwrap().set_len(1 << 30).unwrap();
        }),
        ("can't be read", |file, outside| {
            symlink(outside.join("stolen"), file).unwrap();
        }),
        ("is not UTF-8", |file, _| {
            fs::write(file, [0xff, 0xfe]).unwrap();
        }),
    ];
    for (reason, make) in cases {
        let directory = directory(&[]);
        make(&directory.path().join("file"), outside.path());
        let message = refused(&directory);
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn a_directory_that_is_missing_or_has_too_many_files_is_refused() {
    let missing = load(Path::new("/CANARY"), &models()).unwrap_err();
    assert_eq!(missing.to_string(), "--profile-dir can't be read");
    let crowded = directory(&[]);
    for number in 0..=FILES_MAX {
        fs::write(crowded.path().join(number.to_string()), REVIEWER).unwrap();
    }
    assert!(refused(&crowded).contains("more than 100 files"));
}
