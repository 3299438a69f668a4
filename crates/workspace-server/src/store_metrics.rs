//! The metrics of a store, as the API shows them beside its own.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use worker_runtime::store::{BATCH_SIZE_BUCKETS, Histogram, LATENCY_BUCKETS, StoreMetrics};

use crate::compose::ReadMetrics;

/// Collects what a store has counted; nothing once the store is closed.
pub(crate) struct StoreCollector(pub(crate) ReadMetrics);

impl Collector for StoreCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(metrics) = (self.0)() else {
            return Ok(());
        };
        counter(
            &mut encoder,
            "store_commits",
            "Changes that were stored.",
            metrics.commits,
        )?;
        failures(&mut encoder, &metrics)?;
        histogram(
            &mut encoder,
            "store_commit_seconds",
            "Time that a transaction took until it was on the disk.",
            &metrics.commit_seconds,
            LATENCY_BUCKETS,
        )?;
        histogram(
            &mut encoder,
            "store_batch_size",
            "Changes that went into one transaction.",
            &metrics.batch_size,
            BATCH_SIZE_BUCKETS,
        )?;
        let waiting = u64::try_from(metrics.queue_depth).unwrap_or(u64::MAX);
        gauge(
            &mut encoder,
            "store_queue_depth",
            "Changes that wait to be stored.",
            waiting,
        )?;
        let Some(bytes) = metrics.file_bytes else {
            return Ok(());
        };
        gauge(
            &mut encoder,
            "store_file_bytes",
            "Bytes of the file that keeps the workers, and of its journal.",
            bytes,
        )
    }
}

impl fmt::Debug for StoreCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreCollector").finish_non_exhaustive()
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    metric.encode_counter::<NoLabelSet, _, f64>(&value, None)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))
}

/// The reasons are those of `runtime_unavailable`.
fn failures(encoder: &mut DescriptorEncoder<'_>, metrics: &StoreMetrics) -> fmt::Result {
    let help = "Changes that were not stored, and reads that failed, by reason.";
    let mut family =
        encoder.encode_descriptor("store_failures", help, None, MetricType::Counter)?;
    for (reason, count) in [
        ("store_full", metrics.failed_full),
        ("store_failed", metrics.failed_failed),
        ("store_lost", metrics.failed_lost),
    ] {
        let labels = [("reason", reason)];
        let mut metric = family.encode_family(&labels)?;
        metric.encode_counter::<NoLabelSet, _, f64>(&count, None)?;
    }
    Ok(())
}

fn histogram(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &Histogram,
    bounds: [f64; 8],
) -> fmt::Result {
    let mut buckets: Vec<_> = bounds.into_iter().zip(values.buckets).collect();
    let below: u64 = values.buckets.iter().sum();
    buckets.push((f64::INFINITY, values.count.saturating_sub(below)));
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    metric.encode_histogram::<NoLabelSet>(values.sum, values.count, &buckets, None)
}
