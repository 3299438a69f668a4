//! What a walk takes for a record, what it reads again, and where it does not go.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime};

use super::*;
use crate::fixture::DataDir;

/// A time at which every file of the test has long been as it is.
fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3_600)
}

fn walk(records: &DataDir, before: &Index) -> Index {
    walk_with(&records.config(), before)
}

fn walk_with(config: &LocalConfig, before: &Index) -> Index {
    scan(config, before, later(), &Progress::new(Vec::new())).unwrap()
}

fn walked(records: &DataDir) -> Index {
    walk(records, &Index::default())
}

fn listed(index: &Index) -> u64 {
    index.counts().workers.recorded
}

/// Compares the codes of the diagnostics, each with its count.
fn assert_diagnostics(index: &Index, expected: &[(&str, u32)]) {
    let diagnostics = index.diagnostic_counts().diagnostics();
    let diagnostics = diagnostics
        .iter()
        .map(|each| (each.code.as_str(), each.count));
    assert_eq!(diagnostics.collect::<Vec<_>>(), expected);
}

#[test]
fn only_new_and_changed_records_are_read() {
    let records = DataDir::new();
    for name in ["a", "b", "c"] {
        records.write_record(format!("pods/{name}"), name);
    }
    let first = walked(&records);
    assert_eq!((first.reads(), listed(&first)), (3, 3));
    let unchanged = walk(&records, &first);
    assert_eq!((unchanged.reads(), listed(&unchanged)), (0, 3));

    records.write_record("pods/b", "b, renamed");
    records.write_record("workers/d", "d");
    fs::remove_dir_all(records.path("pods/c")).unwrap();
    let changed = walk(&records, &unchanged);
    assert_eq!((changed.reads(), listed(&changed)), (2, 3));
    let b = worker_id(Collection::Pods, "b".as_ref());
    let renamed = changed.record(&b).unwrap();
    assert_eq!(renamed.display_name.as_str(), "b, renamed");
}

#[test]
fn a_change_that_keeps_length_and_time_is_noticed() {
    let records = DataDir::new();
    records.write_record("pods/a", "old");
    let path = records.path("pods/a/metadata.json");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let first = walked(&records);

    records.write_record("pods/a", "new");
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(modified).unwrap();
    assert_eq!(walk(&records, &first).reads(), 1);
}

#[test]
fn a_record_that_was_only_just_written_is_read_again() {
    let records = DataDir::new();
    let before_the_write = SystemTime::now();
    records.write_record("pods/a", "a");
    let first = scan(
        &records.config(),
        &Index::default(),
        before_the_write,
        &Progress::new(Vec::new()),
    )
    .unwrap();
    let second = walk(&records, &first);
    assert_eq!((first.reads(), second.reads()), (1, 1));
    assert_eq!(walk(&records, &second).reads(), 0);
}

