//! Tells the service manager how far the server is (sd_notify(3)), if one has asked by
//! `NOTIFY_SOCKET`: systemd's `Type=notify` and `Type=notify-reload`.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Longest wait for the manager to take a message. Its queue is full only if it hangs, and the
/// server must not end too late for that.
const SEND_TIMEOUT: Duration = Duration::from_millis(200);
/// Locked while a message is being sent. Others wait in their order: none may overtake another.
static SENDING: Mutex<()> = Mutex::const_new(());

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
    let mut sending = Box::pin(async {
        let turn = SENDING.lock().await;
        // A send that has begun can't be dropped, and neither can its turn.
        let sent = spawn_blocking(move || {
            let sent = sd_notify::notify(&states);
            drop(turn);
            sent
        });
        if let Ok(Err(error)) = sent.await {
            tracing::warn!(error = %error.kind(), "the service manager was not notified");
        }
    });
    if timeout(SEND_TIMEOUT, &mut sending).await.is_err() {
        tracing::warn!("the service manager takes no message");
        // It is sent once the manager goes on, unless the process ends before: a manager that is
        // told of a reload and not of its end takes the server for failed. Two wait for each reload
        // that somebody asks for meanwhile.
        tokio::spawn(sending);
    }
}
