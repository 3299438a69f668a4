//! Bodies are kept within their bounds, and given back.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use http_body_util::{Full, StreamBody};
use prometheus_client::metrics::gauge::Gauge;

use super::*;

const CHUNKS: usize = 1_000;

fn streamed(
    bytes: impl Stream<Item = &'static [u8]>,
) -> impl HttpBody<Data = Bytes, Error = Infallible> + Unpin {
    let frames = bytes.map(|bytes| Ok(Frame::data(Bytes::from_static(bytes))));
    StreamBody::new(Box::pin(frames))
}

/// A body that comes byte by byte, without a declared length.
fn chunked() -> impl HttpBody<Data = Bytes, Error = Infallible> + Unpin {
    streamed(stream::iter((0..CHUNKS).map(|_| b"x".as_slice())))
}

/// A body without an end, of which `bytes` come each second.
fn dripping(bytes: &'static [u8]) -> impl HttpBody<Data = Bytes, Error = Infallible> + Unpin {
    streamed(stream::unfold((), move |()| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((bytes, ()))
    }))
}

fn budget(limit: usize) -> (BodyBudget, Gauge) {
    let shown = Gauge::default();
    (BodyBudget::new(limit, shown.clone()), shown)
}

/// Room for somebody without a quota.
fn room(budget: &BodyBudget) -> Room<'_> {
    Room {
        budget,
        of_client: None,
    }
}

#[tokio::test]
async fn a_body_is_kept_for_a_method_that_takes_one_alone() {
    let limits = ConnectionLimits::default();
    let (budget, shown) = budget(limits.bodies_bytes);
    let kept = buffer(chunked(), Keep::Bytes, &limits, room(&budget)).await;
    let kept = kept.unwrap();
    assert_eq!(kept, "x".repeat(CHUNKS));
    assert_eq!(shown.get(), 1024);
    let dropped = buffer(chunked(), Keep::Nothing, &limits, room(&budget)).await;
    assert!(dropped.unwrap().is_empty());
    assert_eq!(shown.get(), 1024);
    drop(kept);
    assert_eq!(shown.get(), 0);
}

#[tokio::test]
async fn a_body_that_is_dropped_counts_against_the_limit_all_the_same() {
    let limits = ConnectionLimits {
        body_bytes: CHUNKS - 1,
        ..ConnectionLimits::default()
    };
    let (budget, _) = budget(limits.bodies_bytes);
    for keep in [Keep::Bytes, Keep::Nothing] {
        let refused = buffer(chunked(), keep, &limits, room(&budget)).await;
        assert_eq!(refused, Err(BodyError::TooLarge));
    }
}

#[tokio::test]
async fn a_body_that_does_not_fit_beside_the_others_is_refused_and_leaves_nothing_reserved() {
    let limits = ConnectionLimits::default();
    let (budget, shown) = budget(2 * CHUNKS);
    let declared = || Full::new(Bytes::from(vec![b'x'; 3 * CHUNKS / 2]));
    let first = buffer(declared(), Keep::Bytes, &limits, room(&budget)).await;
    assert!(first.is_ok());
    for refused in [
        buffer(declared(), Keep::Bytes, &limits, room(&budget)).await,
        buffer(chunked(), Keep::Bytes, &limits, room(&budget)).await,
    ] {
        assert_eq!(refused, Err(BodyError::NoRoom(NoRoom::Server)));
    }
    drop(first);
    assert_eq!(shown.get(), 0);
    assert!(
        buffer(chunked(), Keep::Bytes, &limits, room(&budget))
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_given_up_after_a_window_and_one_at_the_rate_is_read_on() {
    let limits = ConnectionLimits {
        rate_bytes_per_s: 2,
        rate_window: Duration::from_secs(4),
        body_timeout: Duration::from_secs(10),
        ..ConnectionLimits::default()
    };
    let (budget, _) = budget(limits.bodies_bytes);
    for (bytes, seconds) in [(b"x".as_slice(), 4), (b"xxx", 10)] {
        for keep in [Keep::Bytes, Keep::Nothing] {
            let began = Instant::now();
            let refused = buffer(dripping(bytes), keep, &limits, room(&budget)).await;
            assert_eq!(refused, Err(BodyError::TooSlow));
            assert_eq!(began.elapsed().as_secs(), seconds);
        }
    }
}
