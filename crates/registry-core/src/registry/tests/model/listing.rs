//! Lists read page by page, while workers come, go and change, and sources fail and recover.
//!
//! Every worker that exists, and matches the filter, from the first page to the last one is
//! shown exactly once; only a source that failed meanwhile may be left out, and then a
//! diagnostic names it. That holds from any page token that was ever handed out.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::memory::Worker;
use super::*;

mod walk;

use walk::{Found, List, Walk};

/// Readers at once, each somewhere in a list of its own.
const WALKS: usize = 3;
const RUNTIMES: std::ops::Range<usize> = 1..5;
/// Whatever the ports are: lists need none.
const PORTS: Ports = Ports {
    lifecycle: false,
    interaction: false,
    observation: false,
};

#[derive(Debug, Clone)]
enum Command {
    /// A worker is created in this runtime.
    Create { runtime: usize },
    /// The worker at this place, modulo how many there are, turns from idle to stopped or back:
    /// for a list, a state is no more than what the source says.
    Turn { runtime: usize, place: usize },
    /// The worker at this place is forgotten.
    Forget { runtime: usize, place: usize },
    /// The source answers so from now on.
    Health { runtime: usize, health: Health },
    /// A reader begins with the first page of a list.
    Begin { walk: usize, list: List, limit: u32 },
    /// A reader takes the next page.
    Next { walk: usize },
    /// A reader takes up the token of an earlier page again.
    Back { walk: usize, page: usize },
}

#[derive(Debug, Clone)]
struct Runtime {
    kind: ImplementationKind,
    health: Health,
    workers: BTreeMap<usize, Worker>,
    /// How many workers there ever were: numbers are not used again.
    ever: usize,
}

/// Which workers there are.
#[derive(Debug, Clone)]
struct World {
    runtimes: Vec<Runtime>,
}

impl World {
    /// What a list that was read in one moment would show, in no order.
    fn matching(&self, list: List) -> BTreeSet<Found> {
        let listed = self
            .runtimes
            .iter()
            .enumerate()
            .filter(|(place, runtime)| list.shows_runtime(*place, runtime.kind));
        let found = listed.flat_map(|(runtime, it)| {
            let matching = it
                .workers
                .iter()
                .filter(|(_, worker)| list.shows_worker(worker));
            matching.map(move |(number, _)| Found {
                runtime,
                number: *number,
            })
        });
        found.collect()
    }

    fn ever(&self) -> usize {
        self.runtimes.iter().map(|runtime| runtime.ever).sum()
    }
}

impl Runtime {
    fn pick(&self, place: usize) -> Option<usize> {
        let place = place.checked_rem(self.workers.len())?;
        self.workers.keys().nth(place).copied()
    }
}

impl ReferenceStateMachine for World {
    type State = Self;
    type Transition = Command;

    fn init_state() -> BoxedStrategy<Self> {
        let kinds = vec![
            ImplementationKind::Embedded,
            ImplementationKind::LocalCompat,
        ];
        let workers = prop::collection::vec(any::<bool>(), 0..9);
        let runtime = (prop::sample::select(kinds), workers).prop_map(|(kind, stopped)| {
            let worker = |stopped| Worker { inputs: 0, stopped };
            let workers: BTreeMap<_, _> = stopped.into_iter().map(worker).enumerate().collect();
            Runtime {
                kind,
                health: Health::Sound,
                ever: workers.len(),
                workers,
            }
        });
        let runtimes = prop::collection::vec(runtime, RUNTIMES);
        runtimes.prop_map(|runtimes| Self { runtimes }).boxed()
    }

