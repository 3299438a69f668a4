//! A `metadata.json` of any bytes, read as the server reads it: from a directory, through the
//! source and the registry.
//!
//! The record is shown, or it is one remark. What is shown of it is its name and its profile,
//! both cleaned, and nothing else that stood in the file.

mod secrets;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use registry_core::projection::{WorkerDetail, WorkerPage, WorkerState};
use registry_core::registry::WorkerListQuery;
use registry_core::{DisplayName, ProfileId, RuntimeRegistry, WorkerRef};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::names::grammar;
use secrets::{Record, Said};

/// The workspace of the records: one that need not exist, because roots are compared as text
/// where it does not.
const WORKSPACE: &str = "/w";
/// The directory of the one record, below the data directory.
const DIRECTORY: &str = "pods/fuzzed";
/// Longer than any check takes: within one check the directory is read once.
const REFRESH_INTERVAL: Duration = Duration::from_secs(3_600);

/// Records of which nothing is a secret: their answers hold every word that is ours.
const BLAND: [&str; 4] = [
    r#"{"worker_name":"x","workspace_root":"/w","active":{},
        "resolved_manifest_snapshot":{"profile_selector":"x"}}"#,
    r#"{"worker_name":"x","workspace_root":"/x"}"#,
    r#"{"worker_name":"x"}"#,
    "x",
];

/// A data directory with one record, whose bytes change from check to check.
pub struct Shelf {
    runtime: Runtime,
    data_dir: TempDir,
    words_of_ours: String,
}

/// What clients see of the one record: the list, and the worker if it is one.
type Answers = (WorkerPage, Option<WorkerDetail>);

impl Shelf {
    /// A shelf in a temporary directory.
    ///
    /// # Panics
    /// When the machine has no room for it.
    pub fn new() -> Self {
        let data_dir = tempfile::tempdir().expect("a data directory");
        fs::create_dir_all(data_dir.path().join(DIRECTORY)).expect("a record's directory");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("an async runtime");
        let mut shelf = Self {
            runtime,
            data_dir,
            words_of_ours: String::new(),
        };
        for (at, record) in BLAND.iter().enumerate() {
            let (page, detail) = shelf.ask(record.as_bytes());
            // The first is this workspace's: a product that hides everything passes nothing.
            assert_eq!(detail.is_some(), at == 0, "{record} is shown or not");
            shelf.words_of_ours += &(to_json(&page) + &to_json(&detail));
        }
        shelf
    }

    /// Checks a metadata file of these bytes.
    ///
    /// # Panics
    /// When a rule is broken.
    pub fn check(&self, bytes: &[u8]) {
        let said = Said::by(bytes);
        let (page, detail) = self.ask(bytes);
        let mut told = vec![self.words_of_ours.as_str()];
        match &detail {
            None => left_out(&page, &said, bytes.len()),
            Some(detail) => {
                told.extend(shown(&page, detail, &said));
                said.is_kept_from(&to_json(detail), &told);
            }
        }
        said.is_kept_from(&to_json(&page), &told);
    }

    /// Writes the record, and asks as the HTTP API does.
    fn ask(&self, bytes: &[u8]) -> Answers {
        let file = self.data_dir.path().join(DIRECTORY).join("metadata.json");
        fs::write(file, bytes).expect("a record");
        let source = LocalSource::new(LocalConfig {
            data_dir: self.data_dir.path().to_owned(),
            workspace_root: WORKSPACE.into(),
            limits: LocalLimits {
                refresh_interval: REFRESH_INTERVAL,
                ..LocalLimits::default()
            },
        });
        let registry = RuntimeRegistry::builder()
            .register(Arc::new(source))
            .expect("the only source")
            .build();
        self.runtime.block_on(async {
            let page = registry.list_workers(&WorkerListQuery::default()).await;
            let mut page = page.expect("a list without a filter is never refused");
            let detail = match page.items.as_mut_slice() {
                [] => None,
                [summary] => {
                    let of_this_source = adapter_local::RUNTIME_ID.parse().expect("an id");
                    let worker = WorkerRef::new(of_this_source, summary.worker_id.clone());
                    let detail = registry.worker(&worker).await;
                    let mut detail = detail.expect("a worker that is listed is there");
                    assert_eq!(detail.summary, *summary, "list and detail agree");
                    // Times are the file system's, and no part of what the file says.
                    for summary in [summary, &mut detail.summary] {
                        (summary.created_at, summary.last_activity_at) = (None, None);
                    }
                    Some(detail)
                }
                more => panic!("one record is {} workers", more.len()),
            };
            (page, detail)
        })
    }
}

