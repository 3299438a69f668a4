//! What systemd is told of the server (sd_notify(3)).

use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};
use testkit::deadline::in_time;
use tokio::net::UnixDatagram;

use crate::process::ServerProcess;

/// What is sent of a server that serves.
pub(crate) const SERVING: &str = "READY=1\nSTATUS=serving\n";

pub(crate) async fn received(socket: &UnixDatagram) -> String {
    let mut message = [0; 256];
    let length = in_time(socket.recv(&mut message)).await.unwrap();
    String::from_utf8(message[..length].to_vec()).unwrap()
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
    let _socket = UnixDatagram::bind(&path).unwrap();
    let other = std::os::unix::net::UnixDatagram::unbound().unwrap();
    other.set_nonblocking(true).unwrap();
    while other.send_to(b"full", &path).is_ok() {}
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let server = ServerProcess::start(home.path(), &["--store", "memory"], &variables).await;
    server.client.get("/readyz").await.expect(200);
    server.signal(Signal::TERM);
    let ended = server.ended().await;
    assert!(ended.status.success());
    assert!(ended.log.contains("the service manager takes no message"));
    assert!(!ended.log.contains("without waiting"), "{}", ended.log);
}
