//! What it costs to write projections as JSON, as answers have them.
//!
//! `cargo bench -p registry-core`

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use jiff::Timestamp;
use registry_core::json::WriteJson;
use registry_core::projection::{
    ConversationSummary, EntryRole, EventBatch, EventKind, ImplementationKind, LastRun, RunOutcome,
    TranscriptBounds, TranscriptEntry, TranscriptPage, Usage, WorkerDetail, WorkerEvent,
    WorkerPage, WorkerState, WorkerSummary,
};
use registry_core::{Capability, CapabilitySet, Cursor, WorkerRef};
use serde::Serialize;

/// Items on a page.
const PAGE: u64 = 50;
const UUID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn main() {
    divan::main();
}

#[divan::bench(args = Writer::ALL)]
fn worker_detail(bencher: Bencher<'_, '_>, writer: Writer) {
    measure(bencher, writer, &detail());
}

#[divan::bench(args = Writer::ALL)]
fn worker_page_of_50(bencher: Bencher<'_, '_>, writer: Writer) {
    let page = WorkerPage {
        items: (0..PAGE).map(|_| detail().summary).collect(),
        next_page_token: None,
        diagnostics: Vec::new(),
    };
    measure(bencher, writer, &page);
}

#[divan::bench(args = Writer::ALL)]
fn transcript_page_of_50(bencher: Bencher<'_, '_>, writer: Writer) {
    let entry = |sequence| TranscriptEntry {
        sequence,
        role: EntryRole::Assistant,
        content: "You said: “hello there”. ".repeat(8).into(),
        run_id: parsed(UUID),
        created_at: Timestamp::UNIX_EPOCH,
        partial: false,
    };
    let page = TranscriptPage {
        entries: (1..=PAGE).map(entry).collect(),
        first_sequence: Some(1),
        last_sequence: Some(PAGE),
        has_earlier: false,
        has_later: false,
        pruned_before: None,
        in_flight: None,
        cursor: cursor(),
    };
    measure(bencher, writer, &page);
}

#[divan::bench(args = Writer::ALL)]
fn events_batch_of_50(bencher: Bencher<'_, '_>, writer: Writer) {
    let event = |_| WorkerEvent {
        cursor: cursor(),
        at: Timestamp::UNIX_EPOCH,
        kind: EventKind::OutputDelta {
            run_id: parsed(UUID),
            text: "word ".into(),
        },
    };
    let batch = EventBatch {
        events: (0..PAGE).map(event).collect(),
        next_cursor: cursor(),
        caught_up: true,
    };
    measure(bencher, writer, &batch);
}

/// What writes the text.
#[derive(Debug, Clone, Copy)]
enum Writer {
    SerdeJson,
    Ours,
}

impl Writer {
    const ALL: [Self; 2] = [Self::SerdeJson, Self::Ours];

    fn json(self, projection: &(impl Serialize + WriteJson), expected_bytes: usize) -> Vec<u8> {
        match self {
            Self::SerdeJson => {
                let mut json = Vec::with_capacity(expected_bytes);
                serde_json::to_writer(&mut json, projection).expect("projections serialise");
                json
            }
            Self::Ours => registry_core::json::to_vec(projection, expected_bytes),
        }
    }
}

/// Both writers have room for the whole text from the start.
fn measure(bencher: Bencher<'_, '_>, writer: Writer, projection: &(impl Serialize + WriteJson)) {
    let length = writer.json(projection, 0).len();
    let json = || writer.json(black_box(projection), length);
    bencher.counter(BytesCount::new(length)).bench_local(json);
}

fn detail() -> WorkerDetail {
    let worker = WorkerRef::new(parsed("backend-internal"), parsed(UUID));
    let summary = WorkerSummary {
        display_ref: worker.display_ref(),
        runtime_id: worker.runtime_id,
        worker_id: worker.worker_id,
        display_name: parsed("Worker 1a2b3c"),
        implementation_kind: ImplementationKind::Embedded,
        profile: Some(parsed("builtin:default")),
        state: WorkerState::Idle,
        active_run: None,
        created_at: Some(Timestamp::UNIX_EPOCH),
        last_activity_at: Some(Timestamp::UNIX_EPOCH),
        capabilities: CapabilitySet::from_iter(Capability::ALL),
        diagnostics: Vec::new(),
    };
    let last_run = LastRun {
        run_id: parsed(UUID),
        outcome: RunOutcome::Completed,
        error_code: None,
        finished_at: Timestamp::UNIX_EPOCH,
    };
    let conversation = ConversationSummary {
        transcript: TranscriptBounds {
            entries: 2,
            first_sequence: Some(1),
            last_sequence: Some(2),
        },
        latest_cursor: cursor(),
        usage: Usage::default(),
        last_run: Some(last_run),
    };
    WorkerDetail {
        summary,
        conversation: Some(conversation),
    }
}

fn cursor() -> Cursor {
    Cursor::new(0x0123_4567_89ab_cdef, 42)
}

fn parsed<T>(text: &str) -> T
where
    T: std::str::FromStr<Err: std::fmt::Debug>,
{
    text.parse().expect("the constants are well formed")
}
