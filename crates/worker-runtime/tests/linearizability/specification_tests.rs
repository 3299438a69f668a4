//! The specification on histories written by hand: which answers could have been given, and
//! which could not.

use worker_runtime::{RunOutcome, WorkerState};

use super::engine::{Content, REPLY};
use super::observed::{Cancel, Observed, Receipt, Refusal, Snapshot};
use super::plan::ListFilter;

mod history;

use history::{History, cancel, ended, lingering, page, receipt, run, saw, sent, told, worker};

#[test]
fn a_run_that_lingers_keeps_its_worker_busy_until_it_is_cancelled() {
    let busy = || told(Content::Answer, Err(Refusal::Busy(run(1))));
    let next = || told(Content::Answer, Ok(receipt(2, 2, 4)));
    lingering().then(busy()).could_be();
    lingering().then(next()).could_not_be();
    let cancelled = || lingering().then(cancel(Cancel::Run(run(1)))).then(ended(1));
    cancelled().then(next()).could_be();
    cancelled().then(busy()).could_not_be();
    // While it is being cancelled it is busy still, or not any more.
    let cancelling = || lingering().then(cancel(Cancel::Run(run(1))));
    cancelling().then(busy()).could_be();
    cancelling().then(next()).could_be();
    cancelling().then(next()).then(busy()).could_not_be();
}

#[test]
fn a_run_that_ends_on_its_own_may_or_may_not_have_ended() {
    let answering = || History::new().then(sent(Content::Answer, Ok(receipt(1, 1, 2))));
    let completed = Some(RunOutcome::Completed);
    answering()
        .then(saw(WorkerState::Running, 1, 2, None))
        .could_be();
    answering()
        .then(saw(WorkerState::Running, 1, 3, None))
        .could_be();
    answering()
        .then(saw(WorkerState::Idle, 2, 4, completed))
        .could_be();
    answering()
        .then(saw(WorkerState::Idle, 1, 4, completed))
        .could_not_be();
    answering()
        .then(saw(WorkerState::Idle, 2, 4, completed))
        .then(saw(WorkerState::Running, 1, 3, None))
        .could_not_be();
}

#[test]
fn a_page_and_its_cursor_are_of_one_moment() {
    lingering().then(page(1, 2, Some(""))).could_be();
    lingering().then(page(1, 3, Some(REPLY))).could_be();
    lingering().then(page(1, 3, Some(""))).could_not_be();
    lingering().then(page(1, 2, Some(REPLY))).could_not_be();
}

#[test]
fn a_key_is_answered_as_before_or_conflicts() {
    let replay = |number| Receipt {
        replayed: true,
        ..receipt(number, 1, 2)
    };
    lingering()
        .then(sent(Content::Linger, Ok(replay(1))))
        .could_be();
    lingering()
        .then(sent(Content::Linger, Ok(replay(2))))
        .could_not_be();
    lingering()
        .then(sent(Content::Linger, Err(Refusal::Busy(run(1)))))
        .could_not_be();
    lingering()
        .then(sent(Content::Fail, Err(Refusal::Conflict)))
        .could_be();
    lingering()
        .then(sent(Content::Fail, Ok(replay(1))))
        .could_not_be();
}

#[test]
fn of_two_inputs_at_once_one_is_accepted() {
    let one = || told(Content::Linger, Ok(receipt(1, 1, 2)));
    let busy = || told(Content::Linger, Err(Refusal::Busy(run(1))));
    History::new().then(busy()).meanwhile(one()).could_be();
    History::new().then(busy()).then(one()).could_not_be();
    let other = told(Content::Linger, Ok(receipt(2, 2, 3)));
    History::new().then(one()).meanwhile(other).could_not_be();
}

#[test]
fn no_more_runs_are_active_than_may_be() {
    let second = |answer| Observed::Sent {
        worker: worker(2),
        content: Content::Linger,
        key: None,
        answer,
    };
    lingering()
        .then(second(Err(Refusal::TooManyRuns)))
        .could_be();
    lingering()
        .then(second(Ok(receipt(2, 1, 2))))
        .could_not_be();
    History::new()
        .then(second(Err(Refusal::TooManyRuns)))
        .could_not_be();
}

