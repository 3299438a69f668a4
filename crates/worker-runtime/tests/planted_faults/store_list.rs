//! The faults against what a runtime with a store promises.

use crate::{Edit, Fault};

pub(crate) const STORE_FAULTS: &[Fault] = &[
    Fault {
        invariant: 10,
        name: "a change that the store refused is answered as made",
        scenario: "refusals::a_name_that_is_refused_and_another",
        edits: &[Edit {
            file: "runtime/storage.rs",
            from: "        result.map_err(|error| StoreUnavailable { kind: error.kind() })
    }

    async fn probe",
            to: "        drop(result);
        Ok(())
    }

    async fn probe",
        }],
    },
    Fault {
        invariant: 10,
        name: "a new name is answered before its commit has returned",
        scenario: "durability::a_crash_right_after_an_answer",
        edits: &[Edit {
            file: "runtime/lifecycle.rs",
            from: "                    self.inner.commit_change(&slot, changes, rename).await?;
                    break;",
            to: "                    let (inner, renamed) = (Arc::clone(&self.inner), Arc::clone(&slot));
                    let mut answer = slot.snapshot();
                    answer.display_name = name.parse()?;
                    Executor::current().spawn(async move {
                        let _ = inner.commit_change(&renamed, changes, rename).await;
                    });
                    return Ok(answer);",
        }],
    },
    Fault {
        invariant: 10,
        name: "a stop is answered though the store lacks the end of the run that it ended",
        scenario: "durability::a_stop_after_a_run_whose_end_was_refused",
        edits: &[Edit {
            file: "runtime/slot/change.rs",
            from: "StopStep::Stopped if guarded.unsaved.is_none() => StopAttempt::Stopped,",
            to: "StopStep::Stopped if guarded.commit.is_none() => StopAttempt::Stopped,",
        }],
    },
    Fault {
        invariant: 11,
        name: "a change is applied before its commit",
        scenario: "durability::page_and_changes_that_are_being_stored",
        edits: &[Edit {
            file: "runtime/commit.rs",
            from: "        let committed = storage.commit(&spawner, changes).await;
        apply.call(committed)",
            to: "        let result = apply.call(Ok(()));
        let _ = storage.commit(&spawner, changes).await;
        result",
        }],
    },
    Fault {
        invariant: 11,
        name: "the end of a run is shown before its commit",
        scenario: "durability::page_and_changes_that_are_being_stored",
        edits: &[
            Edit {
                file: "runtime/run_task.rs",
                from: "        let again = || slot.end_changes(&mut finished);
",
                to: "        let _ = slot.apply_end(*finished.clone(), slot.now());
        let again = || slot.end_changes(&mut finished);
",
            },
            Edit {
                file: "runtime/run_task.rs",
                from: "if let Some(stop) = slot.apply_end(*finished, now) {",
                to: "if let Some(stop) = None::<Vec<Change>> {",
            },
        ],
    },
    Fault {
        invariant: 11,
        name: "a page shows an entry that the store has and the worker does not have yet",
        scenario: "durability::page_from_the_store_and_an_input_that_is_being_stored",
        edits: &[Edit {
            file: "runtime/reading.rs",
            from: "        entries.retain(|entry| entry.sequence < first_held);
",
            to: "        entries.retain(|_| true);
",
        }],
    },
    Fault {
        invariant: 12,
        name: "a run that was cut off goes on without an end",
        scenario: "durability::a_crash_before_a_word",
        edits: &[Edit {
            file: "runtime/residency.rs",
            from: "(Arc::clone(limits), conversation.active_run.is_some());",
            to: "(Arc::clone(limits), false);",
        }],
    },
    Fault {
        invariant: 12,
        name: "an end that the store refused is not kept",
        scenario: "refusals::an_end_that_is_refused_and_the_next_changes",
        edits: &[Edit {
            file: "runtime/slot/run_end.rs",
            from: "            guarded.unsaved = Some(Change::Finish(Box::new(finished.clone())));
",
            to: "",
        }],
    },
    Fault {
        invariant: 12,
        name: "an end that the store refused is stored twice",
        scenario: "refusals::an_end_that_is_refused_and_the_next_changes",
        edits: &[Edit {
            file: "runtime/slot/input.rs",
            from: "            guarded.unsaved = None;
",
            to: "",
        }],
    },
    Fault {
        invariant: 12,
        name: "a draft begins where the one that was refused ended",
        scenario: "durability::drafts_of_a_reply_of_which_one_is_refused",
        edits: &[Edit {
            file: "runtime/drafts.rs",
            from: "                    if committed {
                        self.stored = *end;
                    }",
            to: "                    let _ = committed;
                    self.stored = *end;",
        }],
    },
    Fault {
        invariant: 12,
        name: "each draft begins at the beginning",
        scenario: "durability::drafts_of_a_reply_of_which_one_is_refused",
        edits: &[Edit {
            file: "runtime/drafts.rs",
            from: "                        self.stored = *end;",
            to: "                        let _ = *end;",
        }],
    },
    Fault {
        invariant: 12,
        name: "a run that ends without a word has an empty reply instead of an unanswered input",
        scenario: "durability::a_crash_before_a_word",
        edits: &[Edit {
            file: "core/worker/run_end.rs",
            from: "        let reply = run.reply.text().map(|content| Entry {",
            to: "        let reply = Some(run.reply.text().unwrap_or_default()).map(|content| Entry {",
        }],
    },
    Fault {
        invariant: 13,
        name: "an input that was refused leaves its worker reserved",
        scenario: "refusals::an_input_that_is_refused_and_a_cancel",
        edits: &[Edit {
            file: "runtime/slot/input.rs",
            from: "            guarded.commit = None;
            if let Err(error) = committed {",
            to: "            if committed.is_ok() {
                guarded.commit = None;
            }
            if let Err(error) = committed {",
        }],
    },
    Fault {
        invariant: 13,
        name: "who waits for an input is not told that it was refused",
        scenario: "refusals::an_input_that_is_refused_and_a_cancel",
        edits: &[Edit {
            file: "runtime/slot/input.rs",
            from: "                self.changed.notify_waiters();
                return Err(error.into());",
            to: "                return Err(error.into());",
        }],
    },
    Fault {
        invariant: 13,
        name: "an input that was refused keeps what its run would have needed",
        scenario: "refusals::an_input_that_is_refused_and_a_cancel",
        edits: &[Edit {
            file: "runtime/slot/input.rs",
            from: "                self.step(guarded, |_| ());
                self.changed.notify_waiters();",
            to: "                self.changed.notify_waiters();",
        }],
    },
    Fault {
        invariant: 13,
        name: "the key of a creation that was refused stays taken",
        scenario: "refusals::a_creation_that_is_refused_and_its_repetition",
        edits: &[Edit {
            file: "runtime/directory.rs",
            from: "        let holder = key.and_then(|key| self.keys.remove(key));",
            to: "        let holder = key.and_then(|key| self.keys.get(key));",
        }],
    },
    Fault {
        invariant: 13,
        name: "a worker that is in use is put out of memory",
        scenario: "refusals::an_input_and_a_creation_that_needs_its_place_in_memory",
        edits: &[Edit {
            file: "runtime/directory/eviction.rs",
            from: "slot.rest().filter(|_| Arc::strong_count(slot) == 1)?;",
            to: "slot.rest()?;",
        }],
    },
    Fault {
        invariant: 13,
        name: "a worker that could not be loaded stays on its way into memory",
        scenario: "refusals::a_worker_that_cannot_be_loaded_and_the_next_attempt",
        edits: &[Edit {
            file: "runtime/residency.rs",
            from: "            .with(|directory| directory.end_loading(self.id, None));",
            to: "            .with(|_| ());",
        }],
    },
    Fault {
        invariant: 13,
        name: "who waits for a worker is not told that it could not be loaded",
        scenario: "refusals::a_worker_that_cannot_be_loaded_and_the_next_attempt",
        edits: &[Edit {
            file: "runtime/directory.rs",
            from: "            None => drop(self.places.insert(id, Place::Stored(stored))),
        }
        ended.notify_waiters();",
            to: "            None => {
                self.places.insert(id, Place::Stored(stored));
                return;
            }
        }
        ended.notify_waiters();",
        }],
    },
];
