//! A thousand long-polls and steady inputs: nobody gets an error, no poller misses an event, and
//! an input takes little longer than on an idle server.

use std::time::Duration;

use tokio::task::JoinSet;

use super::Plan;
use super::polling_load::{
    PollEnd, Polled, RATE, WORKERS, lateness, send_inputs_for, start_pollers,
};
use crate::failure::Failure;
use crate::process_stats::format_mib;
use crate::report::Report;
use crate::run_tracker::RunTracker;
use crate::server::{Server, Settings};
use crate::worker::Worker;

/// The longest that 99 of 100 inputs may take under load, on a machine that also runs the
/// thousand clients, beyond what that machine is late by itself.
const INPUT_P99_MAX: Duration = Duration::from_millis(500);
/// How long an idle server is measured.
const IDLE: Duration = Duration::from_secs(5);

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let pollers = plan.either(1_000, 400);
    let length = Duration::from_secs(plan.either(30, 6));
    let server = Server::start(Settings::default().with("--log", "warn")).await?;
    let mut client = server.client();

    let unread = Worker::create_many(&mut client, WORKERS).await?;
    let idle = send_inputs_for(server.endpoint(), &unread, plan.either(IDLE, IDLE / 2)).await?;

    let workers = Worker::create_many(&mut client, WORKERS).await?;
    let polls = start_pollers(server.endpoint(), &workers, pollers);
    let expected = u64::try_from(pollers).expect("a small number");
    let waiting = server.wait_for_counts(|counts| counts.waiting_pollers == expected);
    let waiting = waiting.await?.waiting_pollers;
    let lateness = tokio::spawn(lateness(length));
    let busy = send_inputs_for(server.endpoint(), &workers, length).await?;
    let lateness = lateness.await?;
    let stats = server.stats()?;
    // Stopping a worker appends its last event, which all of its pollers must receive.
    let idle_again = server.wait_for_counts(|counts| counts.active_runs == 0);
    idle_again.await?;
    for worker in &workers {
        worker.stop(&mut client).await?;
    }

    let mut report = Report::default();
    let inputs = busy.tracker.totals().accepted;
    report.tried(format!(
        "{waiting} long-polls waiting on {WORKERS} workers, {inputs} inputs in {length:?}"
    ));
    report.check(
        waiting == expected,
        format!("{waiting} of {expected} polls wait"),
    );
    let due = u64::from(RATE) * length.as_secs();
    report.check(
        u64::try_from(inputs).unwrap_or_default() == due,
        format!("{inputs} of {due} inputs were accepted"),
    );
    report.expect_zero("inputs that failed", idle.errors.len() + busy.errors.len());
    report.observed(format!("input, idle: {}", idle.times));
    report.observed(format!("input, under load: {}", busy.times));
    report.observed(format!("the machine, late by itself: {lateness}"));
    if plan.judges_times() {
        let late = lateness.percentile(99).unwrap_or_default();
        let p99 = busy.times.percentile(99);
        report.check(
            p99.is_some_and(|p99| p99 < late + INPUT_P99_MAX),
            format!("p99 of an input is not below {INPUT_P99_MAX:?}"),
        );
    }
    report.observed(format!("resident {}", format_mib(stats.resident_bytes)));
    check_polls(&mut report, polls, &busy.tracker).await?;
    Ok(report)
}

/// Checks what the pollers received against the inputs that were accepted.
async fn check_polls(
    report: &mut Report,
    mut polls: JoinSet<Polled>,
    accepted: &RunTracker,
) -> Result<(), Failure> {
    let (mut events, mut gaps, mut answered, mut failed, mut inconsistent) = (0, 0, 0, 0, 0);
    while let Some(polled) = polls.join_next().await {
        let polled = polled?;
        events += polled.events;
        gaps += polled.gaps;
        answered += polled.polls;
        inconsistent += polled.tracker.inconsistent_with(accepted);
        if let PollEnd::Failed { failure, .. } = polled.end {
            failed += 1;
            report.check(false, format!("a poll: {failure}"));
        }
    }
    report.observed(format!("{answered} polls answered, {events} events read"));
    report.expect_zero("polls that failed", failed);
    report.expect_zero("events lost or repeated", gaps);
    report.expect_zero("runs whose one end a poller did not receive", inconsistent);
    Ok(())
}