#[test]
fn a_stopped_worker_stays_so() {
    let stopped = || History::new().then(Observed::StopBegan { worker: worker(1) });
    stopped()
        .then(saw(WorkerState::Stopped, 0, 2, None))
        .could_be();
    stopped()
        .then(saw(WorkerState::Idle, 0, 1, None))
        .could_not_be();
    stopped()
        .then(told(Content::Fail, Err(Refusal::Stopped)))
        .could_be();
    stopped()
        .then(told(Content::Fail, Ok(receipt(1, 1, 3))))
        .could_not_be();
}

#[test]
fn a_cancel_means_the_run_that_it_names() {
    let named = |answer| Observed::CancelBegan {
        worker: worker(1),
        expected: Some(run(9)),
        answer,
    };
    lingering().then(named(Cancel::OtherRun(run(1)))).could_be();
    lingering().then(named(Cancel::Run(run(1)))).could_not_be();
    lingering().then(cancel(Cancel::Nothing)).could_not_be();
    History::new().then(named(Cancel::Nothing)).could_be();
    let not_ended = saw(WorkerState::Cancelling, 1, 2, None);
    let cancelled = lingering().then(cancel(Cancel::Run(run(1)))).then(ended(1));
    cancelled.then(not_ended).could_not_be();
}

#[test]
fn a_list_shows_each_worker_that_it_finds_as_it_is_when_it_is_looked_at() {
    let began = |filter, more| Observed::ListBegan {
        list: 7,
        after: None,
        filter,
        more,
    };
    let shows = |number| Observed::ListSaw {
        list: 7,
        worker: worker(number),
        seen: Snapshot {
            state: WorkerState::Idle,
            active: None,
            entries: 0,
            events: 1,
            last: None,
        },
    };
    let end = || Observed::ListEnded { list: 7 };
    let all = || History::new().then(began(ListFilter::Newest(50), false));
    all().then(shows(2)).then(shows(1)).then(end()).could_be();
    all().then(shows(2)).then(end()).could_not_be();
    all()
        .then(shows(1))
        .then(shows(2))
        .then(end())
        .could_not_be();
    all()
        .then(shows(2))
        .then(shows(2))
        .then(end())
        .could_not_be();
    let first = |more| History::new().then(began(ListFilter::Newest(1), more));
    first(true).then(shows(2)).then(end()).could_be();
    first(false).then(shows(2)).then(end()).could_not_be();

    // The first worker may be passed over only while it isn't idle.
    let idle = || began(ListFilter::In(WorkerState::Idle), false);
    let one_stops = || Observed::StopBegan { worker: worker(1) };
    let passed = History::new().then(idle()).then(shows(2)).then(end());
    passed.could_not_be();
    let passed = History::new()
        .then(idle())
        .then(shows(2))
        .then(one_stops())
        .then(end());
    passed.could_be();
    let too_late = History::new()
        .then(idle())
        .then(shows(2))
        .then(end())
        .then(one_stops());
    too_late.could_not_be();
}

#[test]
fn a_worker_is_created_once_under_a_key() {
    let created = |number, replayed| Observed::Created {
        key: Some(1),
        named: true,
        answer: Some((worker(number), replayed)),
    };
    let first = || History::new().then(created(3, false));
    first().then(created(3, true)).could_be();
    first().then(created(4, false)).could_not_be();
    History::new().then(created(3, true)).could_not_be();
    History::new()
        .then(created(3, true))
        .meanwhile(created(3, false))
        .could_be();
    let unnamed = |answer| Observed::Created {
        key: Some(1),
        named: false,
        answer,
    };
    first().then(unnamed(None)).could_be();
    first()
        .then(unnamed(Some((worker(3), true))))
        .could_not_be();
}
