//! Tells the service manager how far the server is (sd_notify(3)), if one has asked by
//! `NOTIFY_SOCKET`: systemd's `Type=notify` and `Type=notify-reload`.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Longest wait for the manager to take a message. Its queue is full only if it hangs, and the
/// server must not end too late for that.
const SEND_TIMEOUT: Duration = Duration::from_millis(200);

/// The server listens, and has what it reads from files.
pub(crate) async fn ready() {
    send(vec![NotifyState::Ready, NotifyState::Status("serving")]).await;
}

/// The server listens, and stands by.
pub(crate) async fn standing_by() {
    let status = NotifyState::Status("standing by until the workspace is free");
    send(vec![NotifyState::Ready, status]).await;
}

/// The server reads its files again; [`ready`] or [`standing_by`] ends that.
pub(crate) async fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    // By the time systemd tells this reload from an earlier one. There is always a clock.
    states.extend(NotifyState::monotonic_usec_now());
    send(states).await;
}

/// The server begins to end.
pub(crate) async fn stopping() {
    send(vec![NotifyState::Stopping]).await;
}

async fn send(states: Vec<NotifyState<'static>>) {
    let sending = spawn_blocking(move || sd_notify::notify(&states));
    match timeout(SEND_TIMEOUT, sending).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => {
            tracing::warn!(error = %error.kind(), "the service manager was not notified");
        }
        Ok(Err(_)) | Err(_) => tracing::warn!("the service manager takes no message"),
    }
}
