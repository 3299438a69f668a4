//! A reader of a list: the pages that it read, and the workers that it must still find.

use super::*;

/// A worker in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) runtime: usize,
    pub(super) number: usize,
}

/// Which list is read.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// Only this runtime: by the filter of the list of all, or by the runtime's own list.
    runtime: Option<usize>,
    own: bool,
    kind: Option<ImplementationKind>,
    state: Option<WorkerState>,
}

/// A page that was read, and the token that it was read with.
#[derive(Debug)]
struct ReadPage {
    token: Option<PageToken>,
    found: Vec<Found>,
    lacks: BTreeSet<usize>,
}

/// A client that reads a list page by page.
#[derive(Debug)]
pub(super) struct Reader {
    list: List,
    limit: PageLimit,
    /// What exists and matches since the first page.
    expected: BTreeSet<Found>,
    pages: Vec<ReadPage>,
    /// Where the next page begins; `None` at the end.
    next: Option<Option<PageToken>>,
}

impl List {
    pub(super) fn any(runtimes: usize) -> impl Strategy<Value = Self> {
        let kind = prop::option::weighted(0.3, any_kind());
        let state = prop::option::of(any_state());
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

    pub(super) fn has_runtime(&self, n: usize, kind: &ImplementationKind) -> bool {
        let is_kind = |wanted: &ImplementationKind| wanted == kind;
        self.runtime.is_none_or(|wanted| wanted == n) && self.kind.as_ref().is_none_or(is_kind)
    }

    pub(super) fn has_state(&self, state: WorkerState) -> bool {
        self.state.is_none_or(|wanted| wanted == state)
    }
}

impl Reader {
    pub(super) fn new(list: List, limit: u32, world: &World) -> Self {
        Self {
            limit: PageLimit::new(limit).unwrap(),
            expected: world.matching(&list),
            list,
            pages: Vec::new(),
            next: Some(None),
        }
    }

    /// What doesn't match at this moment has not matched all the while.
    pub(super) fn follow(&mut self, world: &World) {
        let matching = world.matching(&self.list);
        self.expected.retain(|found| matching.contains(found));
    }

    /// Whether the last page was read, or can't be: a source that is asked alone fails.
    pub(super) fn is_over(&self, world: &World) -> bool {
        self.next.is_none() || self.must_fail(world)
    }

    /// Takes up the token of an earlier page again.
    pub(super) fn back(&mut self, page: usize) {
        if page < self.pages.len() {
            self.next = Some(self.pages[page].token.clone());
            self.pages.truncate(page);
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
        assert!(!self.must_fail(world), "the source failed: {page:?}");
        assert!(page.items.len() <= self.limit.get());
        self.keep(token, &page, world);
        // The token travels as text, as between client and server.
        let next = page.next_page_token;
        self.next = next.map(|token| Some(token.to_string().parse().unwrap()));
        match self.next {
            Some(_) => assert!(self.pages.len() <= world.ever() + world.runtimes.len() + 1),
            None => self.check_end(),
        }
    }

    fn must_fail(&self, world: &World) -> bool {
        let sound = |n: usize| world.runtimes[n].health == Health::Sound;
        self.list.own && self.list.runtime.is_some_and(|n| !sound(n))
    }

    async fn read(
        &self,
        registry: &RuntimeRegistry,
        page_token: Option<PageToken>,
    ) -> Result<WorkerPage, RegistryError> {
        let (list, limit) = (&self.list, self.limit);
        let runtime_id: Option<RuntimeId> = list.runtime.map(|n| format!("r{n}").parse().unwrap());
        if let (true, Some(runtime_id)) = (list.own, &runtime_id) {
            let token = page_token.as_ref();
            return registry
                .list_runtime_workers(runtime_id, list.state, token, limit)
                .await;
        }
        let query = WorkerListQuery {
            filter: WorkerFilter {
                runtime_id,
                implementation_kind: list.kind.clone(),
                state: list.state,
            },
            page_token,
            limit,
        };
        registry.list_workers(&query).await
    }

    fn keep(&mut self, token: Option<PageToken>, page: &WorkerPage, world: &World) {
        let number_of = |id: &str| id[1..].parse::<usize>().unwrap();
        let found = page.items.iter().map(|worker| Found {
            runtime: number_of(worker.runtime_id.as_str()),
            number: number_of(worker.worker_id.as_str()),
        });
        let found: Vec<_> = found.collect();
        let matching = world.matching(&self.list);
        for each in &found {
            assert!(matching.contains(each), "{each:?} does not match");
        }
        let lacks = page.diagnostics.iter();
        let lacks = lacks.map(|diagnostic| diagnostic.runtime_id.as_ref().unwrap());
        let lacks: BTreeSet<_> = lacks.map(|id| number_of(id.as_str())).collect();
        for n in &lacks {
            assert_ne!(world.runtimes[*n].health, Health::Sound, "it answered");
        }
        self.pages.push(ReadPage {
            token,
            found,
            lacks,
        });
        // Runtimes in order, and in each the newest first: nothing comes twice.
        let all: Vec<_> = self.found().collect();
        let order = |found: &Found| (found.runtime, usize::MAX - found.number);
        let in_order = all.windows(2).all(|two| order(&two[0]) < order(&two[1]));
        assert!(in_order, "{all:?}");
    }

    fn check_end(&self) {
        let found: BTreeSet<_> = self.found().collect();
        let lacking = |n| self.pages.iter().any(|page| page.lacks.contains(&n));
        for missing in self.expected.difference(&found) {
            assert!(
                lacking(missing.runtime),
                "{missing:?} is missing: {self:#?}"
            );
        }
    }

    fn found(&self) -> impl Iterator<Item = Found> {
        self.pages
            .iter()
            .flat_map(|page| page.found.iter().copied())
    }
}
