//! The handle shows what it was built with.

use super::*;
use crate::{ListQuery, OfflineEngine, ProfileSet};

#[test]
fn a_runtime_shows_what_it_was_built_with() {
    let limits = Limits {
        workers: 3,
        ..Limits::default()
    };
    let poet = "id: team:poet\ndescription: Rhymes\n\nYou rhyme.".parse();
    let profiles = ProfileSet::new(poet.unwrap(), []).unwrap();
    let runtime = Runtime::builder().limits(limits.clone()).profiles(profiles);
    let runtime = runtime.build().unwrap();
    assert_eq!(runtime.limits(), &limits);
    let profiles = runtime.profiles();
    let ids = profiles.iter().map(|profile| profile.id().as_str());
    assert!(ids.eq(["team:poet"]));
    assert_eq!(runtime.models()[0].name, OfflineEngine::MODEL_NAME);
    let debug = format!("{runtime:?}");
    assert!(debug.contains("phase: Accepting"), "{debug}");
}

#[test]
fn a_page_with_the_whole_list_has_no_next() {
    let fixture = Fixture::new();
    let workers = [fixture.worker(), fixture.worker(), fixture.worker()];
    let query = ListQuery {
        limit: Some(3),
        ..ListQuery::default()
    };
    let page = at_once(fixture.runtime.list(query)).unwrap();
    assert!(
        page.workers
            .iter()
            .map(|worker| worker.id)
            .eq(workers.into_iter().rev())
    );
    assert_eq!(page.next, None);
}
