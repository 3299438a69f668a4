//! The lines that wait to be written: a bounded buffer between whoever logs and the thread
//! that writes.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The buffer, its bound, and who is to be woken.
pub(super) struct Waiting {
    buffer: Mutex<Buffer>,
    bytes_max: usize,
    /// There is something to write, or the end has come.
    stirred: Condvar,
    /// The writing thread has taken and written its last.
    ended: Condvar,
}

#[derive(Default)]
struct Buffer {
    /// Whole lines.
    lines: Vec<u8>,
    /// Lines that there was no room for, since the last were taken.
    lost: u64,
    writer: Writer,
    closing: bool,
}

/// What the writing thread is at.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// It looks at the buffer before it sleeps.
    #[default]
    Awake,
    /// It has to be woken.
    Asleep,
    /// It takes nothing more.
    Done,
    /// All that it took is written.
    Gone,
}

/// What was taken, besides the lines.
pub(super) struct Taken {
    /// Lines that there was no room for, before these were taken.
    pub(super) lost: u64,
    /// Nothing more will come.
    pub(super) last: bool,
}

impl Waiting {
    /// An empty buffer for at most this many bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            buffer: Mutex::default(),
            bytes_max,
            stirred: Condvar::new(),
            ended: Condvar::new(),
        }
    }

    /// Adds a line, or counts it as lost when there is no room. Never waits for the writer.
    pub(super) fn add(&self, line: &[u8]) {
        let mut buffer = self.lock();
        if matches!(buffer.writer, Writer::Done | Writer::Gone) {
            return;
        }
        if line.len() <= self.bytes_max.saturating_sub(buffer.lines.len()) {
            buffer.lines.extend_from_slice(line);
        } else {
            buffer.lost = buffer.lost.saturating_add(1);
        }
        // To notify is a system call, also when nobody sleeps.
        if buffer.writer == Writer::Asleep {
            buffer.writer = Writer::Awake;
            drop(buffer);
            self.stirred.notify_one();
        }
    }

    /// Sleeps until there are lines, lets more gather for as long as `linger`, and exchanges
    /// them for `lines`, which is empty.
    pub(super) fn take(&self, lines: &mut Vec<u8>, linger: Duration) -> Taken {
        let mut buffer = self.lock();
        while buffer.lines.is_empty() && buffer.lost == 0 && !buffer.closing {
            buffer.writer = Writer::Asleep;
            let woken = self.stirred.wait(buffer);
            buffer = woken.unwrap_or_else(PoisonError::into_inner);
        }
        buffer.writer = Writer::Awake;
        let gathered = self
            .stirred
            .wait_timeout_while(buffer, linger, |buffer| !buffer.closing);
        let (mut buffer, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut buffer.lines, lines);
        if buffer.closing {
            buffer.writer = Writer::Done;
        }
        Taken {
            lost: mem::take(&mut buffer.lost),
            last: buffer.closing,
        }
    }

    /// Tells that what was taken last is written.
    pub(super) fn end(&self) {
        self.lock().writer = Writer::Gone;
        self.ended.notify_all();
    }

    /// Has the writer take what is there and end, and waits until it has, for `patience` at
    /// most.
    pub(super) fn close(&self, patience: Duration) {
        let mut buffer = self.lock();
        buffer.closing = true;
        self.stirred.notify_one();
        let at_work = |buffer: &mut Buffer| buffer.writer != Writer::Gone;
        // Whoever waited in vain ends all the same.
        drop(self.ended.wait_timeout_while(buffer, patience, at_work));
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        // Nothing in here panics half way through a change.
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