    fn transitions(world: &Self) -> BoxedStrategy<Command> {
        let runtime = || 0..world.runtimes.len();
        let place = || 0..20_usize;
        let health = prop::sample::select(vec![Health::Sound, Health::Failing, Health::Hanging]);
        prop_oneof![
            3 => runtime().prop_map(|runtime| Command::Create { runtime }),
            2 => (runtime(), place())
                .prop_map(|(runtime, place)| Command::Turn { runtime, place }),
            2 => (runtime(), place())
                .prop_map(|(runtime, place)| Command::Forget { runtime, place }),
            1 => (runtime(), health)
                .prop_map(|(runtime, health)| Command::Health { runtime, health }),
            2 => (0..WALKS, List::any(world.runtimes.len()), 1..7_u32)
                .prop_map(|(walk, list, limit)| Command::Begin { walk, list, limit }),
            10 => (0..WALKS).prop_map(|walk| Command::Next { walk }),
            1 => (0..WALKS, 0..6_usize).prop_map(|(walk, page)| Command::Back { walk, page }),
        ]
        .boxed()
    }

    fn apply(mut world: Self, command: &Command) -> Self {
        match *command {
            Command::Create { runtime } => {
                let runtime = &mut world.runtimes[runtime];
                runtime.workers.insert(runtime.ever, Worker::default());
                runtime.ever += 1;
            }
            Command::Turn { runtime, place } => {
                let runtime = &mut world.runtimes[runtime];
                let worker = runtime
                    .pick(place)
                    .and_then(|n| runtime.workers.get_mut(&n));
                if let Some(worker) = worker {
                    worker.stopped = !worker.stopped;
                }
            }
            Command::Forget { runtime, place } => {
                let runtime = &mut world.runtimes[runtime];
                if let Some(number) = runtime.pick(place) {
                    runtime.workers.remove(&number);
                }
            }
            Command::Health { runtime, health } => world.runtimes[runtime].health = health,
            Command::Begin { .. } | Command::Next { .. } | Command::Back { .. } => {}
        }
        world
    }
}

struct Subject {
    executor: tokio::runtime::Runtime,
    sources: Vec<Arc<Memory>>,
    registry: RuntimeRegistry,
    walks: [Option<Walk>; WALKS],
}

impl Subject {
    /// Brings the sources up to date, and tells the readers what they are no longer owed.
    fn follow(&mut self, world: &World) {
        for (source, runtime) in self.sources.iter().zip(&world.runtimes) {
            source.set_workers(runtime.workers.clone());
            source.set_health(runtime.health);
        }
        for walk in self.walks.iter_mut().flatten() {
            walk.world_is(world);
        }
    }

    fn next(&mut self, walk: usize, world: &World) {
        if let Some(walk) = &mut self.walks[walk] {
            self.executor.block_on(walk.next(&self.registry, world));
        }
    }
}

struct AListShowsWhatStaysOnce;

impl StateMachineTest for AListShowsWhatStaysOnce {
    type SystemUnderTest = Subject;
    type Reference = World;

    fn init_test(world: &World) -> Subject {
        let sources = world.runtimes.iter().enumerate();
        let sources = sources.map(|(place, runtime)| Memory::new(place, runtime.kind, PORTS));
        let sources: Vec<_> = sources.collect();
        let mut subject = Subject {
            executor: executor(),
            registry: of(&sources),
            sources,
            walks: [const { None }; WALKS],
        };
        subject.follow(world);
        subject
    }

    fn apply(mut subject: Subject, world: &World, command: Command) -> Subject {
        match command {
            Command::Create { .. }
            | Command::Turn { .. }
            | Command::Forget { .. }
            | Command::Health { .. } => subject.follow(world),
            Command::Begin { walk, list, limit } => {
                subject.walks[walk] = Some(Walk::new(list, limit, world));
                subject.next(walk, world);
            }
            Command::Next { walk } => subject.next(walk, world),
            Command::Back { walk, page } => {
                if let Some(walk) = &mut subject.walks[walk] {
                    walk.back(page);
                }
                subject.next(walk, world);
            }
        }
        subject
    }

    /// Everybody reads to the end.
    fn teardown(mut subject: Subject, world: World) {
        for walk in 0..WALKS {
            while subject.walks[walk]
                .as_ref()
                .is_some_and(|walk| !walk.is_over(&world))
            {
                subject.next(walk, &world);
            }
        }
    }
}

prop_state_machine! {
    #[test]
    fn a_list_shows_every_worker_that_stays_once_and_names_the_sources_that_it_lacks(
        sequential 1..60 => AListShowsWhatStaysOnce
    );
}
