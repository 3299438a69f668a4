//! The supervisor of a server whose threads are free, blocked or gone.

use std::future::pending;
use std::sync::mpsc;

use super::*;

fn dropped() -> DroppedLines {
    logging::tests::log(io::sink()).1.dropped_lines()
}

/// A runtime with one thread, as the server's in miniature.
fn one_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).build().unwrap()
}

/// One signal, and then no further one.
fn one_signal() -> impl AsyncFnMut() {
    let mut signals = Some(());
    async move || match signals.take() {
        Some(()) => {}
        None => pending().await,
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_only_thread_is_blocked_is_given_up_at_the_deadline() {
    let serving = one_thread();
    let (release, released) = mpsc::channel::<()>();
    let server = serving.spawn(async move {
        let _ = released.recv();
        ExitCode::FAILURE
    });
    let (stop, _stopped) = oneshot::channel();
    let began = tokio::time::Instant::now();
    let code = supervise(server, stop, one_signal(), &dropped()).await;
    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(began.elapsed(), BLOCKED_DEADLINE);
    serving.shutdown_background();
    drop(release);
}

#[tokio::test]
async fn a_signal_stops_the_server_and_its_exit_code_is_the_processs() {
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(async move {
        stopped.await.unwrap();
        ExitCode::from(7)
    });
    let code = supervise(server, stop, one_signal(), &dropped()).await;
    assert_eq!(code, ExitCode::from(7));
}

#[tokio::test]
async fn a_server_that_does_not_start_or_panics_ends_the_process_without_a_signal() {
    for (server, expected) in [
        (tokio::spawn(async { ExitCode::from(7) }), ExitCode::from(7)),
        (tokio::spawn(async { panic!("planted") }), ExitCode::FAILURE),
    ] {
        let (stop, _stopped) = oneshot::channel();
        let code = supervise(server, stop, pending, &dropped()).await;
        assert_eq!(code, expected);
    }
}