impl Default for Shelf {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a record belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    ThisWorkspace,
    Another,
    None,
}

/// Whose a record is: by the names between its root's slashes, or by where links lead, if both
/// roots are there.
fn owner(record: &Record) -> Owner {
    let root = record.workspace_root.as_deref().unwrap_or_default();
    if !root.starts_with('/') {
        return Owner::None;
    }
    let names = |root: &str| -> Vec<String> {
        let names = root.split('/').filter(|name| !matches!(*name, "" | "."));
        names.map(str::to_owned).collect()
    };
    let real = |root: &str| Path::new(root).canonicalize().ok();
    let is_ours = names(root) == names(WORKSPACE)
        || real(root).is_some_and(|root| real(WORKSPACE).is_some_and(|ours| ours == root));
    if is_ours {
        Owner::ThisWorkspace
    } else {
        Owner::Another
    }
}

/// A record that is not shown is counted, once, under the code of its reason, and gives nothing
/// away. A sound one of this workspace has no reason.
fn left_out(page: &WorkerPage, said: &Said, length: usize) {
    let [remark] = page.diagnostics.as_slice() else {
        panic!("one record is one remark, not {:?}", page.diagnostics);
    };
    let limit = LocalLimits::default().metadata_bytes;
    let is_oversized = u64::try_from(length).is_ok_and(|length| length > limit);
    let reason = match said {
        _ if is_oversized => Some("local_metadata_oversized"),
        Said::Nothing => Some("local_metadata_invalid"),
        Said::Record(record) if !record.is_clear => Some("local_metadata_invalid"),
        Said::Record(record) => match owner(record) {
            Owner::Another => Some("local_other_workspace"),
            Owner::None => Some("local_no_workspace"),
            Owner::ThisWorkspace => None,
        },
    };
    let reason = reason.unwrap_or_else(|| panic!("a record of ours is hidden: {remark:?}"));
    assert_eq!(remark.code.as_str(), reason, "{remark:?}");
    assert_eq!(remark.count, 1);
}

/// Checks a record that is shown, and answers what is shown of it on purpose.
fn shown<'a>(page: &WorkerPage, detail: &'a WorkerDetail, said: &Said) -> [&'a str; 2] {
    let Said::Record(record) = said else {
        panic!("a worker was made of a file that is no record");
    };
    assert!(page.diagnostics.is_empty(), "{:?}", page.diagnostics);
    let summary = &detail.summary;
    assert_eq!(summary.worker_id.as_str(), expected_id());
    assert_eq!(summary.state, WorkerState::Recorded);
    assert!(summary.active_run.is_none() && detail.conversation.is_none());
    let root = record.workspace_root.as_deref();
    assert_eq!(owner(record), Owner::ThisWorkspace, "{root:?} is shown");
    assert!(record.is_clear, "an ambiguous record is shown");

    let name = summary.display_name.as_str();
    assert!(grammar::display_name(name), "{name:?}");
    assert!(!looks_like_a_path(name), "{name:?}");
    let label = format!("Local worker {}", &expected_id()["local-".len()..][..6]);
    let own = DisplayName::cleaned(&record.worker_name);
    let is_own = own.is_some_and(|own| own.as_str() == name);
    assert!(
        is_own || name == label,
        "{name:?} of {:?}",
        record.worker_name
    );
    let profile = summary.profile.as_ref().map(ProfileId::as_str);
    if let Some(profile) = profile {
        assert!(profile.starts_with("builtin:"), "{profile:?}");
        assert!(record.texts.iter().any(|text| text == profile));
    }

    [name, profile.unwrap_or_default()]
}

/// As DESIGN.md §7 has it: 32 hex digits of a digest of the directory's name.
fn expected_id() -> String {
    let digest = Sha256::digest(b"yoi/local-worker/v1\0pods\0fuzzed");
    let digits = digest[..16].iter().map(|byte| format!("{byte:02x}"));
    format!("local-{}", digits.collect::<String>())
}

/// A separator anywhere, or a beginning that only paths have.
fn looks_like_a_path(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut characters = lower.chars();
    let begins_with_drive =
        characters.next().is_some_and(|c| c.is_ascii_lowercase()) && characters.next() == Some(':');
    lower.contains(['/', '\\', '\u{ff0f}', '\u{2215}', '\u{2044}'])
        || lower.contains("%2f")
        || lower.contains("%5c")
        || lower.starts_with(['~'])
        || lower.starts_with("file:")
        || begins_with_drive
}

fn to_json(projection: &impl serde::Serialize) -> String {
    serde_json::to_string(projection).expect("projections serialise")
}
