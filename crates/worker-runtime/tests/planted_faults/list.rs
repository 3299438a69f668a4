//! The faults.

use crate::{Edit, Fault};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        invariant: 1,
        name: "an input is taken while a run is being cancelled",
        scenario: "inputs::cancel_of_a_run_and_the_next_run",
        edits: &[Edit {
            file: "core/worker/commands.rs",
            from: "            State::Idle => {}
            State::Running(run)
            | State::Finishing {
                run,
                next: NextState::Idle,
                ..
            }
            | State::Ending {
                run,
                next: NextState::Idle,
                ..
            } => {",
            to: "            State::Idle => {}
            State::Ending {
                next: NextState::Idle,
                ..
            } => {}
            State::Running(run)
            | State::Finishing {
                run,
                next: NextState::Idle,
                ..
            } => {",
        }],
    },
    Fault {
        invariant: 1,
        name: "an input is admitted in one section and accepted in another",
        scenario: "inputs::input_and_input",
        edits: &[Edit {
            file: "runtime/slot/input.rs",
            from: "        self.guarded.with(|guarded| {
            guarded.present(self.id())?;
            let (accepted, bytes) = match guarded.worker.admit(input, now) {",
            to: "        let admission = self.read(|worker| worker.admit(input, now));
        self.guarded.with(|guarded| {
            guarded.present(self.id())?;
            let (accepted, bytes) = match admission {",
        }],
    },
    Fault {
        invariant: 2,
        name: "a run whose engine panics never ends",
        scenario: "readers::poll_and_panic",
        edits: &[Edit {
            file: "runtime/engine_future.rs",
            from: "Err(Panicked) => Poll::Ready(RunEnd::Failed(RunErrorCode::EnginePanicked.into())),",
            to: "Err(Panicked) => Poll::Pending,",
        }],
    },
    Fault {
        invariant: 2,
        name: "a shutdown collects the runs before it refuses new ones",
        scenario: "endings::shutdown_and_input",
        edits: &[
            Edit {
                file: "runtime/lifecycle.rs",
                from: "        self.inner.stopping.store(true, Ordering::SeqCst);
        let deadline",
                to: "        let deadline",
            },
            Edit {
                file: "runtime/lifecycle.rs",
                from: "        let mut report = ShutdownReport::default();",
                to: "        self.inner.stopping.store(true, Ordering::SeqCst);
        let mut report = ShutdownReport::default();",
            },
        ],
    },
    Fault {
        invariant: 2,
        name: "a cancel is lost on a run that isn't waiting for it yet",
        scenario: "inputs::cancel_and_cancel",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "run.cancel_signal.notify_one();",
            to: "run.cancel_signal.notify_waiters();",
        }],
    },
    Fault {
        invariant: 2,
        name: "a run that ends gives its place to nobody",
        scenario: "queueing::a_place_that_gets_free_and_an_arriving_input",
        edits: &[Edit {
            file: "runtime/run_queue.rs",
            from: "            match entered.waiting.pop_front() {",
            to: "            match entered.waiting.pop_front().filter(|_| entered.running > 1) {",
        }],
    },
    Fault {
        invariant: 2,
        name: "a run that is cancelled while it is queued gets a place all the same",
        scenario: "queueing::queue_and_cancel_of_the_queued_run_alone",
        edits: &[Edit {
            file: "runtime/run_queue.rs",
            from: "                entered.waiting.retain(|other| !Arc::ptr_eq(other, own));",
            to: "                entered.waiting.retain(|other| !other.has_place());",
        }],
    },
    Fault {
        invariant: 2,
        name: "a cancel of a queued run is not heard until it has a place",
        scenario: "queueing::queue_and_cancel_of_the_queued_run_alone",
        edits: &[Edit {
            file: "runtime/run_task.rs",
            from: "            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
",
            to: "",
        }],
    },
    Fault {
        invariant: 3,
        name: "a number is left out",
        scenario: "readers::poll_and_append",
        edits: &[Edit {
            file: "core/event_log.rs",
            from: "self.latest += 1;",
            to: "self.latest += 1 + u64::from(self.latest == 2);",
        }],
    },
    Fault {
        invariant: 3,
        name: "text notifies nobody",
        scenario: "readers::poll_and_an_endless_reply",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "if worker.cursor() != before {",
            to: "if worker.cursor() != before && new != old {",
        }],
    },
    Fault {
        invariant: 3,
        name: "readers are notified before the section that appends",
        scenario: "readers::poll_and_append",
        edits: &[
            Edit {
                file: "runtime/slot.rs",
                from: "        self.guarded.with(|guarded| self.step(guarded, step))",
                to: "        self.wake();
        self.guarded.with(|guarded| self.step(guarded, step))",
            },
            Edit {
                file: "runtime/slot.rs",
                from: "if worker.cursor() != before {",
                to: "if worker.cursor() != before && old == WorkerState::Idle {",
            },
            Edit {
                file: "runtime/slot/run_end.rs",
                from: "    ) -> EndStep {
        self.guarded.with(|guarded| {",
                to: "    ) -> EndStep {
        self.wake();
        self.guarded.with(|guarded| {",
            },
        ],
    },
    Fault {
        invariant: 3,
        name: "a reader reads before it registers for notifications",
        scenario: "readers::poll_and_append",
        edits: &[
            Edit {
                file: "runtime/polling.rs",
                from: "            let changed = slot.changed();\n",
                to: "",
            },
            Edit {
                file: "runtime/polling.rs",
                from: "next_wake(deadline, changed, poller)",
                to: "next_wake(deadline, slot.changed(), poller)",
            },
        ],
    },
    Fault {
        invariant: 3,
        name: "a reader that gathers reads before it registers for notifications",
        scenario: "readers::gather_and_append",
        edits: &[
            Edit {
                file: "runtime/polling/gather.rs",
                from: "            let changed = slot.changed();\n",
                to: "",
            },
            Edit {
                file: "runtime/polling/gather.rs",
                from: "next_wake(until, changed, &poller)",
                to: "next_wake(until, slot.changed(), &poller)",
            },
        ],
    },
    Fault {
        invariant: 3,
        name: "a cancel reads before it registers for notifications",
        scenario: "inputs::cancel_and_cancel",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "            let changed = self.changed();
            if self.read(Worker::active_run) != Some(run_id) {
                return Ok(());
            }
",
            to: "            if self.read(Worker::active_run) != Some(run_id) {
                return Ok(());
            }
            let changed = self.changed();
",
        }],
    },
    Fault {
        invariant: 4,
        name: "the cursor of a page is read after the page",
        scenario: "readers::snapshot_and_append",
        edits: &[Edit {
            file: "runtime/reading.rs",
            from: "            }),
            cursor,
        })",
            to: "            }),
            cursor: slot.read(|worker| { let _ = cursor; worker.cursor() }),
        })",
        }],
    },
    Fault {
        invariant: 4,
        name: "the text so far is read after the page",
        scenario: "readers::snapshot_and_append",
        edits: &[Edit {
            file: "runtime/reading.rs",
            from: "in_flight: in_flight.map(",
            to: "in_flight: in_flight.and_then(|_| slot.read(|worker| worker.in_flight())).map(",
        }],
    },
    Fault {
        invariant: 5,
        name: "worker_stopped is recorded while the run is still ending",
        scenario: "inputs::stop_and_finish",
        edits: &[Edit {
            file: "core/worker/commands.rs",
            from: "                StopStep::Ending(run.id)",
            to: "                let run_id = run.id;
                self.record(Timestamp::now(), EventKind::WorkerStopped);
                StopStep::Ending(run_id)",
        }],
    },
    Fault {
        invariant: 5,
        name: "a stopped worker takes an input",
        scenario: "inputs::stop_and_input",
        edits: &[Edit {
            file: "core/worker/commands.rs",
            from: "            | State::Stopped => return Err(InputError::WorkerStopped { worker_id }),",
            to: "            => return Err(InputError::WorkerStopped { worker_id }),
            State::Stopped => {}",
        }],
    },
    Fault {
        invariant: 5,
        name: "a cancel takes a stop back",
        scenario: "inputs::cancel_after_a_stop_that_nobody_waits_for",
        edits: &[Edit {
            file: "core/worker/state.rs",
            from: "if self == Self::Stopped {",
            to: "if self == next {",
        }],
    },
    Fault {
        invariant: 6,
        name: "a cursor that the ring has passed is moved to its beginning",
        scenario: "readers::subscribe_and_evict",
        edits: &[Edit {
            file: "core/event_log.rs",
            from: "        let after = after.unwrap_or(oldest);
",
            to: "        let after = after.unwrap_or(oldest);
        let number = after.sequence().max(oldest.sequence());
        let after = Cursor::new(after.epoch(), number);
",
        }],
    },
    Fault {
        invariant: 6,
        name: "a cursor from the future is moved to the end",
        scenario: "readers::cursors_from_elsewhere_and_append",
        edits: &[Edit {
            file: "core/event_log.rs",
            from: "        let after = after.unwrap_or(oldest);
",
            to: "        let after = after.unwrap_or(oldest);
        let number = after.sequence().min(latest.sequence());
        let after = Cursor::new(after.epoch(), number);
",
        }],
    },
    Fault {
        invariant: 6,
        name: "a cursor of another epoch is taken for one of this",
        scenario: "readers::cursors_from_elsewhere_and_append",
        edits: &[Edit {
            file: "core/event_log.rs",
            from: "after.epoch() != self.epoch || ",
            to: "",
        }],
    },
    Fault {
        invariant: 7,
        name: "a run ends before its engine has let go of it",
        scenario: "inputs::cancel_and_finish",
        edits: &[Edit {
            file: "runtime/run_task.rs",
            from: "    let end = engine.discard(end);",
            to: "    // Dropped at the end of the function.
    let _engine = engine;",
        }],
    },
    Fault {
        invariant: 7,
        name: "a cancel frees the worker at once",
        scenario: "inputs::cancel_of_a_run_and_the_next_run",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "            run.cancel_signal.notify_one();
",
            to: "            run.cancel_signal.notify_one();
            let cancelled = crate::core::RunEnd::Cancelled;
            let run = worker.active_run();
            let now = Timestamp::now();
            if let Some(finished) = run.and_then(|run| worker.decide_end(run, cancelled, now)) {
                worker.finish(finished);
                self.totals.leave(new);
                self.totals.enter(worker.state());
            }
",
        }],
    },
    Fault {
        invariant: 8,
        name: "a counter checks first and adds afterwards",
        scenario: "contention::inputs_at_the_byte_limit",
        edits: &[Edit {
            file: "runtime/usage_counter.rs",
            from: "        let resized = used.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
            let others = used - self.amount;
            let needed = others.checked_add(amount.max(headroom))?;
            (needed <= self.counter.limit).then_some(others + amount)
        });
        if resized.is_err() {
            return false;
        }",
            to: "        let others = used.load(Ordering::Relaxed) - self.amount;
        if others.saturating_add(amount.max(headroom)) > self.counter.limit {
            return false;
        }
        used.fetch_add(amount, Ordering::Relaxed);
        used.fetch_sub(self.amount, Ordering::Relaxed);",
        }],
    },
    Fault {
        invariant: 8,
        name: "a run that has ended stays counted",
        scenario: "inputs::cancel_and_finish",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "            guarded.run = None;
",
            to: "",
        }],
    },
    Fault {
        invariant: 8,
        name: "a worker keeps the bytes reserved for its run",
        scenario: "inputs::cancel_and_finish",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "            guarded.bytes.resize(worker.held_bytes());
",
            to: "",
        }],
    },
    Fault {
        invariant: 8,
        name: "a run starts without room for its reply",
        scenario: "contention::input_and_evict_for_bytes",
        edits: &[Edit {
            file: "runtime/slot/input.rs",
            from: "guarded.bytes.resize_with_headroom(reserved, bytes.max)",
            to: "guarded.bytes.resize(reserved)",
        }],
    },
    Fault {
        invariant: 8,
        name: "a reply grows without being counted",
        scenario: "contention::replies_that_grow_at_the_byte_limit",
        edits: &[Edit {
            file: "runtime/slot/output.rs",
            from: "let needed = needed.filter(|needed| *needed > reserved);",
            to: "let needed = needed.filter(|_| reserved == 0);",
        }],
    },
    Fault {
        invariant: 8,
        name: "the workers are counted in one section and inserted in another",
        scenario: "contention::create_and_create_at_the_worker_limit",
        edits: &[
            Edit {
                file: "runtime/create.rs",
                from: "        let created_at = self.shared.clock.now();
        self.directory.with(|directory| {",
                to: "        let created_at = self.shared.clock.now();
        let workers = self.directory.with(|directory| directory.resident());
        self.directory.with(|directory| {",
            },
            Edit {
                file: "runtime/create.rs",
                from: "if directory.resident() >= self.limits.workers {",
                to: "if workers >= self.limits.workers {",
            },
        ],
    },
    Fault {
        invariant: 8,
        name: "a reader that makes way stays counted",
        scenario: "readers::pollers_and_their_limit",
        edits: &[Edit {
            file: "runtime/pollers.rs",
            from: "if let Some(oldest) = waiting.remove(oldest) {",
            to: "if let Some(oldest) = waiting.all.get(&oldest) {",
        }],
    },
    Fault {
        invariant: 8,
        name: "a reader that makes way is not told",
        scenario: "readers::a_reader_that_makes_way",
        edits: &[Edit {
            file: "runtime/pollers.rs",
            from: "                    oldest.displace(limit);
",
            to: "                    drop(oldest);
",
        }],
    },
    Fault {
        invariant: 8,
        name: "a queued run starts though there is no place for it",
        scenario: "queueing::queue_and_cancel_of_the_queued_run_alone",
        edits: &[Edit {
            file: "runtime/run_queue.rs",
            from: "            if self.has_place() {
                return;
            }
",
            to: "            if self.has_place() || !self.has_place() {
                return;
            }
",
        }],
    },
    Fault {
        invariant: 9,
        name: "a list reads its workers under the directory's lock, and one to be forgotten is looked up under its own",
        scenario: "contention::list_and_stop_and_forget",
        edits: &[
            LIST_UNDER_THE_DIRECTORYS_LOCK,
            Edit {
                file: "runtime/capacity.rs",
                from: "        let oldest_first = self.totals.stopped();
",
                to: "        let oldest_first = self.totals.stopped();
        for id in &oldest_first {
            if let Ok(super::residency::Lookup::Resident(slot)) = self.lookup(*id) {
                slot.read(|_| self.directory.with(|directory| directory.len()));
            }
        }
",
            },
        ],
    },
    Fault {
        invariant: 9,
        name: "a list reads its workers under the directory's lock, and a stop takes that under the worker's",
        scenario: "contention::list_and_stop_and_forget",
        edits: &[
            LIST_UNDER_THE_DIRECTORYS_LOCK,
            Edit {
                file: "runtime/lifecycle.rs",
                from: "            match slot.begin_stop(now)? {",
                to: "            slot.read(|_| self.inner.directory.with(|directory| directory.len()));
            match slot.begin_stop(now)? {",
            },
        ],
    },
    Fault {
        invariant: 9,
        name: "workers are read under the lock of the order of stopping",
        scenario: "contention::create_and_evict",
        edits: &[
            Edit {
                file: "runtime/totals.rs",
                from: "stopped(&self) -> Vec<WorkerId> {
        self.stop_order
            .with(|order| order.iter().copied().collect())",
                to: "stopped(&self, read: impl FnOnce()) -> Vec<WorkerId> {
        self.stop_order.with(|order| {
            read();
            order.iter().copied().collect()
        })",
            },
            Edit {
                file: "runtime/capacity.rs",
                from: "self.totals.stopped();",
                to: "self.totals.stopped(|| {
            for slot in self.slots() {
                slot.read(Worker::state);
            }
        });",
            },
        ],
    },
];

const LIST_UNDER_THE_DIRECTORYS_LOCK: Edit = Edit {
    file: "runtime/list.rs",
    from: "            older.map(|(id, place)| (id, place.clone())).collect()
",
    to: "            let places: Vec<_> = older.map(|(id, place)| (id, place.clone())).collect();
            for (_, place) in &places {
                if let Place::Resident(slot) = place {
                    drop(slot.snapshot());
                }
            }
            places
",
};
