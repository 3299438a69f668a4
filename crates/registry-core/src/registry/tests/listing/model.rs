//! Lists read page by page, while workers come, go and change, and sources fail and recover.
//!
//! Every worker that exists, and matches the filter, from the first page to the last one is
//! listed exactly once; only a source that failed meanwhile may be left out, and then a
//! diagnostic names it. That holds from any page token that was ever handed out.

mod reader;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::*;
use crate::registry::tests::memory::Workers;

use reader::{Found, List, Reader};

/// Readers at once, each somewhere in a list of its own.
const READERS: usize = 3;
const RUNTIMES: std::ops::Range<usize> = 1..5;

#[derive(Debug, Clone)]
enum Command {
    /// A worker is created in this runtime.
    Create { runtime: usize },
    /// The worker at this index, modulo how many there are, changes from idle to stopped or back:
    /// for a list, a state is no more than what the source says.
    Toggle { runtime: usize, index: usize },
    /// The worker at this index is forgotten.
    Forget { runtime: usize, index: usize },
    /// The source answers so from now on.
    Health { runtime: usize, health: Health },
    /// A reader begins with the first page of a list.
    Begin {
        reader: usize,
        list: List,
        limit: u32,
    },
    /// A reader takes the next page.
    Next { reader: usize },
    /// A reader takes up the token of an earlier page again.
    Back { reader: usize, page: usize },
}

#[derive(Debug, Clone)]
struct Runtime {
    kind: ImplementationKind,
    health: Health,
    workers: Workers,
    /// How many workers there ever were: numbers are not used again.
    ever: usize,
}

/// Which workers there are.
#[derive(Debug, Clone)]
struct World {
    runtimes: Vec<Runtime>,
}

