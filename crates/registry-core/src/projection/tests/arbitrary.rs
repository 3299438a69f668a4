//! Any projections, for what has to hold of all of them.

mod runtime;

use std::str::FromStr;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::projection::{
    AcceptedInput, ConversationSummary, Diagnostic, EntryRole, EventBatch, EventKind,
    ImplementationKind, InFlightText, LastRun, RunErrorCode, RunOutcome, Severity,
    TranscriptBounds, TranscriptEntry, TranscriptPage, Usage, WorkerDetail, WorkerEvent,
    WorkerPage, WorkerState, WorkerSummary,
};
use crate::{Capability, CapabilitySet, Cursor, DisplayName, PageToken, RunId, WorkerRef};

pub(crate) use runtime::runtime;

/// Most items of a list.
const ITEMS: usize = 3;

/// Ids as long as a UUID is, and of any other length.
fn id<T: FromStr<Err: std::fmt::Debug> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    let parsed = |text: String| text.parse().unwrap();
    prop_oneof!["[0-9a-f-]{36}", "[a-z0-9_-]{1,64}"]
        .prop_map(move |text| parsed(format!("a{}", text.get(1..).unwrap_or_default())))
}

/// Any instant; and such as are near each other, at the ends of days.
pub(crate) fn instant() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second()..Timestamp::MAX.as_second();
    let any = (seconds, 0..1_000_000_000)
        .prop_map(|(second, nanos)| Timestamp::new(second, nanos).unwrap());
    let near = (-2_i64..3, -1_100_i64..1_100)
        .prop_map(|(day, millis)| Timestamp::from_millisecond(day * 86_400_000 + millis).unwrap());
    prop_oneof![1 => any, 3 => near]
}

fn cursor() -> impl Strategy<Value = Cursor> {
    let sequence = prop_oneof![0..100_u64, any::<u64>()];
    (prop_oneof![Just(7), any::<u64>()], sequence)
        .prop_map(|(epoch, sequence)| Cursor::new(epoch, sequence))
}

fn name() -> impl Strategy<Value = DisplayName> {
    "[!-~é“\u{2603}😀][ -~é“\u{2603}😀]{0,79}".prop_map(|text| text.parse().unwrap())
}

fn implementation_kind() -> impl Strategy<Value = ImplementationKind> {
    select(vec![
        ImplementationKind::Embedded,
        ImplementationKind::LocalCompat,
    ])
}

fn capabilities() -> impl Strategy<Value = CapabilitySet> {
    subsequence(Capability::ALL.to_vec(), 0..=Capability::ALL.len())
        .prop_map(CapabilitySet::from_iter)
}

fn remark() -> impl Strategy<Value = Diagnostic> {
    let severity = select(vec![Severity::Info, Severity::Warning, Severity::Error]);
    let remark = (severity, any::<u32>(), option::of(id()));
    remark.prop_map(|(severity, count, runtime_id)| Diagnostic {
        runtime_id,
        ..Diagnostic::new("a_code", severity, "It said \"no\".").times(count)
    })
}

prop_compose! {
    fn summary()(
        ids in (id(), id()),
        display_name in name(),
        implementation_kind in implementation_kind(),
        profile in option::of(id()),
        state in select(vec![
            WorkerState::Idle,
            WorkerState::Running,
            WorkerState::Cancelling,
            WorkerState::Stopped,
            WorkerState::Recorded,
        ]),
        active_run in option::of(id()),
        instants in (option::of(instant()), option::of(instant())),
        capabilities in capabilities(),
        diagnostics in vec(remark(), 0..=ITEMS),
    ) -> WorkerSummary {
        let worker = WorkerRef::new(ids.0, ids.1);
        WorkerSummary {
            display_ref: worker.display_ref(),
            runtime_id: worker.runtime_id,
            worker_id: worker.worker_id,
            display_name,
            implementation_kind,
            profile,
            state,
            active_run,
            created_at: instants.0,
            last_activity_at: instants.1,
            capabilities,
            diagnostics,
        }
    }
}

fn usage() -> impl Strategy<Value = Usage> {
    any::<(u64, u64)>().prop_map(|(input_tokens, output_tokens)| Usage {
        input_tokens,
        output_tokens,
    })
}

fn outcome() -> impl Strategy<Value = RunOutcome> {
    select(vec![
        RunOutcome::Completed,
        RunOutcome::Cancelled,
        RunOutcome::Failed,
        RunOutcome::TimedOut,
    ])
}

