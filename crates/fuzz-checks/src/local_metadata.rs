//! A `metadata.json` of any bytes, read as the server reads it: from a directory, through the
//! source and the registry.
//!
//! Either its worker is listed or there is one diagnostic. Of the file, the list has the worker's
//! name and its profile, both cleaned, and nothing else.

mod content;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use adapter_local::{LocalConfig, LocalLimits, LocalSource};
use registry_core::projection::{WorkerDetail, WorkerPage, WorkerState};
use registry_core::registry::WorkerListQuery;
use registry_core::{DisplayName, ProfileId, RuntimeRegistry, WorkerRef};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use testkit::clock::StoppedClock;
use tokio::runtime::Runtime;

use crate::names::grammar;
use content::{Content, Record};

/// The workspace of the records. It need not exist: roots that don't are compared as text.
const WORKSPACE: &str = "/w";
/// The directory of the one record, below the data directory.
const DIRECTORY: &str = "pods/fuzzed";
/// Longer than a check, so that it reads the directory once.
const REFRESH_INTERVAL: Duration = Duration::from_secs(3_600);

/// Records without secrets, whose responses contain every word of the product's own. The first
/// one's worker is listed.
const HARMLESS: [&str; 4] = [
    r#"{"worker_name":"x","workspace_root":"/w","active":{},
        "resolved_manifest_snapshot":{"profile_selector":"x"}}"#,
    r#"{"worker_name":"x","workspace_root":"/x"}"#,
    r#"{"worker_name":"x"}"#,
    "x",
];

/// A data directory with one record, which every check overwrites.
pub struct RecordFixture {
    /// A record is judged as on a machine that is never busy. Before the runtime, whose end would wait for
    /// it.
    _stopped_clock: StoppedClock,
    runtime: Runtime,
    data_dir: TempDir,
    /// The responses to harmless records.
    known_text: String,
}

impl RecordFixture {
    /// A record in a temporary directory.
    ///
    /// # Panics
    /// When there can't be one.
    pub fn new() -> Self {
        let data_dir = tempfile::tempdir().expect("a data directory");
        fs::create_dir_all(data_dir.path().join(DIRECTORY)).expect("a record's directory");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("an async runtime");
        let stopped_clock = runtime.block_on(async { StoppedClock::new() });
        let mut fixture = Self {
            _stopped_clock: stopped_clock,
            runtime,
            data_dir,
            known_text: String::new(),
        };
        for (at, record) in HARMLESS.iter().enumerate() {
            let (page, detail) = fixture.list(record.as_bytes());
            assert_eq!(detail.is_some(), at == 0, "{record} is listed or not");
            fixture.known_text += &(to_json(&page) + &to_json(&detail));
        }
        fixture
    }

    /// Checks a metadata file of these bytes.
    ///
    /// # Panics
    /// When a rule is broken.
    pub fn check(&self, bytes: &[u8]) {
        let content = Content::parse(bytes);
        let (page, detail) = self.list(bytes);
        let mut public = vec![self.known_text.as_str()];
        match &detail {
            None => check_omitted(&page, &content, bytes.len()),
            Some(detail) => {
                public.extend(check_listed(&page, detail, &content));
                content.assert_not_leaked(&to_json(detail), &public);
            }
        }
        content.assert_not_leaked(&to_json(&page), &public);
    }

