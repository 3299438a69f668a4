//! The supervisor of a server whose threads are free, blocked or gone.

use std::future::pending;
use std::sync::mpsc;

use tokio::runtime::Runtime;

use super::*;
use crate::logging;

const DRAIN_GRACE: Duration = Duration::from_millis(700);

/// A server as the supervisor gets it, and what tells it to stop.
fn serving(server: TaskHandle<ExitCode>) -> (Serving, oneshot::Receiver<Duration>) {
    let (stop, stopped) = oneshot::channel();
    let serving = Serving {
        server,
        stop,
        drain_grace: DRAIN_GRACE,
        reload: Arc::default(),
        dropped: logging::tests::log(io::sink()).1.dropped_lines(),
    };
    (serving, stopped)
}

/// A runtime with one thread, as the server's in miniature.
fn one_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).build().unwrap()
}

/// These signals, and then no further one.
fn signals<const N: usize>(requests: [Request; N]) -> impl AsyncFnMut() -> Request {
    let mut requests = requests.into_iter();
    async move || match requests.next() {
        Some(request) => request,
        None => pending().await,
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_only_thread_is_blocked_is_given_up_at_the_deadline() {
    for (request, grace) in [
        (Request::End, DRAIN_GRACE),
        (Request::EndAtOnce, Duration::ZERO),
    ] {
        let runtime = one_thread();
        let (release, released) = mpsc::channel::<()>();
        let server = runtime.spawn(async move {
            let _ = released.recv();
            ExitCode::FAILURE
        });
        let (serving, mut stopped) = serving(server);
        let began = tokio::time::Instant::now();
        let code = supervise(serving, signals([request])).await;
        assert_eq!(code, ExitCode::SUCCESS);
        assert_eq!(began.elapsed(), grace + BLOCKED_DEADLINE);
        assert_eq!(stopped.try_recv(), Ok(grace));
        runtime.shutdown_background();
        drop(release);
    }
}

#[tokio::test]
async fn a_signal_that_comes_after_the_server_is_for_the_server() {
    for _ in 0..50 {
        let (serving, _stopped) = serving(tokio::spawn(pending()));
        let (hand_over, handed_over) = oneshot::channel();
        assert!(hand_over.send(serving).is_ok());
        let mut taken = 0;
        let signal = async || {
            taken += 1;
            Request::Reload
        };
        assert!(until_serving(handed_over, signal).await.is_some());
        assert_eq!(taken, 0);
    }
}

#[tokio::test]
async fn sighup_ends_nothing_before_and_after_a_signal_that_does() {
    let (serving, stopped) = serving(tokio::spawn(pending()));
    let reload = Arc::clone(&serving.reload);
    let (begun, begins) = oneshot::channel();
    let server = tokio::spawn(async move {
        stopped.await.unwrap();
        begun.send(()).unwrap();
        // The reload is remembered until somebody waits for it.
        reload.notified().await;
        ExitCode::from(7)
    });
    let serving = Serving { server, ..serving };
    let requests = [Request::Reload, Request::EndAtOnce, Request::Reload];
    assert_eq!(
        supervise(serving, signals(requests)).await,
        ExitCode::from(7)
    );
    begins.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_signal_that_is_repeated_at_once_is_the_same_one() {
    for request in [Request::End, Request::EndAtOnce] {
        let (release, released) = oneshot::channel();
        let server = tokio::spawn(async move {
            released.await.unwrap();
            ExitCode::from(7)
        });
        let (serving, _stopped) = serving(server);
        let mut release = Some(release);
        let mut signals = signals([request, request, Request::Reload]);
        let signals = async || {
            let request = signals().await;
            if request == Request::Reload {
                release.take().unwrap().send(()).unwrap();
            }
            request
        };
        assert_eq!(supervise(serving, signals).await, ExitCode::from(7));
    }
}

#[tokio::test]
async fn a_server_that_does_not_start_or_panics_ends_the_process_without_a_signal() {
    for (server, expected) in [
        (tokio::spawn(async { ExitCode::from(7) }), ExitCode::from(7)),
        (tokio::spawn(async { panic!("planted") }), ExitCode::FAILURE),
    ] {
        let (serving, _stopped) = serving(server);
        assert_eq!(supervise(serving, signals([])).await, expected);
    }
}