fn error_code() -> impl Strategy<Value = RunErrorCode> {
    select(vec![
        RunErrorCode::Unauthorized,
        RunErrorCode::RateLimited,
        RunErrorCode::Unreachable,
        RunErrorCode::TimedOut,
        RunErrorCode::InvalidResponse,
        RunErrorCode::Refused,
        RunErrorCode::Misconfigured,
        RunErrorCode::Internal,
        RunErrorCode::EnginePanicked,
        RunErrorCode::OutputLimit,
        RunErrorCode::Interrupted,
    ])
}

prop_compose! {
    fn last_run()(
        run_id in id(),
        outcome in outcome(),
        error_code in option::of(error_code()),
        finished_at in instant(),
    ) -> LastRun {
        LastRun { run_id, outcome, error_code, finished_at }
    }
}

prop_compose! {
    fn conversation()(
        entries: u64,
        first_sequence: Option<u64>,
        last_sequence: Option<u64>,
        latest_cursor in cursor(),
        usage in usage(),
        last_run in option::of(last_run()),
    ) -> ConversationSummary {
        let transcript = TranscriptBounds { entries, first_sequence, last_sequence };
        ConversationSummary { transcript, latest_cursor, usage, last_run }
    }
}

pub(crate) fn detail() -> impl Strategy<Value = WorkerDetail> {
    (summary(), option::of(conversation())).prop_map(|(summary, conversation)| WorkerDetail {
        summary,
        conversation,
    })
}

prop_compose! {
    pub(crate) fn page()(
        items in vec(summary(), 0..=ITEMS),
        next in option::of((id(), option::of("[!-~]{1,20}"))),
        diagnostics in vec(remark(), 0..=ITEMS),
    ) -> WorkerPage {
        let next_page_token = next.map(|(runtime_id, position)| PageToken {
            runtime_id,
            position: position.map(|text| text.parse().unwrap()),
        });
        WorkerPage { items, next_page_token, diagnostics }
    }
}

prop_compose! {
    pub(crate) fn accepted()(run_id in id(), sequence: u64, cursor in cursor()) -> AcceptedInput {
        AcceptedInput { run_id, sequence, cursor }
    }
}

prop_compose! {
    fn entry()(
        sequence in prop_oneof![0..100_000_u64, any::<u64>()],
        role in select(vec![EntryRole::User, EntryRole::Assistant]),
        content: String,
        run_id in id(),
        created_at in instant(),
        partial: bool,
    ) -> TranscriptEntry {
        TranscriptEntry { sequence, role, content: content.into(), run_id, created_at, partial }
    }
}

prop_compose! {
    pub(crate) fn transcript()(
        entries in vec(entry(), 0..=ITEMS),
        sequences: [Option<u64>; 3],
        flags: [bool; 2],
        in_flight in option::of((id::<RunId>(), any::<String>())),
        cursor in cursor(),
    ) -> TranscriptPage {
        TranscriptPage {
            entries,
            first_sequence: sequences[0],
            last_sequence: sequences[1],
            has_earlier: flags[0],
            has_later: flags[1],
            pruned_before: sequences[2],
            in_flight: in_flight.map(|(run_id, text)| InFlightText { run_id, text: text.into() }),
            cursor,
        }
    }
}

fn kind() -> impl Strategy<Value = EventKind> {
    let delta = (id(), any::<String>()).prop_map(|(run_id, text)| EventKind::OutputDelta {
        run_id,
        text: text.into(),
    });
    let accepted = (id(), any::<u64>())
        .prop_map(|(run_id, sequence)| EventKind::InputAccepted { run_id, sequence });
    let rest = (
        any::<Option<u64>>(),
        option::of(usage()),
        option::of(error_code()),
    );
    let finished =
        (id(), outcome(), rest).prop_map(|(run_id, outcome, (sequence, usage, error_code))| {
            EventKind::RunFinished {
                run_id,
                outcome,
                sequence,
                usage,
                error_code,
            }
        });
    let plain = select(vec![EventKind::WorkerCreated, EventKind::WorkerStopped]);
    prop_oneof![plain, accepted, delta, finished]
}

prop_compose! {
    pub(crate) fn events()(
        events in vec((cursor(), instant(), kind()), 0..=ITEMS),
        next_cursor in cursor(),
        caught_up: bool,
    ) -> EventBatch {
        let events = events
            .into_iter()
            .map(|(cursor, at, kind)| WorkerEvent { cursor, at, kind })
            .collect();
        EventBatch { events, next_cursor, caught_up }
    }
}
