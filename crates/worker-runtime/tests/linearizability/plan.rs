//! What the clients of one history are going to do, drawn from a seed.

use worker_runtime::WorkerState;

use super::engine::Content;

/// One thing that a client asks for. Workers are named by their place among those known.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call {
    Create {
        key: Option<u8>,
        named: bool,
    },
    Send {
        worker: usize,
        content: Content,
        key: Option<u8>,
    },
    /// The active run, or the one that this client started last.
    Cancel {
        worker: usize,
        own: bool,
    },
    Stop {
        worker: usize,
    },
    List {
        /// Older than this one.
        after: Option<usize>,
        filter: ListFilter,
    },
    Get {
        worker: usize,
    },
    Read {
        worker: usize,
    },
}

/// Which workers a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ListFilter {
    /// So many.
    Newest(usize),
    /// Those in this state.
    In(WorkerState),
}

/// What each client does, in order.
#[derive(Debug)]
pub(crate) struct Plan(pub(crate) Vec<Vec<Call>>);

impl Plan {
    /// Clients at once.
    pub(crate) const CLIENTS: usize = 4;
    /// Calls of one client: as many as a checker can follow with ease.
    const CALLS: std::ops::Range<u64> = 4..7;
    /// Workers that clients choose from: few, so that they meet.
    const WORKERS: u64 = 3;
    /// Keys that clients choose from.
    const KEYS: u64 = 2;

    /// The plan of this seed.
    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let client = |_| {
            let calls = Self::CALLS.start + dice.below(Self::CALLS.end - Self::CALLS.start);
            // One list a client: it is the call that takes effect in the most steps.
            let mut lists = 1;
            let mut call = || {
                let call = dice.call();
                if matches!(call, Call::List { .. }) {
                    lists -= 1;
                }
                if lists < 0 {
                    Call::Get { worker: 0 }
                } else {
                    call
                }
            };
            (0..calls).map(|_| call()).collect()
        };
        Self((0..Self::CLIENTS).map(client).collect())
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn call(&mut self) -> Call {
        let worker = self.index();
        match self.below(16) {
            0 => Call::Create {
                key: self.key(),
                named: self.below(4) == 0,
            },
            1..=6 => Call::Send {
                worker,
                content: match self.below(4) {
                    0 | 1 => Content::Linger,
                    2 => Content::Answer,
                    _ => Content::Fail,
                },
                key: self.key(),
            },
            7 | 8 => Call::Cancel {
                worker,
                own: self.below(2) == 0,
            },
            9 => Call::Stop { worker },
            10 | 11 => Call::List {
                after: (self.below(3) == 0).then_some(worker),
                filter: self.filter(),
            },
            12 | 13 => Call::Get { worker },
            _ => Call::Read { worker },
        }
    }

    fn filter(&mut self) -> ListFilter {
        match self.below(6) {
            0 => ListFilter::In(WorkerState::Idle),
            1 => ListFilter::In(WorkerState::Running),
            2 => ListFilter::In(WorkerState::Stopped),
            3 => ListFilter::Newest(1),
            _ => ListFilter::Newest(50),
        }
    }

    fn key(&mut self) -> Option<u8> {
        let key = self.below(Plan::KEYS * 2);
        u8::try_from(key).ok().filter(|_| key < Plan::KEYS)
    }

    fn index(&mut self) -> usize {
        usize::try_from(self.below(Plan::WORKERS)).expect("a small number")
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
