//! A reader of a list: the pages that it took, and the workers that it is owed.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::page::{PageLimit, PageToken};
use crate::projection::WorkerPage;
use crate::registry::{WorkerFilter, WorkerListQuery};

/// A worker in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) runtime: usize,
    pub(super) number: usize,
}

/// Which list is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    /// Only this runtime, by the filter of the list of all, or by the list of its own.
    runtime: Option<usize>,
    own: bool,
    kind: Option<ImplementationKind>,
    state: Option<WorkerState>,
}

/// A page that was taken, and how.
#[derive(Debug)]
struct Taken {
    token: Option<PageToken>,
    shown: Vec<Found>,
    lacks: BTreeSet<usize>,
}

/// Somebody who reads a list page by page.
#[derive(Debug)]
pub(super) struct Walk {
    list: List,
    limit: PageLimit,
    /// What exists and matches since the first page.
    owed: BTreeSet<Found>,
    taken: Vec<Taken>,
    /// Where the next page begins; `None` at the end.
    next: Option<Option<PageToken>>,
}

impl List {
    pub(super) fn any(runtimes: usize) -> impl Strategy<Value = Self> {
        let kinds = vec![
            ImplementationKind::Embedded,
            ImplementationKind::LocalCompat,
        ];
        let kind = prop::option::weighted(0.3, prop::sample::select(kinds));
        let states = vec![WorkerState::Idle, WorkerState::Stopped];
        let state = prop::option::of(prop::sample::select(states));
        let runtime = prop::option::weighted(0.3, 0..runtimes);
        (runtime, any::<bool>(), kind, state).prop_map(|(runtime, own, kind, state)| {
            let own = own && runtime.is_some();
            Self {
                runtime,
                own,
                // The list of one runtime has no filter of kinds.
                kind: kind.filter(|_| !own),
                state,
            }
        })
    }

    pub(super) fn shows_runtime(self, place: usize, kind: ImplementationKind) -> bool {
        self.runtime.is_none_or(|wanted| wanted == place)
            && self.kind.is_none_or(|wanted| wanted == kind)
    }

    pub(super) fn shows_worker(self, worker: &Worker) -> bool {
        match self.state {
            None => true,
            Some(WorkerState::Stopped) => worker.stopped,
            Some(_) => !worker.stopped,
        }
    }
}

impl Walk {
    pub(super) fn new(list: List, limit: u32, world: &World) -> Self {
        Self {
            list,
            limit: PageLimit::new(limit).unwrap(),
            owed: world.matching(list),
            taken: Vec::new(),
            next: Some(None),
        }
    }

    /// What doesn't match at this moment has not matched all the while.
    pub(super) fn world_is(&mut self, world: &World) {
        let matching = world.matching(self.list);
        self.owed.retain(|found| matching.contains(found));
    }

    /// Whether the last page was taken, or can't be: a source that is asked alone fails.
    pub(super) fn is_over(&self, world: &World) -> bool {
        self.next.is_none() || self.must_fail(world)
    }

    /// Takes up the token of an earlier page again.
    pub(super) fn back(&mut self, page: usize) {
        if page < self.taken.len() {
            self.next = Some(self.taken[page].token.clone());
            self.taken.truncate(page);
        }
    }

    pub(super) async fn next(&mut self, registry: &RuntimeRegistry, world: &World) {
        let Some(token) = self.next.clone() else {
            return;
        };
        let page = match self.read(registry, token.clone()).await {
            Ok(page) => page,
            Err(RegistryError::RuntimeUnavailable { .. }) if self.must_fail(world) => return,
            Err(other) => panic!("{other}"),
        };
        assert!(
            !self.must_fail(world),
            "an answer of a source that failed: {page:?}"
        );
        assert!(page.items.len() <= self.limit.get());
        self.take(token, &page, world);
        // As a client does: the token travels as text.
        let next = page
            .next_page_token
            .map(|token| token.to_string().parse().unwrap());
        self.next = next.map(Some);
        match self.next {
            Some(_) => assert!(self.taken.len() <= world.ever() + world.runtimes.len() + 1),
            None => self.check_end(),
        }
    }

    fn must_fail(&self, world: &World) -> bool {
        let sound = |place: usize| world.runtimes[place].health == Health::Sound;
        self.list.own && self.list.runtime.is_some_and(|place| !sound(place))
    }

    async fn read(
        &self,
        registry: &RuntimeRegistry,
        page_token: Option<PageToken>,
    ) -> Result<WorkerPage, RegistryError> {
        let (list, limit) = (self.list, self.limit);
        let runtime = list.runtime.map(runtime_id);
        if let (true, Some(runtime)) = (list.own, &runtime) {
            let token = page_token.as_ref();
            return registry
                .list_runtime_workers(runtime, list.state, token, limit)
                .await;
        }
        let query = WorkerListQuery {
            filter: WorkerFilter {
                runtime_id: runtime,
                implementation_kind: list.kind,
                state: list.state,
            },
            page_token,
            limit,
        };
        registry.list_workers(&query).await
    }

    fn take(&mut self, token: Option<PageToken>, page: &WorkerPage, world: &World) {
        let place = |id: &RuntimeId| id.as_str()[1..].parse::<usize>().unwrap();
        let shown = page.items.iter().map(|worker| Found {
            runtime: place(&worker.runtime_id),
            number: worker.worker_id.as_str()[1..].parse().unwrap(),
        });
        let lacks = page.diagnostics.iter();
        let lacks = lacks.map(|lack| place(lack.runtime_id.as_ref().unwrap()));
        self.taken.push(Taken {
            token,
            shown: shown.collect(),
            lacks: lacks.collect(),
        });
        let taken = &self.taken[self.taken.len() - 1];
        let matching = world.matching(self.list);
        for found in &taken.shown {
            assert!(
                matching.contains(found),
                "{found:?} is not what was asked for"
            );
        }
        for place in &taken.lacks {
            assert_ne!(world.runtimes[*place].health, Health::Sound, "it answered");
        }
        // Runtimes in order, and in each the newest first: nothing comes twice.
        let all: Vec<_> = self.shown().collect();
        let order = |found: &Found| (found.runtime, usize::MAX - found.number);
        assert!(
            all.windows(2).all(|two| order(&two[0]) < order(&two[1])),
            "{all:?}"
        );
    }

    fn check_end(&self) {
        let shown: BTreeSet<_> = self.shown().collect();
        let lacking = |place| self.taken.iter().any(|page| page.lacks.contains(&place));
        for found in self.owed.difference(&shown) {
            assert!(lacking(found.runtime), "{found:?} was not shown: {self:#?}");
        }
    }

    fn shown(&self) -> impl Iterator<Item = Found> {
        self.taken
            .iter()
            .flat_map(|page| page.shown.iter().copied())
    }
}