impl World {
    /// What a list that was read in one moment would show.
    fn matching(&self, list: &List) -> BTreeSet<Found> {
        let runtimes = self.runtimes.iter().enumerate();
        let listed = runtimes.filter(|(n, runtime)| list.has_runtime(*n, &runtime.kind));
        let found = listed.flat_map(|(n, runtime)| {
            let workers = runtime.workers.iter();
            let matching = workers.filter(|(_, state)| list.has_state(**state));
            matching.map(move |(number, _)| Found {
                runtime: n,
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
    fn pick(&self, index: usize) -> Option<usize> {
        let index = index.checked_rem(self.workers.len())?;
        self.workers.keys().nth(index).copied()
    }
}

fn any_kind() -> impl Strategy<Value = ImplementationKind> {
    prop::sample::select(vec![
        ImplementationKind::EMBEDDED,
        ImplementationKind::LOCAL_COMPAT,
    ])
}

fn any_state() -> impl Strategy<Value = WorkerState> {
    prop::sample::select(vec![WorkerState::Idle, WorkerState::Stopped])
}

impl ReferenceStateMachine for World {
    type State = Self;
    type Transition = Command;

    fn init_state() -> BoxedStrategy<Self> {
        let workers = prop::collection::vec(any_state(), 0..9);
        let runtime = (any_kind(), workers).prop_map(|(kind, states)| Runtime {
            kind,
            health: Health::Sound,
            ever: states.len(),
            workers: states.into_iter().enumerate().collect(),
        });
        let runtimes = prop::collection::vec(runtime, RUNTIMES);
        runtimes.prop_map(|runtimes| Self { runtimes }).boxed()
    }

    fn transitions(world: &Self) -> BoxedStrategy<Command> {
        let runtime = || 0..world.runtimes.len();
        let index = || 0..20_usize;
        let health = prop::sample::select(vec![Health::Sound, Health::Failing, Health::Hanging]);
        prop_oneof![
            3 => runtime().prop_map(|runtime| Command::Create { runtime }),
            2 => (runtime(), index())
                .prop_map(|(runtime, index)| Command::Toggle { runtime, index }),
            2 => (runtime(), index())
                .prop_map(|(runtime, index)| Command::Forget { runtime, index }),
            1 => (runtime(), health)
                .prop_map(|(runtime, health)| Command::Health { runtime, health }),
            2 => (0..READERS, List::any(world.runtimes.len()), 1..7_u32)
                .prop_map(|(reader, list, limit)| Command::Begin { reader, list, limit }),
            10 => (0..READERS).prop_map(|reader| Command::Next { reader }),
            1 => (0..READERS, 0..6_usize).prop_map(|(reader, page)| Command::Back { reader, page }),
        ]
        .boxed()
    }

    fn apply(mut world: Self, command: &Command) -> Self {
        match *command {
            Command::Create { runtime } => {
                let runtime = &mut world.runtimes[runtime];
                runtime.workers.insert(runtime.ever, WorkerState::Idle);
                runtime.ever += 1;
            }
            Command::Toggle { runtime, index } => {
                let runtime = &mut world.runtimes[runtime];
                if let Some(number) = runtime.pick(index) {
                    let toggled = if runtime.workers[&number] == WorkerState::Idle {
                        WorkerState::Stopped
                    } else {
                        WorkerState::Idle
                    };
                    runtime.workers.insert(number, toggled);
                }
            }
            Command::Forget { runtime, index } => {
                let runtime = &mut world.runtimes[runtime];
                if let Some(number) = runtime.pick(index) {
                    runtime.workers.remove(&number);
                }
            }
            Command::Health { runtime, health } => world.runtimes[runtime].health = health,
            Command::Begin { .. } | Command::Next { .. } | Command::Back { .. } => {}
        }
        world
    }
}

struct System {
    executor: tokio::runtime::Runtime,
    sources: Vec<Arc<Memory>>,
    registry: RuntimeRegistry,
    readers: [Option<Reader>; READERS],
}

impl System {
    /// Brings the sources up to date, and the readers' expectations with them.
    fn follow(&mut self, world: &World) {
        for (source, runtime) in self.sources.iter().zip(&world.runtimes) {
            source.set(runtime.workers.clone(), runtime.health);
        }
        for reader in self.readers.iter_mut().flatten() {
            reader.follow(world);
        }
    }

    fn next(&mut self, reader: usize, world: &World) {
        if let Some(reader) = &mut self.readers[reader] {
            self.executor.block_on(reader.next(&self.registry, world));
        }
    }
}

struct ListingTest;

impl StateMachineTest for ListingTest {
    type SystemUnderTest = System;
    type Reference = World;

    fn init_test(world: &World) -> System {
        let sources = world.runtimes.iter().enumerate().map(|(n, runtime)| {
            let mut descriptor = descriptor(&format!("r{n}"));
            descriptor.implementation_kind = runtime.kind.clone();
            Memory::new(descriptor, Ports::NONE, Health::Sound)
        });
        let sources: Vec<_> = sources.collect();
        let as_sources = sources.iter().cloned();
        let mut system = System {
            executor: executor(),
            registry: registry_of(as_sources.map(|source| source as Arc<dyn RuntimeSource>)),
            sources,
            readers: [const { None }; READERS],
        };
        system.follow(world);
        system
    }

    fn apply(mut system: System, world: &World, command: Command) -> System {
        match command {
            Command::Create { .. }
            | Command::Toggle { .. }
            | Command::Forget { .. }
            | Command::Health { .. } => system.follow(world),
            Command::Begin {
                reader,
                list,
                limit,
            } => {
                system.readers[reader] = Some(Reader::new(list, limit, world));
                system.next(reader, world);
            }
            Command::Next { reader } => system.next(reader, world),
            Command::Back { reader, page } => {
                if let Some(reader) = &mut system.readers[reader] {
                    reader.back(page);
                }
                system.next(reader, world);
            }
        }
        system
    }

    /// Every reader reads to the end.
    fn teardown(mut system: System, world: World) {
        for n in 0..READERS {
            let more = |reader: &Reader| !reader.is_over(&world);
            while system.readers[n].as_ref().is_some_and(more) {
                system.next(n, &world);
            }
        }
    }
}

prop_state_machine! {
    #[test]
    fn a_list_shows_every_worker_that_stays_once_and_names_the_sources_that_it_lacks(
        sequential 1..60 => ListingTest
    );
}
