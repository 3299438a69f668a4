//! SIGTERM under load: every waiting poll is answered, every run ends, and the process ends in
//! time with exit code 0.

use std::time::{Duration, Instant};

use registry_core::projection::RuntimeCounts;
use tokio::sync::watch;

use super::Plan;
use super::polling_load::{PollEnd, WORKERS, send_inputs, start_pollers};
use crate::engine::Script;
use crate::failure::Failure;
use crate::log_line::LogLine;
use crate::report::Report;
use crate::server::{Server, Settings};
use crate::statistics::format_ms;
use crate::worker::Worker;

/// Runs that hang when the signal arrives.
const HANGING: usize = 32;
/// How soon the process must have ended: its own deadline is 3.5 s.
const END_MAX: Duration = Duration::from_secs(5);
/// The same in a quick run.
const QUICK_END_MAX: Duration = Duration::from_secs(15);

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let pollers = plan.either(1_000, 400);
    let length = Duration::from_secs(plan.either(8, 3));
    let server = Server::start(Settings::default()).await?;
    let mut client = server.client();
    let workers = Worker::create_many(&mut client, WORKERS).await?;
    let hanging = Worker::create_many(&mut client, HANGING).await?;
    for worker in &hanging {
        worker.send(&mut client, Script::Hang).await?;
    }
    // Half of the polls are of workers whose runs hang: they wait from now on until the signal. Those of
    // the others come and go, and may cross the signal on their way.
    let still = pollers / 2;
    let expected = u64::try_from(still).expect("a small number");
    let mut polls = start_pollers(server.endpoint(), &hanging, still);
    let all_wait = |counts: &RuntimeCounts| counts.waiting_pollers == expected;
    let waiting = server.wait_for_counts(all_wait).await?.waiting_pollers;
    let known = Instant::now();
    let mut others = start_pollers(server.endpoint(), &workers, pollers - still);
    let (done, is_done) = watch::channel(false);
    let senders = tokio::spawn(send_inputs(server.endpoint().clone(), workers, is_done));
    tokio::time::sleep(length).await;
    let ended = server.terminate().await?;
    done.send_replace(true);
    let inputs = senders.await??.tracker.totals().accepted;

    let mut report = Report::default();
    report.tried(format!(
        "SIGTERM with {waiting} polls waiting, {} that come and go, {inputs} inputs accepted, \
         {HANGING} runs hanging",
        pollers - still
    ));
    report.check(
        waiting == expected,
        format!("{waiting} of {expected} polls wait"),
    );
    report.observed(format!(
        "exit {:?} after {}",
        ended.status.code(),
        format_ms(Some(ended.took))
    ));
    report.check(ended.status.code() == Some(0), "the exit code is not 0");
    let end_max = plan.either(END_MAX, QUICK_END_MAX);
    report.check(
        ended.took < end_max,
        format!("the process ended only after {end_max:?}"),
    );
    let (mut answered, mut lost, mut gaps) = (0, 0, 0);
    for polls in [&mut polls, &mut others] {
        while let Some(polled) = polls.join_next().await {
            let polled = polled?;
            answered += polled.polls;
            gaps += polled.gaps;
            match polled.end {
                PollEnd::Failed { sent, failure } if sent < known => {
                    lost += 1;
                    report.check(false, format!("a waiting poll: {failure}"));
                }
                PollEnd::Failed { .. } | PollEnd::Stopped => {}
            }
        }
    }
    report.observed(format!("{answered} polls answered with 200"));
    report.expect_zero("waiting polls without a response", lost);
    report.expect_zero("events lost or repeated", gaps);
    check_last_line(&mut report, &ended.log)?;
    Ok(report)
}

/// The server's last log line counts runs and connections.
fn check_last_line(report: &mut Report, log: &[u8]) -> Result<(), Failure> {
    let line = log
        .rsplit(|byte| *byte == b'\n')
        .filter_map(LogLine::parse)
        .find(|line| line.message() == "ended")
        .ok_or_else(|| Failure::Protocol("the log has no line `ended`".to_owned()))?;
    let number = |name: &str| {
        let number = line.field(name).as_u64();
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.unwrap_or(usize::MAX)
    };
    let ended = number("runs_ended");
    report.observed(format!("{ended} runs were ended"));
    report.check(
        (HANGING..usize::MAX).contains(&ended),
        format!("{ended} runs ended, of at least {HANGING}"),
    );
    report.expect_zero("runs that did not end", number("runs_abandoned"));
    report.expect_zero("connections cut", number("connections_cut"));
    Ok(())
}
