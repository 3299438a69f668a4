//! Reading workers, lists, transcripts and events.

use divan::Bencher;
use futures_util::FutureExt as _;
use worker_runtime::{EventsQuery, ListQuery, TranscriptQuery};

use crate::population::{EVENTS, Population, WORKERS, at_once};

/// Items on a page.
const PAGE: Option<usize> = Some(50);

#[divan::bench(args = WORKERS)]
fn get_among_workers(bencher: Bencher<'_, '_>, workers: usize) {
    let population = Population::new(workers);
    let one = population.one();
    bencher.bench(|| at_once(population.runtime.get(one)));
}

#[divan::bench(args = WORKERS)]
fn list_page_of_50_among_workers(bencher: Bencher<'_, '_>, workers: usize) {
    let population = Population::new(workers);
    let query = ListQuery {
        after: Some(population.one()),
        limit: PAGE,
        ..ListQuery::default()
    };
    bencher.bench(|| at_once(population.runtime.list(query)));
}

#[divan::bench(args = EVENTS)]
fn transcript_page_of_50_after_events(bencher: Bencher<'_, '_>, events: usize) {
    let population = Population::after_events(events);
    let query = TranscriptQuery {
        limit: PAGE,
        ..TranscriptQuery::default()
    };
    bencher.bench(|| at_once(population.runtime.transcript(population.one(), query)));
}

#[divan::bench(args = EVENTS)]
fn events_batch_of_50_after_events(bencher: Bencher<'_, '_>, events: usize) {
    let population = Population::after_events(events);
    let query = EventsQuery {
        limit: PAGE,
        ..EventsQuery::default()
    };
    bencher.bench(|| {
        let batch = population.runtime.events(population.one(), query);
        batch.now_or_never().expect("there are events to read")
    });
}
