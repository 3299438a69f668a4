//! What `/metrics` says of a store.

use std::fs;
use std::path::PathBuf;

use testkit::server::TestServer;
use yoi_workspace_server::config::StoreSetting;

async fn start(store: Option<PathBuf>) -> TestServer {
    TestServer::start_with(|config| {
        if let Some(path) = store {
            let on_network_file_system = false;
            config.store = StoreSetting::File {
                path,
                on_network_file_system,
            };
        }
    })
    .await
}

/// The value of one line of the metrics.
fn value(metrics: &str, name: &str) -> f64 {
    let mut lines = metrics.lines().filter_map(|line| line.rsplit_once(' '));
    let (_, value) = lines
        .find(|(found, _)| *found == name)
        .unwrap_or_else(|| panic!("no {name} in {metrics}"));
    value.parse().unwrap()
}

#[tokio::test]
async fn the_metrics_count_what_the_store_does_and_how_it_fails() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("workers.sqlite3");
    let server = start(Some(file.clone())).await;
    let read = async || server.get("/metrics").await.text().to_owned();
    let before = read().await;
    assert_eq!(value(&before, "yoi_store_commits_total"), 0.0);

    let worker = server.create_worker().await;
    assert_eq!(value(&read().await, "yoi_store_commits_total"), 1.0);
    worker.run("hello").await;
    let metrics = read().await;
    // The input, the end of the run, and a draft of its reply each two seconds.
    let commits = value(&metrics, "yoi_store_commits_total");
    assert!(commits >= 3.0, "{metrics}");
    for histogram in ["store_commit_seconds", "store_batch_size"] {
        assert_eq!(value(&metrics, &format!("yoi_{histogram}_count")), commits);
        let all = format!("yoi_{histogram}_bucket{{le=\"+Inf\"}}");
        assert_eq!(value(&metrics, &all), commits);
    }
    assert_eq!(value(&metrics, "yoi_store_batch_size_sum"), commits);
    let one = "yoi_store_batch_size_bucket{le=\"1.0\"}";
    assert_eq!(value(&metrics, one), commits);
    assert!(value(&metrics, "yoi_store_commit_seconds_sum") > 0.0);
    assert_eq!(value(&metrics, "yoi_store_queue_depth"), 0.0);
    assert!(value(&metrics, "yoi_store_file_bytes") > 4096.0);
    let resident = "yoi_runtime_resident_workers{runtime=\"backend-internal\"}";
    assert_eq!(value(&metrics, resident), 1.0);
    let failures = |reason: &str| format!("yoi_store_failures_total{{reason=\"{reason}\"}}");
    for reason in ["store_full", "store_failed", "store_lost"] {
        assert_eq!(value(&metrics, &failures(reason)), 0.0);
    }

    fs::remove_file(&file).unwrap();
    assert_eq!(worker.try_send("more").await.status, 503);
    let metrics = read().await;
    assert!(value(&metrics, &failures("store_lost")) >= 1.0);
    assert_eq!(value(&metrics, "yoi_store_commits_total"), commits);
    let lower = metrics.to_lowercase();
    let directory = directory.path().to_str().unwrap().to_lowercase();
    for word in [directory.as_str(), "sqlite", "wal", "sql"] {
        assert!(!lower.contains(word), "{word} in {metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
}

#[tokio::test]
async fn after_a_restart_stored_workers_are_counted_and_none_is_resident() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("workers.sqlite3");
    let server = start(Some(file.clone())).await;
    server.create_worker().await;
    server.create_worker().await;
    server.shut_down().await;

    let server = start(Some(file)).await;
    let metrics = server.get("/metrics").await.text().to_owned();
    let idle = "yoi_workers{runtime=\"backend-internal\",state=\"idle\"}";
    assert_eq!(value(&metrics, idle), 2.0);
    let resident = "yoi_runtime_resident_workers{runtime=\"backend-internal\"}";
    assert_eq!(value(&metrics, resident), 0.0);
}

#[tokio::test]
async fn a_server_without_a_store_has_no_metrics_of_one() {
    let server = start(None).await;
    let metrics = server.get("/metrics").await.text().to_owned();
    assert!(!metrics.contains("yoi_store_"), "{metrics}");
}
