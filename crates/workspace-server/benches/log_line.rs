//! What a log line costs the thread that logs it: to make it and to hand it over.
//!
//! `cargo bench -p yoi-workspace-server`

use std::io;

use divan::{Bencher, black_box};
use tracing::{Dispatch, dispatcher};
use yoi_workspace_server::logging::{Look, dispatch};

/// The filter of a server that nobody has told otherwise.
const FILTER: &str = "info";

fn main() {
    divan::main();
}

/// The line of an answered request, as `http-api` writes it.
fn answered() {
    tracing::info!(
        target: "yoi::access",
        method = black_box("GET"),
        route = black_box("/api/runtimes/{runtime_id}/workers/{worker_id}"),
        status = black_box(200_u16),
        code = black_box(None::<&str>),
        duration_us = black_box(41_u64),
        "answered"
    );
}

#[divan::bench]
fn access_line(bencher: Bencher<'_, '_>) {
    let (log, _guard) = dispatch(Look::Json, FILTER, io::sink()).expect("a log");
    dispatcher::with_default(&log, || bencher.bench_local(answered));
}

#[divan::bench]
fn access_line_for_people(bencher: Bencher<'_, '_>) {
    let (log, _guard) = dispatch(Look::Plain, FILTER, io::sink()).expect("a log");
    dispatcher::with_default(&log, || bencher.bench_local(answered));
}

/// The library's own JSON, written to nowhere by the thread that logs.
#[divan::bench]
fn access_line_of_the_library(bencher: Bencher<'_, '_>) {
    let log = tracing_subscriber::fmt()
        .json()
        .with_writer(io::sink)
        .finish();
    dispatcher::with_default(&Dispatch::new(log), || bencher.bench_local(answered));
}

#[divan::bench]
fn line_that_the_filter_leaves_out(bencher: Bencher<'_, '_>) {
    let (log, _guard) = dispatch(Look::Json, FILTER, io::sink()).expect("a log");
    dispatcher::with_default(&log, || {
        bencher.bench_local(|| tracing::debug!(left_out = black_box(1), "left out"));
    });
}
