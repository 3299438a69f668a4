//! What systemd is told of the server (sd_notify(3)).

use std::path::Path;

use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};
use testkit::client::Client;
use testkit::deadline::in_time;
use tokio::net::UnixDatagram;

use crate::process::ServerProcess;
use crate::reload::write_token;

/// What is sent of a server that serves.
pub(crate) const SERVING: &str = "READY=1\nSTATUS=serving\n";

/// What a hanging manager has not taken.
const FULL: &str = "full";

pub(crate) async fn received(socket: &UnixDatagram) -> String {
    let mut message = [0; 256];
    let length = in_time(socket.recv(&mut message)).await.unwrap();
    String::from_utf8(message[..length].to_vec()).unwrap()
}

/// A service manager that takes nothing: its queue is full of [`FULL`].
fn hanging_manager(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    let other = std::os::unix::net::UnixDatagram::unbound().unwrap();
    other.set_nonblocking(true).unwrap();
    while other.send_to(FULL.as_bytes(), path).is_ok() {}
    socket
}

fn monotonic_usec() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

#[tokio::test]
async fn a_service_manager_is_told_of_the_start_each_reload_and_the_end() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let server = ServerProcess::start(home.path(), &["--store", "memory"], &variables).await;
    assert_eq!(received(&socket).await, SERVING);
    server.client.get("/readyz").await.expect(200);

    let before = monotonic_usec();
    server.signal(Signal::HUP);
    let message = received(&socket).await;
    let time = message
        .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
        .unwrap();
    let time: i64 = time.trim_end().parse().unwrap();
    assert!((before..=monotonic_usec()).contains(&time), "{message}");
    assert_eq!(received(&socket).await, SERVING);

    server.signal(Signal::TERM);
    assert_eq!(received(&socket).await, "STOPPING=1\n");
    assert!(server.ended().await.status.success());
}

#[tokio::test]
async fn a_service_manager_that_takes_nothing_holds_up_neither_start_nor_end() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("notify");
    let _socket = hanging_manager(&path);
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let server = ServerProcess::start(home.path(), &["--store", "memory"], &variables).await;
    server.client.get("/readyz").await.expect(200);
    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success());
    assert!(ended.log.contains("the service manager takes no message"));
    assert!(!ended.log.contains("without waiting"), "{}", ended.log);
}

#[tokio::test]
async fn a_service_manager_that_hangs_for_a_while_is_told_everything_in_its_order() {
    const RELOADS: usize = 4;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("notify");
    let socket = hanging_manager(&path);
    let token = |number: usize| format!("the-token-of-the-server-number-{number}");
    let token_file = home.path().join("token");
    write_token(&token_file, &token(0));
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let args = ["--store", "memory", "--token-file", "token"];
    let server = ServerProcess::start(home.path(), &args, &variables).await;
    for number in 1..=RELOADS {
        write_token(&token_file, &token(number));
        server.signal(Signal::HUP);
        // Once it is in force, the server has given up waiting for the manager to take the message
        // before it.
        let client = Client::new(server.client.base.clone(), token(number));
        in_time(async { while client.get("/api/workspace").await.status != 200 {} }).await;
    }
    let next = async || {
        loop {
            let message = received(&socket).await;
            if message != FULL {
                return message;
            }
        }
    };
    assert_eq!(next().await, SERVING);
    for _ in 0..RELOADS {
        let message = next().await;
        assert!(message.starts_with("RELOADING=1\n"), "{message}");
        assert_eq!(next().await, SERVING);
    }
    server.signal(Signal::TERM);
    assert_eq!(next().await, "STOPPING=1\n");
    assert!(server.ended().await.status.success());
}
