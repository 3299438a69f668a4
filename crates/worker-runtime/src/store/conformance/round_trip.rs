//! Everything that is stored comes back as it was, also after the store was opened again.

use std::time::Duration;

use jiff::Timestamp;

use super::{Fixture, Subject, accept, at, create, ended, finish, input, keyed, replied, worker};
use crate::cursor::{Cursor, Epoch};
use crate::id::{RunId, WorkerId};
use crate::run::{
    EngineErrorKind, ErrorDetail, LastRun, RunDiagnostics, RunError, RunErrorCode, RunOutcome,
    Usage, UsageTotals,
};
use crate::store::{StoredState, StoredWorker};

/// Texts that a store could be tempted to change.
const ODD_TEXTS: &[&str] = &[
    " ",
    "\0",
    "a\0b",
    "🙂\u{10ffff}\u{feff}",
    "x'00'; DROP TABLE worker; --",
    "line\r\nline\n\n",
    "1e400",
    "e\u{301} é",
];

pub(super) fn diagnostics() -> Vec<RunDiagnostics> {
    let none = RunDiagnostics::default;
    vec![
        none(),
        RunDiagnostics {
            omitted_entries: usize::MAX,
            ..none()
        },
        RunDiagnostics {
            exchange_truncated: true,
            ..none()
        },
        RunDiagnostics {
            reply_cut_short: true,
            ..none()
        },
        RunDiagnostics {
            context_window_full: true,
            ..none()
        },
        RunDiagnostics {
            content_filtered: true,
            ..none()
        },
        RunDiagnostics {
            blank_reply: true,
            ..none()
        },
        RunDiagnostics {
            omitted_entries: 3,
            exchange_truncated: true,
            reply_cut_short: true,
            context_window_full: true,
            content_filtered: true,
            blank_reply: true,
        },
    ]
}

/// Every outcome, and every code and detail of an error.
pub(super) fn ends() -> Vec<(RunOutcome, Option<RunError>)> {
    let mut codes: Vec<_> = EngineErrorKind::ALL
        .iter()
        .map(|kind| RunErrorCode::Engine(*kind))
        .collect();
    codes.extend([
        RunErrorCode::EnginePanicked,
        RunErrorCode::OutputLimit,
        RunErrorCode::CapacityExhausted,
        RunErrorCode::Interrupted,
        RunErrorCode::StoreFailed,
    ]);
    let outcomes = RunOutcome::ALL.iter().map(|outcome| (*outcome, None));
    let codes = codes
        .into_iter()
        .map(|code| (RunOutcome::Failed, Some(RunError::from(code))));
    let details = ErrorDetail::ALL.iter().map(|detail| {
        let error = RunError {
            code: RunErrorCode::Engine(EngineErrorKind::Internal),
            detail: Some(*detail),
            retry_after: Some(Duration::from_millis(1_500)),
        };
        (RunOutcome::Failed, Some(error))
    });
    let longest = RunError {
        retry_after: Some(Duration::from_millis(u64::MAX)),
        ..RunError::from(RunErrorCode::Engine(EngineErrorKind::RateLimited))
    };
    let longest = [(RunOutcome::TimedOut, Some(longest))];
    outcomes
        .chain(codes)
        .chain(details)
        .chain(longest)
        .collect()
}

/// Workers that differ from the usual one in each of their fields.
pub(super) fn workers() -> Vec<StoredWorker> {
    let profile = "id: a-b_c:d.e\ndescription: — odd: \"x\" 🙂\nmodel: m:1\n\
                   max_output_tokens: 4294967295\ntemperature: 1.07\n\n---\nid: no header\0🙂\n---";
    let usual = || worker(WorkerId::generate());
    let mut workers = vec![
        StoredWorker {
            display_name: "  x'00' 校閲者 🙂".parse().expect("a name"),
            profile: profile.parse().expect("a profile"),
            model: Some("vendor/model:7b 🙂".into()),
            state: StoredState::Stopped,
            create_key: keyed(&"~".repeat(128)),
            ..usual()
        },
        StoredWorker {
            model: Some("".into()),
            created_at: at(-1),
            last_activity_at: at(Timestamp::MAX.as_second() * 1_000),
            usage: UsageTotals {
                input_tokens: u64::MAX,
                output_tokens: u64::MAX - 1,
                incomplete_runs: i64::MAX.cast_unsigned() + 1,
            },
            ..usual()
        },
    ];
    workers.extend(diagnostics().into_iter().map(|diagnostics| StoredWorker {
        diagnostics,
        ..usual()
    }));
    workers.extend(ends().into_iter().map(|(outcome, error)| StoredWorker {
        last_run: Some(LastRun {
            run_id: RunId::generate(),
            outcome,
            error,
            finished_at: at(12_345),
        }),
        ..usual()
    }));
    workers
}

