//! Slow readers are cut, others are not, and a client that sends nothing more is noticed.

use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;
use crate::connection::ConnectionTable;

/// Bytes that the stream between both ends holds.
const STREAM_BYTES: usize = 10;

async fn client_stream() -> (ClientStream<DuplexStream>, DuplexStream, Counter) {
    let limits = ConnectionLimits {
        rate_bytes_per_s: 100,
        rate_window: Duration::from_secs(4),
        ..ConnectionLimits::default()
    };
    let (server, client) = duplex(STREAM_BYTES);
    let table = ConnectionTable::new(1, 1, Counter::default());
    let connection = table.open().await.connection.clone();
    let slow_readers = Counter::default();
    let stream = ClientStream::new(server, connection, &limits, slow_readers.clone());
    (stream, client, slow_readers)
}

/// Reads as many bytes a second, after a pause.
async fn read_at(mut client: DuplexStream, bytes_per_s: usize, pause: Duration) {
    tokio::time::sleep(pause).await;
    let mut bytes = [0; STREAM_BYTES];
    let reads_per_s = u32::try_from(bytes_per_s / STREAM_BYTES).unwrap();
    while client.read_exact(&mut bytes).await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1) / reads_per_s).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_less_than_it_must_is_cut_after_a_window() {
    let (mut stream, client, slow_readers) = client_stream().await;
    let began = Instant::now();
    tokio::spawn(read_at(client, 80, Duration::ZERO));
    let cut = stream.write_all(&[0; 100_000]).await.unwrap_err();
    assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
    assert_eq!(began.elapsed().as_secs(), 4);
    assert_eq!(slow_readers.get(), 1);
    assert_eq!(stream.connection.idle_since(), None, "it is writing");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_enough_is_not_cut_however_long_that_takes() {
    let (mut stream, client, slow_readers) = client_stream().await;
    // A pause is no harm either, within a window.
    tokio::spawn(read_at(client, 200, Duration::from_secs(1)));
    stream.write_all(&[0; 10_000]).await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(slow_readers.get(), 0);
    assert!(stream.connection.idle_since().is_some());
}

#[tokio::test(start_paused = true)]
async fn small_steps_between_long_responses_do_not_start_the_window_anew() {
    let (mut stream, mut client, _) = client_stream().await;
    let responses = tokio::spawn(async move {
        loop {
            stream.write_all(&[0]).await?;
            stream.flush().await?;
        }
    });
    let reads = async {
        while client.read_u8().await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reads)
        .await
        .expect("it was cut");
    let cut: io::Result<()> = responses.await.unwrap();
    assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_client_that_sends_nothing_more_is_noticed_while_its_request_is_at_work() {
    let (mut stream, mut client, _) = client_stream().await;
    let connection = stream.connection.clone();
    client.shutdown().await.unwrap();
    let _request = connection.begin_request();
    stream.flush().await.unwrap();
    assert!(connection.half_closed().now_or_never().is_none());
    connection.request_complete();
    stream.flush().await.unwrap();
    assert!(connection.half_closed().now_or_never().is_some());
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    stream.write_all(b"response").await.unwrap();
    let mut response = [0; 8];
    client.read_exact(&mut response).await.unwrap();
    assert_eq!(&response, b"response");
}

#[tokio::test]
async fn what_a_client_sends_ahead_is_not_lost() {
    let (mut stream, mut client, _) = client_stream().await;
    let connection = stream.connection.clone();
    client.write_all(b"ahead").await.unwrap();
    let request = connection.begin_request();
    connection.request_complete();
    stream.flush().await.unwrap();
    stream.flush().await.unwrap();
    drop(request);
    let mut ahead = [0; 5];
    stream.read_exact(&mut ahead).await.unwrap();
    assert_eq!(&ahead, b"ahead");
}
