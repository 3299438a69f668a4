//! Limits and their names.

use std::collections::HashSet;

use super::*;

#[test]
fn the_defaults_are_usable() {
    assert_eq!(Limits::default().validate(), Ok(()));
}

#[test]
fn every_limit_is_listed_once_under_its_own_name() {
    let limits = Limits::default();
    let names: Vec<&str> = limits.iter().map(|limit| limit.name.as_str()).collect();
    let distinct: HashSet<&&str> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    // The struct's own fields, so that a new one can't be left out of the list.
    let debug = format!("{limits:?}");
    assert_eq!(debug.matches(": ").count(), names.len());
    for name in names {
        let field = name.trim_end_matches("_ms");
        assert!(debug.contains(&format!("{field}: ")), "{name}");
    }
}

#[test]
fn a_limit_of_zero_is_not_usable() {
    let limits = Limits {
        concurrent_runs: 0,
        ..Limits::default()
    };
    let error = limits.validate().unwrap_err();
    assert_eq!(error.limit, LimitName::ConcurrentRuns);
    assert_eq!(
        error.to_string(),
        "limit concurrent_runs is 0, but must be at least 1"
    );
}

#[test]
fn limits_that_contradict_each_other_are_not_usable() {
    let contradictions = [
        (
            LimitName::TranscriptBytes,
            Limits {
                transcript_bytes: OUTPUT_BYTES,
                ..Limits::default()
            },
        ),
        (
            LimitName::EventBytes,
            Limits {
                event_bytes: DELTA_BYTES,
                ..Limits::default()
            },
        ),
        (
            LimitName::TotalBytes,
            Limits {
                total_bytes: TRANSCRIPT_BYTES,
                ..Limits::default()
            },
        ),
        (
            LimitName::PageMax,
            Limits {
                page_max: 10,
                ..Limits::default()
            },
        ),
    ];
    for (limit, limits) in contradictions {
        assert_eq!(limits.validate().unwrap_err().limit, limit);
    }
}

#[test]
fn limits_may_be_as_large_as_a_number_can_be() {
    let limits = Limits {
        input_bytes: usize::MAX,
        output_bytes: usize::MAX,
        reasoning_bytes: usize::MAX,
        transcript_bytes: usize::MAX,
        event_bytes: usize::MAX,
        total_bytes: usize::MAX,
        input_keys: usize::MAX,
        list_scan: usize::MAX,
        run_time: Duration::MAX,
        ..Limits::default()
    };
    assert_eq!(limits.validate(), Ok(()));
    let runtime = crate::Runtime::builder().limits(limits).build().unwrap();
    let created =
        crate::runtime::tests::at_once(runtime.create(crate::CreateWorker::default())).unwrap();
    let idle = crate::ListQuery {
        state: Some(created.worker.state),
        ..crate::ListQuery::default()
    };
    assert_eq!(
        crate::runtime::tests::at_once(runtime.list(idle))
            .unwrap()
            .workers,
        [created.worker]
    );
}

#[test]
fn a_limit_that_was_set_by_name_is_that_limit_and_no_other() {
    for (at, &name) in LimitName::ALL.iter().enumerate() {
        let mut limits = Limits::default();
        let value = 7_000_000 + u64::try_from(at).unwrap();
        limits.set(name, value);
        let changed: Vec<_> = limits
            .iter()
            .zip(Limits::default().iter())
            .filter(|(new, old)| new != old)
            .collect();
        assert_eq!(changed.len(), 1, "{name}");
        assert_eq!((changed[0].0.name, changed[0].0.value), (name, value));
    }
}

#[test]
fn the_defaults_are_the_documented_numbers() {
    let expected = [
        (LimitName::Workers, 10_000),
        (LimitName::StoredWorkers, 100_000),
        (LimitName::ConcurrentRuns, 1_024),
        (LimitName::QueuedRuns, 1_024),
        (LimitName::InputBytes, 131_072),
        (LimitName::OutputBytes, 1_048_576),
        (LimitName::ReasoningBytes, 131_072),
        (LimitName::TranscriptEntries, 2_000),
        (LimitName::TranscriptBytes, 4_194_304),
        (LimitName::TranscriptPageBytes, 1_048_576),
        (LimitName::Events, 1_024),
        (LimitName::EventBytes, 1_048_576),
        (LimitName::DeltaBytes, 16_384),
        (LimitName::TotalBytes, 536_870_912),
        (LimitName::RunTime, 300_000),
        (LimitName::PageDefault, 50),
        (LimitName::PageMax, 200),
        (LimitName::ListScan, 1_000),
        (LimitName::Wait, 30_000),
        (LimitName::WorkerPollers, 512),
        (LimitName::Pollers, 10_000),
        (LimitName::InputKeys, 256),
        (LimitName::CancelWait, 5_000),
    ];
    let limits = Limits::default();
    assert!(
        limits
            .iter()
            .map(|limit| limit.name)
            .eq(expected.map(|(name, _)| name))
    );
    for (name, value) in expected {
        assert_eq!(limits.get(name).value, value, "{name}");
    }
}

#[test]
fn the_least_bytes_are_those_of_one_worker_at_its_largest() {
    let limits = Limits {
        input_bytes: 10,
        output_bytes: 20,
        reasoning_bytes: 30,
        transcript_bytes: 1_000,
        delta_bytes: 4,
        event_bytes: 500,
        input_keys: 3,
        ..Limits::default()
    };
    let minimum = |name| limits.minimum(name);
    assert_eq!(minimum(LimitName::TranscriptBytes), 10 + 20 + 2 * 128);
    assert_eq!(minimum(LimitName::EventBytes), 4 + 160);
    let keys = (3 + 2) * (128 + 256);
    let run = 10 + 20 + 30 + 2 * 128;
    assert_eq!(
        minimum(LimitName::TotalBytes),
        2_048 + 1_000 + run + 500 + 160 + keys
    );
}