    /// Writes the record, and reads the list and its worker as the HTTP API does.
    fn list(&self, bytes: &[u8]) -> (WorkerPage, Option<WorkerDetail>) {
        let file = self.data_dir.path().join(DIRECTORY).join("metadata.json");
        fs::write(file, bytes).expect("a record");
        let source = LocalSource::new(LocalConfig {
            data_dir: self.data_dir.path().to_owned(),
            workspace_roots: vec![WORKSPACE.into()],
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
                    let runtime_id = adapter_local::RUNTIME_ID.parse().expect("an id");
                    let worker = WorkerRef::new(runtime_id, summary.worker_id.clone());
                    let detail = registry.worker(&worker).await;
                    let mut detail = detail.expect("a listed worker is found");
                    assert_eq!(detail.summary, *summary, "list and detail agree");
                    // Times are the file system's and not part of the content.
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

impl Default for RecordFixture {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a record's worker must not be listed, as the code of the diagnostic.
fn reason_to_omit(content: &Content, length: usize) -> Option<&'static str> {
    let limit = LocalLimits::default().metadata_bytes;
    if u64::try_from(length).is_ok_and(|length| length > limit) {
        return Some("local_metadata_oversized");
    }
    match content {
        Content::Record(record) if record.is_unambiguous => match owner(record) {
            Owner::ThisWorkspace => None,
            Owner::Another => Some("local_other_workspace"),
            Owner::None => Some("local_no_workspace"),
        },
        Content::Record(_) | Content::Invalid => Some("local_metadata_invalid"),
    }
}

/// Whose a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    ThisWorkspace,
    Another,
    None,
}

/// Compares roots by their components.
fn owner(record: &Record) -> Owner {
    let root = record.workspace_root.as_deref().unwrap_or_default();
    if !root.starts_with('/') {
        return Owner::None;
    }
    let components = |root: &str| -> Vec<String> {
        let names = root.split('/').filter(|name| !matches!(*name, "" | "."));
        names.map(str::to_owned).collect()
    };
    if components(root) == components(WORKSPACE) {
        Owner::ThisWorkspace
    } else {
        Owner::Another
    }
}

/// An omitted record is counted once, under the code of its reason.
fn check_omitted(page: &WorkerPage, content: &Content, length: usize) {
    let [diagnostic] = page.diagnostics.as_slice() else {
        panic!("one record is one diagnostic, not {:?}", page.diagnostics);
    };
    let reason = reason_to_omit(content, length);
    assert_eq!(Some(diagnostic.code.as_str()), reason, "{diagnostic:?}");
    assert_eq!(diagnostic.count, 1);
}

/// Checks a listed worker, and returns what is public of the file.
fn check_listed<'a>(
    page: &WorkerPage,
    detail: &'a WorkerDetail,
    content: &Content,
) -> [&'a str; 2] {
    let Content::Record(record) = content else {
        panic!("the worker of a file that is no record is listed");
    };
    assert_eq!(
        reason_to_omit(content, 0),
        None,
        "it is listed all the same"
    );
    assert!(page.diagnostics.is_empty(), "{:?}", page.diagnostics);
    let summary = &detail.summary;
    assert_eq!(summary.worker_id.as_str(), expected_id());
    assert_eq!(summary.state, WorkerState::Recorded);
    assert!(summary.active_run.is_none() && detail.conversation.is_none());

    let name = summary.display_name.as_str();
    assert!(grammar::display_name(name), "{name:?}");
    assert!(!looks_like_a_path(name), "{name:?}");
    let label = format!("Local worker {}", &expected_id()["local-".len()..][..6]);
    let cleaned = DisplayName::cleaned(&record.worker_name);
    let is_own = cleaned.is_some_and(|cleaned| cleaned.as_str() == name);
    let written = &record.worker_name;
    assert!(is_own || name == label, "{name:?} of {written:?}");
    let profile = summary.profile.as_ref().map(ProfileId::as_str);
    if let Some(profile) = profile {
        assert!(profile.starts_with("builtin:"), "{profile:?}");
        assert!(record.texts.iter().any(|text| text == profile));
    }
    [name, profile.unwrap_or_default()]
}

/// `local-` and 32 hexadecimal digits of a digest of the directory's name.
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
    let separators = ["/", "\\", "\u{ff0f}", "\u{2215}", "\u{2044}", "%2f", "%5c"];
    separators.iter().any(|separator| lower.contains(separator))
        || lower.starts_with('~')
        || lower.starts_with("file:")
        || begins_with_drive
}

fn to_json(projection: &impl serde::Serialize) -> String {
    serde_json::to_string(projection).expect("projections serialise")
}