#[test]
fn records_that_are_not_shown_are_not_read_again_either() {
    let records = DataDir::new();
    records.write("pods/a", "not json");
    records.write("pods/b", r#"{"worker_name":"b"}"#);
    records.write("pods/c", r#"{"worker_name":"c","workspace_root":"/other"}"#);
    let first = walked(&records);
    let second = walk(&records, &first);
    assert_eq!((first.reads(), second.reads()), (3, 0));
    let omitted = [
        ("local_metadata_invalid", 1),
        ("local_other_workspace", 1),
        ("local_no_workspace", 1),
    ];
    assert_diagnostics(&first, &omitted);
    assert_diagnostics(&second, &omitted);
}

#[test]
fn the_data_directory_itself_may_be_a_link() {
    let records = DataDir::new();
    records.write_record("pods/a", "a");
    std::os::unix::fs::symlink(records.path(""), records.outside("link")).unwrap();
    let config = LocalConfig {
        data_dir: records.outside("link"),
        ..records.config()
    };
    let index = walk_with(&config, &Index::default());
    assert_eq!(listed(&index), 1);
}

#[test]
fn a_collection_that_can_not_be_read_hides_no_other() {
    let put: [fn(&DataDir); 4] = [
        |records| fs::write(records.path("pods"), "").unwrap(),
        |records| records.fifo("pods"),
        |records| records.link("pods", "pods"),
        |records| records.link("pods", records.workspace()),
    ];
    for put_pods in put {
        let records = DataDir::new();
        put_pods(&records);
        records.write_record("workers/a", "a");
        let index = walked(&records);
        assert_eq!(listed(&index), 1);
        assert_diagnostics(&index, &[("local_collection_unreadable", 1)]);
        assert!(!index.is_surely_absent(&worker_id(Collection::Workers, "b".as_ref())));
    }
}

#[test]
fn links_are_followed_within_the_data_directory_and_never_out_of_it() {
    let records = DataDir::new();
    records.write_record("workers/real", "real");
    records.link("pods/directory", "../workers/real");
    let real = "../../workers/real/metadata.json";
    records.link("pods/file/metadata.json", real);
    assert_eq!(listed(&walked(&records)), 3);

    let outside = records.outside("outside");
    fs::create_dir(&outside).unwrap();
    let file = outside.join("metadata.json");
    fs::write(&file, records.record("x").to_string()).unwrap();
    records.link("pods/out-1", &outside);
    records.link("pods/out-2", "../../outside");
    records.link("pods/out-3/metadata.json", &file);
    records.link("pods/out-4/metadata.json", "../../../outside/metadata.json");
    records.link("pods/out-5", "/proc/self/cwd");
    records.link("pods/nowhere-1", "missing");
    records.link("pods/nowhere-2/metadata.json", "missing");
    records.link("pods/loop-1", "loop-1");
    records.link("pods/loop-2/metadata.json", "metadata.json");
    let index = walked(&records);
    assert_eq!(listed(&index), 3);
    assert_diagnostics(&index, &[("local_metadata_unreadable", 9)]);
}

#[test]
fn what_holds_no_metadata_is_no_record() {
    let records = DataDir::new();
    records.directory("pods/empty");
    records.directory("other/a");
    fs::write(records.path("pods/README"), "x").unwrap();
    records.link("pods/link-to-a-file", "README");
    records.link("pods/link-to-an-empty-directory", "empty");
    records.fifo("pods/fifo");
    let index = walked(&records);
    assert_eq!(listed(&index), 0);
    assert_diagnostics(&index, &[]);
}

#[test]
fn any_name_that_a_directory_can_have_makes_a_worker_of_its_own() {
    let records = DataDir::new();
    let longest = "x".repeat(255);
    let names = [
        "...".as_bytes(),
        b"..a",
        b"-",
        b"~",
        b" ",
        b"\\",
        b"a\nb",
        b"\x1b[2J",
        b"\xff\xfe",
        b"\xc3",
        b"metadata.json",
        b"pods",
        "é".as_bytes(),
        "e\u{301}".as_bytes(),
        longest.as_bytes(),
    ];
    for name in names {
        for collection in ["pods", "workers"] {
            let directory = Path::new(collection).join(OsStr::from_bytes(name));
            records.write_record(directory, "a");
        }
    }
    let index = walked(&records);
    assert_eq!(listed(&index), 2 * names.len() as u64);
    assert_diagnostics(&index, &[]);
}

#[test]
fn no_more_directories_are_looked_at_in_a_collection_than_the_limit_says() {
    let records = DataDir::new();
    for n in 0..7 {
        records.write_record(format!("pods/{n}"), "a");
    }
    fs::write(records.path("pods/README"), "x").unwrap();
    records.write_record("workers/a", "a");
    let mut config = records.config();
    config.limits.records = 5;
    let index = walk_with(&config, &Index::default());
    assert_eq!(
        listed(&index),
        6,
        "one collection takes nothing from another"
    );
    assert_diagnostics(&index, &[("local_records_truncated", 2)]);
}

#[test]
fn what_is_no_record_does_not_make_a_scan_endless() {
    let records = DataDir::new();
    records.directory("pods");
    for n in 0..NAMES_PER_RECORD + 1 {
        fs::write(records.path(format!("pods/{n}")), "x").unwrap();
    }
    let mut config = records.config();
    config.limits.records = 1;
    let index = walk_with(&config, &Index::default());
    assert_diagnostics(&index, &[("local_records_truncated", 1)]);
}

#[test]
fn a_part_that_does_not_answer_is_left_as_it_was_and_hides_no_other() {
    let records = DataDir::new();
    for directory in ["pods/a", "pods/b", "workers/a"] {
        records.write_record(directory, "old");
    }
    let before = walked(&records);
    for directory in ["pods/a", "pods/b", "pods/new", "workers/a"] {
        records.write_record(directory, "renamed");
    }
    let id = |collection, name: &str| worker_id(collection, name.as_ref());
    let (a, b) = (id(Collection::Pods, "a"), id(Collection::Pods, "b"));
    let unknown = id(Collection::Pods, "new");
    let hung = [
        (Part::Record(a.clone()), "renamed", 4),
        (Part::Record(unknown.clone()), "renamed", 3),
        (Part::Collection(Collection::Pods), "old", 3),
    ];
    for (part, name_of_b, count) in hung {
        let progress = Progress::new(vec![part.clone()]);
        let index = scan(&records.config(), &before, later(), &progress).unwrap();
        let name = |id: &WorkerId| index.record(id).unwrap().display_name.as_str();
        assert_eq!((name(&b), listed(&index)), (name_of_b, count), "{part:?}");
        let is_old = part != Part::Record(unknown.clone());
        assert_eq!(name(&a), if is_old { "old" } else { "renamed" });
        assert_eq!(name(&id(Collection::Workers, "a")), "renamed");
        assert_diagnostics(&index, &[("local_records_not_answering", 1)]);
        assert!(!index.is_surely_absent(&id(Collection::Pods, "other")));
    }
}