/// A worker is read as it was created.
pub async fn workers_keep_every_field(subject: &dyn Subject) {
    let mut fixture = Fixture::new(subject).await;
    let workers = workers();
    fixture.commit(workers.iter().cloned().map(create)).await;
    let ids: Vec<_> = workers.iter().map(|worker| worker.id).collect();
    for _ in 0..2 {
        let mut found = fixture.store.workers(&ids).await.expect("a readable store");
        found.sort_by_key(|worker| worker.id);
        assert_eq!(found, workers);
        fixture = fixture.reopen().await;
    }
}

/// Entries are read as they were committed, and the worker has what its runs ended with.
pub async fn conversations_keep_every_field(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let id = WorkerId::generate();
    fixture.commit([create(worker(id))]).await;
    let mut entries = Vec::new();
    for (exchange, diagnostics) in (0..).zip(diagnostics()) {
        let mut input = input(id, 2 * exchange + 1);
        input.cursor = Cursor::new(Epoch::new(1 << 63), u64::MAX - exchange);
        input.key = keyed(&format!("key-{exchange}"));
        let mut finished = replied(&input, "reply");
        finished.usage = Some(Usage {
            input_tokens: Some(u64::MAX),
            output_tokens: None,
        });
        finished.usage_totals.input_tokens = u64::MAX - exchange;
        finished.diagnostics = diagnostics;
        let reply = finished.reply.as_mut().expect("a reply");
        reply.diagnostics = diagnostics;
        reply.partial = exchange % 2 == 0;
        reply.reasoning = (exchange % 3 == 0).then(|| "because\0".into());
        entries.extend([input.entry.clone(), reply.clone()]);

        fixture.commit([accept(input.clone())]).await;
        let loaded = fixture.load(id).await;
        assert_eq!(loaded.worker.last_activity_at, input.entry.at);
        fixture.commit([finish(finished.clone())]).await;

        let loaded = fixture.load(id).await;
        assert_eq!(loaded.entries, entries);
        assert_eq!(loaded.active_run, None);
        let newest = loaded.inputs.last().expect("a keyed input");
        let key = Some((newest.key.clone(), newest.fingerprint));
        assert_eq!(key, input.key);
        assert_eq!(newest.accepted.run_id, input.entry.run_id);
        assert_eq!(newest.accepted.sequence, input.entry.sequence);
        assert_eq!(newest.accepted.cursor, input.cursor);
        assert!(!newest.accepted.replayed);
        let expected = StoredWorker {
            last_activity_at: finished.run.finished_at,
            last_sequence: input.entry.sequence + 1,
            usage: finished.usage_totals,
            last_run: Some(finished.run),
            diagnostics,
            ..worker(id)
        };
        assert_eq!(loaded.worker, expected);
    }
    fixture.reopen().await;
}

/// A run ends with any outcome and error.
pub async fn every_way_to_end_is_kept(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let id = WorkerId::generate();
    fixture.commit([create(worker(id))]).await;
    for (sequence, (outcome, error)) in (1..).zip(ends()) {
        let input = input(id, sequence);
        let mut finished = ended(&input);
        (finished.run.outcome, finished.run.error) = (outcome, error);
        fixture.commit([accept(input)]).await;
        fixture.commit([finish(finished.clone())]).await;
        assert_eq!(fixture.load(id).await.worker.last_run, Some(finished.run));
    }
    fixture.reopen().await;
}

/// No text is changed, whatever is in it and however long it is.
pub async fn large_and_odd_texts_are_kept(subject: &dyn Subject) {
    const MEBIBYTE: usize = 1 << 20;
    let fixture = Fixture::new(subject).await;
    let id = WorkerId::generate();
    fixture.commit([create(worker(id))]).await;
    let large = ["🙂".repeat(MEBIBYTE / 4), "\0".repeat(MEBIBYTE)];
    let texts = ODD_TEXTS
        .iter()
        .copied()
        .chain(large.iter().map(String::as_str));
    let mut contents = Vec::new();
    for (exchange, text) in (0..).zip(texts) {
        let mut input = input(id, 2 * exchange + 1);
        input.entry.content = text.into();
        let mut finished = replied(&input, text);
        finished.reply.as_mut().expect("a reply").reasoning = Some(text.into());
        fixture.commit([accept(input)]).await;
        fixture.commit([finish(finished)]).await;
        contents.extend([text, text]);
    }
    let fixture = fixture.reopen().await;
    let entries = fixture.load(id).await.entries;
    let found: Vec<_> = entries.iter().map(|entry| &*entry.content).collect();
    assert!(found == contents, "the texts are others");
    let replies = entries.iter().skip(1).step_by(2);
    let is_same =
        |reply: &crate::transcript::Entry| reply.reasoning.as_ref() == Some(&reply.content);
    assert!(replies.into_iter().all(is_same), "the reasoning is another");
}
