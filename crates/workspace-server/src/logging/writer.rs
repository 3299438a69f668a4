//! The thread that writes log lines: it sleeps while there are none, and writes many at once.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::waiting::Waiting;

/// Most bytes of lines that wait for their reader: a second of a busy server. The thread may
/// have as many again in its hands.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long lines gather before they are written: the thread wakes at most 200 times a second,
/// and whoever follows the log sees no delay.
const LINGER: Duration = Duration::from_millis(5);
/// How long the end waits for the reader to take what is left.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a buffer that are kept for the next lines; a burst's memory is given back.
const KEPT_BYTES: usize = 256 * 1024;

/// How much may wait, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Most bytes of lines that wait.
    pub(super) bytes_max: usize,
    /// How long lines gather before they are written, and how long a reader that is not ready
    /// is left alone.
    pub(super) linger: Duration,
    /// How long [`LogGuard`] waits for the last line to be taken.
    pub(super) patience: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            bytes_max: WAITING_BYTES_MAX,
            linger: LINGER,
            patience: PATIENCE,
        }
    }
}

/// Ends the log when it is dropped: what still waits is written, and waited for one second at
/// most.
#[must_use = "the log ends when this is dropped"]
pub struct LogGuard {
    waiting: Arc<Waiting>,
    patience: Duration,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.waiting.close(self.patience);
    }
}

/// Where finished lines are put.
pub(super) struct Lines(Arc<Waiting>);

/// One line's way in.
pub(super) struct Line<'a>(&'a Waiting);

impl Lines {
    /// Starts a thread that writes to `out`. When lines were lost, it writes what `lost` makes
    /// of their number.
    ///
    /// # Errors
    /// The system has no thread.
    pub(super) fn to(
        out: impl Write + Send + 'static,
        bounds: Bounds,
        lost: fn(u64) -> Vec<u8>,
    ) -> io::Result<(Self, LogGuard)> {
        let waiting = Arc::new(Waiting::new(bounds.bytes_max));
        let mut outlet = Outlet {
            out,
            pause: bounds.linger,
            notice: lost,
            lost: 0,
            torn: false,
        };
        let from = Arc::clone(&waiting);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || outlet.drain(&from))?;
        let guard = LogGuard {
            waiting: Arc::clone(&waiting),
            patience: bounds.patience,
        };
        Ok((Self(waiting), guard))
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

impl Write for Line<'_> {
    /// Takes a whole line; the library writes one at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The writing end.
struct Outlet<W> {
    out: W,
    pause: Duration,
    notice: fn(u64) -> Vec<u8>,
    /// Lines that were lost, and nobody was told.
    lost: u64,
    /// The last line was only written in part.
    torn: bool,
}

impl<W: Write> Outlet<W> {
    fn drain(&mut self, waiting: &Waiting) {
        let mut lines = Vec::new();
        loop {
            let taken = waiting.take(&mut lines, self.pause);
            self.lost = self.lost.saturating_add(taken.lost);
            self.write(&lines);
            clear(&mut lines);
            if taken.last {
                break;
            }
        }
        waiting.end();
    }

    /// Writes lines, and then how many were lost until now.
    fn write(&mut self, lines: &[u8]) {
        if self.torn {
            self.torn = self.put(b"\n").is_err();
        }
        if let Err(rest) = self.put(lines) {
            self.lost = self.lost.saturating_add(count(rest));
        } else if self.lost > 0 && self.put(&(self.notice)(self.lost)).is_ok() {
            self.lost = 0;
        }
    }

    /// Writes all of `lines`, or tells what was not written.
    fn put<'a>(&mut self, lines: &'a [u8]) -> Result<(), &'a [u8]> {
        let mut written = 0;
        while let Some(rest @ [_, ..]) = lines.get(written..) {
            match self.out.write(rest) {
                Ok(more @ 1..) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Whoever has the other end of a terminal or pipe can set it so that writing
                // never waits; then we do.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(self.pause),
                Ok(_) | Err(_) => {
                    if let Some(last) = lines[..written].last() {
                        self.torn = *last != b'\n';
                    }
                    return Err(rest);
                }
            }
        }
        Ok(())
    }
}

/// Empties a buffer for the next lines.
fn clear(lines: &mut Vec<u8>) {
    lines.clear();
    lines.shrink_to(KEPT_BYTES);
}

fn count(lines: &[u8]) -> u64 {
    let ends = lines.iter().filter(|byte| **byte == b'\n').count();
    u64::try_from(ends).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
