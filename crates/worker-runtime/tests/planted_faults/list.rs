//! The faults.

use crate::{Edit, Fault};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        invariant: 1,
        name: "an input is taken while a run is being cancelled",
        scenario: "inputs::cancel_of_a_run_and_the_next_run",
        edits: &[Edit {
            file: "core/worker.rs",
            from: "            State::Idle => {}
            State::Running(run)
            | State::Ending {
                run,
                then: Then::Idle,
                ..
            } => {",
            to: "            State::Idle => {}
            State::Ending {
                then: Then::Idle, ..
            } => {}
            State::Running(run) => {",
        }],
    },
    Fault {
        invariant: 1,
        name: "an input is admitted in one section and accepted in another",
        scenario: "inputs::input_and_input",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "        self.guarded.with(|guarded| {
            let ceiling_bytes = match guarded.worker.admit(&input)? {",
            to: "        let admission = self.read(|worker| worker.admit(&input))?;
        self.guarded.with(|guarded| {
            let ceiling_bytes = match admission {",
        }],
    },
    Fault {
        invariant: 2,
        name: "a run whose engine panics stays",
        scenario: "readers::poll_and_panic",
        edits: &[Edit {
            file: "runtime/contained.rs",
            from: "Err(Panicked) => Poll::Ready(RunEnd::Failed(RunErrorCode::EnginePanicked)),",
            to: "Err(Panicked) => Poll::Pending,",
        }],
    },
    Fault {
        invariant: 2,
        name: "a shutdown looks for runs first and refuses new ones then",
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
                from: "        let ends = active
            .iter()",
                to: "        self.inner.stopping.store(true, Ordering::SeqCst);
        let ends = active
            .iter()",
            },
        ],
    },
    Fault {
        invariant: 2,
        name: "a cancel is lost on a run that isn't listening yet",
        scenario: "inputs::cancel_and_cancel",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "run.signal.notify_one();",
            to: "run.signal.notify_waiters();",
        }],
    },
    Fault {
        invariant: 3,
        name: "a number is left out",
        scenario: "readers::poll_and_append",
        edits: &[Edit {
            file: "core/log.rs",
            from: "let first = self.latest + 1;",
            to: "self.latest += u64::from(self.latest == 2);
        let first = self.latest + 1;",
        }],
    },
    Fault {
        invariant: 3,
        name: "text wakes nobody",
        scenario: "readers::poll_and_a_reply_that_does_not_end",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "if worker.cursor() != before {",
            to: "if worker.cursor() != before && new != old {",
        }],
    },
    Fault {
        invariant: 3,
        name: "readers are woken before the section that appends",
        scenario: "readers::poll_and_append",
        edits: &[
            Edit {
                file: "runtime/slot.rs",
                from: "        self.guarded.with(|guarded| self.step(guarded, step))",
                to: "        self.changes.tell();
        self.guarded.with(|guarded| self.step(guarded, step))",
            },
            Edit {
                file: "runtime/slot.rs",
                from: "if worker.cursor() != before {",
                to: "if worker.cursor() != before && old == WorkerState::Idle {",
            },
        ],
    },
    Fault {
        invariant: 3,
        name: "a reader looks first and asks to be woken then",
        scenario: "readers::poll_and_append",
        edits: &[
            Edit {
                file: "runtime/observation.rs",
                from: "            let changed = slot.changed();\n",
                to: "",
            },
            Edit {
                file: "runtime/observation.rs",
                from: "sync::until(deadline, changed)",
                to: "sync::until(deadline, slot.changed())",
            },
        ],
    },
    Fault {
        invariant: 3,
        name: "a reader counts as waiting only when it is polled",
        scenario: "readers::poll_and_append",
        edits: &[Edit {
            file: "runtime/changes.rs",
            from: "        let place = Place::take(&self.waiting);
        let notified = self.notify.notified();
        async move {
",
            to: "        let notified = self.notify.notified();
        async move {
            let place = Place::take(&self.waiting);
",
        }],
    },
    Fault {
        invariant: 3,
        name: "a cancel looks first and asks to be woken then",
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
            file: "runtime/observation.rs",
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
            file: "runtime/observation.rs",
            from: "in_flight: in_flight.map(",
            to: "in_flight: in_flight.and_then(|_| slot.read(Worker::in_flight)).map(",
        }],
    },
    Fault {
        invariant: 5,
        name: "a worker is told stopped while its run is still ending",
        scenario: "inputs::stop_and_finish",
        edits: &[Edit {
            file: "core/worker.rs",
            from: "                self.state.end(Verdict::Cancelled, Then::Stopped);
                Some(run_id)",
            to: "                self.state.end(Verdict::Cancelled, Then::Stopped);
                self.record(now, EventKind::WorkerStopped);
                Some(run_id)",
        }],
    },
    Fault {
        invariant: 5,
        name: "a stopped worker takes an input",
        scenario: "inputs::stop_and_input",
        edits: &[Edit {
            file: "core/worker.rs",
            from: "            | State::Stopped => return Err(InputError::WorkerStopped { worker_id }),",
            to: "            => return Err(InputError::WorkerStopped { worker_id }),
            State::Stopped => {}",
        }],
    },
    Fault {
        invariant: 5,
        name: "a cancel takes a stop back",
        scenario: "inputs::stop_and_stop_and_cancel",
        edits: &[Edit {
            file: "core/worker/run.rs",
            from: "then: if was == Then::Stopped { was } else { then },",
            to: "then: if was == then { was } else { then },",
        }],
    },
    Fault {
        invariant: 6,
        name: "a cursor that the ring has passed is moved to its beginning",
        scenario: "readers::subscribe_and_evict",
        edits: &[Edit {
            file: "core/log.rs",
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
            file: "core/log.rs",
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
            file: "core/log.rs",
            from: "after.epoch() != self.epoch || ",
            to: "",
        }],
    },
    Fault {
        invariant: 7,
        name: "a run ends before its engine has let go of it",
        scenario: "inputs::cancel_and_finish",
        edits: &[Edit {
            file: "runtime/run.rs",
            from: "    run.end = engine.discard(end);",
            to: "    run.end = end;
    drop(run);
    drop(engine);",
        }],
    },
    Fault {
        invariant: 7,
        name: "a cancel frees the worker at once",
        scenario: "inputs::cancel_of_a_run_and_the_next_run",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "            run.signal.notify_one();
",
            to: "            run.signal.notify_one();
            if let Some(run) = worker.active_run() {
                worker.finish(run, crate::core::RunEnd::Cancelled, Timestamp::now());
                self.ledger.leave(new);
                self.ledger.enter(worker.state());
            }
",
        }],
    },
    Fault {
        invariant: 8,
        name: "a meter looks first and counts then",
        scenario: "crowd::inputs_and_one_place_to_run",
        edits: &[Edit {
            file: "runtime/meter.rs",
            from: "            let grown = used.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                used.checked_add(more)
                    .filter(|sum| *sum <= self.meter.limit)
            });
            if grown.is_err() {
                return false;
            }",
            to: "            let sum = used.load(Ordering::Relaxed).saturating_add(more);
            if sum > self.meter.limit {
                return false;
            }
            used.fetch_add(more, Ordering::Relaxed);",
        }],
    },
    Fault {
        invariant: 8,
        name: "a run that has ended keeps its place",
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
        name: "a worker keeps the bytes that its run could have needed",
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
        name: "a run starts whether or not there are bytes for it",
        scenario: "crowd::input_and_evict_for_bytes",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "if !guarded.bytes.resize(ceiling_bytes) {",
            to: "if !guarded.bytes.resize(ceiling_bytes) && ceiling_bytes == 0 {",
        }],
    },
    Fault {
        invariant: 8,
        name: "the workers are counted in one section and joined in another",
        scenario: "crowd::create_and_create_with_one_place",
        edits: &[
            Edit {
                file: "runtime/lifecycle.rs",
                from: "        let at = self.clock.now();
        let slot = self.directory.write(|directory| {",
                to: "        let at = self.clock.now();
        let workers = self.directory.read(|directory| directory.len());
        let slot = self.directory.write(|directory| {",
            },
            Edit {
                file: "runtime/lifecycle.rs",
                from: "if directory.len() >= self.limits.workers {",
                to: "if workers >= self.limits.workers {",
            },
        ],
    },
    Fault {
        invariant: 8,
        name: "the sum forgets a reader only after its place is free",
        scenario: "readers::pollers_and_their_limit",
        edits: &[Edit {
            file: "runtime/slot.rs",
            from: "    _server: Share,
    _worker: Share,
}",
            to: "    _worker: Share,
    _server: Share,
}",
        }],
    },
    Fault {
        invariant: 9,
        name: "a worker is forgotten within its own section",
        scenario: "crowd::list_and_stop_and_forget",
        edits: &[Edit {
            file: "runtime/lifecycle.rs",
            from: "        let slot = self.directory.write(|directory| directory.remove(id));
        if let Some(slot) = slot {
            self.ledger.leave(slot.read(Worker::state));",
            to: "        if let Ok(slot) = self.slot(id) {
            slot.read(|worker| {
                self.directory.write(|directory| directory.remove(id));
                self.ledger.leave(worker.state());
            });",
        }],
    },
    Fault {
        invariant: 9,
        name: "a stop enters the directory from within the worker's section",
        scenario: "crowd::list_and_stop_and_forget",
        edits: &[Edit {
            file: "runtime/lifecycle.rs",
            from: "slot.apply(|worker| worker.stop(now))",
            to: "slot.apply(|worker| {
            self.inner.directory.write(|directory| directory.get(id));
            worker.stop(now)
        })",
        }],
    },
    Fault {
        invariant: 9,
        name: "workers are looked at from within the order of stopping",
        scenario: "crowd::create_and_evict",
        edits: &[
            Edit {
                file: "runtime/ledger.rs",
                from: "take_oldest_stopped(&self) -> Option<WorkerId> {
        self.stop_order.with(VecDeque::pop_front)",
                to: "take_oldest_stopped(&self, look: impl FnOnce()) -> Option<WorkerId> {
        self.stop_order.with(|order| {
            look();
            order.pop_front()
        })",
            },
            Edit {
                file: "runtime/lifecycle.rs",
                from: "self.ledger.take_oldest_stopped() else {",
                to: "self.ledger.take_oldest_stopped(|| {
            for slot in self.slots() {
                slot.read(Worker::state);
            }
        }) else {",
            },
        ],
    },
];
