//! Requests in flight, and what other parts count.

use super::*;

#[test]
fn a_request_that_is_dropped_counts_as_closed_by_the_client_and_is_not_in_flight() {
    let metrics = Metrics::new(None, &[]);
    drop(metrics.request_started("GET", "/healthz"));
    let finished = metrics.request_started("GET", "/healthz");
    finished.finish(StatusCode::OK, Duration::from_millis(3));
    let text = metrics.encode(&[]);
    for line in [
        "yoi_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"499\"} 1\n",
        "yoi_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1\n",
        "yoi_http_request_duration_seconds_count{method=\"GET\",route=\"/healthz\"} 1\n",
        "yoi_http_requests_in_flight 0\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn dropped_log_lines_are_shown_as_they_are_when_asked() {
    let metrics = Metrics::new(Some(DroppedLogLines::new(|| 7)), &[]);
    let text = metrics.encode(&[]);
    assert!(text.contains("yoi_log_lines_dropped_total 7\n"), "{text}");
}
