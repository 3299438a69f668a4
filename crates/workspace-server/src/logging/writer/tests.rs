//! The writing thread, with a reader that does as it is told.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use super::*;

/// Far more time than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// What the reader does with what it is offered.
enum Takes {
    Bytes(usize),
    Fails(ErrorKind),
}

/// The log's end of the reader: offers what is to be written, and waits for what is taken of
/// it. Takes everything once nobody tells it otherwise.
struct Offering {
    offered: Sender<Vec<u8>>,
    taken: Receiver<Takes>,
}

impl Write for Offering {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        // A test that has seen enough is no failure of the log.
        let _ = self.offered.send(lines.to_vec());
        match self.taken.recv() {
            Ok(Takes::Bytes(bytes)) => Ok(bytes.min(lines.len())),
            Ok(Takes::Fails(kind)) => Err(kind.into()),
            Err(_) => Ok(lines.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A log whose reader is the test.
struct Log {
    lines: Lines,
    guard: LogGuard,
    offered: Receiver<Vec<u8>>,
    takes: Sender<Takes>,
}

impl Log {
    fn with(bounds: Bounds) -> Self {
        let (offering, offered) = mpsc::channel();
        let (takes, taken) = mpsc::channel();
        let out = Offering {
            offered: offering,
            taken,
        };
        let notice = |lost| format!("{lost} lost\n").into_bytes();
        let (lines, guard) = Lines::to(out, bounds, notice).expect("a thread");
        Self {
            lines,
            guard,
            offered,
            takes,
        }
    }

    fn say(&self, line: &str) {
        let mut way_in = self.lines.make_writer();
        way_in.write_all(line.as_bytes()).expect("never fails");
    }

    /// What the reader is offered next.
    fn offers(&self) -> String {
        let offered = self.offered.recv_timeout(PATIENCE).expect("an offer");
        String::from_utf8(offered).expect("text")
    }

    fn reader(&self, takes: Takes) {
        self.takes.send(takes).expect("a reader");
    }

    /// Lets the reader take everything, ends the log, and tells what was still offered.
    fn end(self) -> Vec<String> {
        drop(self.takes);
        drop(self.guard);
        drop(self.lines);
        let offers = self.offered.iter();
        offers
            .map(|offer| String::from_utf8(offer).expect("text"))
            .collect()
    }
}

fn bounds(linger: Duration) -> Bounds {
    Bounds {
        linger,
        patience: PATIENCE,
        ..Bounds::default()
    }
}

#[test]
fn lines_that_gather_are_written_at_once() {
    let log = Log::with(bounds(FOR_EVER));
    for _ in 0..1000 {
        log.say("a line\n");
    }
    assert_eq!(log.end(), ["a line\n".repeat(1000)]);
}

#[test]
fn a_line_wakes_the_writer_whenever_it_sleeps() {
    let log = Log::with(bounds(Duration::ZERO));
    for number in 0..10_000 {
        let line = format!("{number}\n");
        log.say(&line);
        assert_eq!(log.offers(), line);
        log.reader(Takes::Bytes(usize::MAX));
    }
    assert!(log.end().is_empty());
}

#[test]
fn lines_of_many_threads_all_arrive_whole() {
    const THREADS: usize = 4;
    const LINES: usize = 5_000;
    let log = Log::with(bounds(Duration::ZERO));
    for _ in 0..THREADS * LINES {
        log.reader(Takes::Bytes(usize::MAX));
    }
    thread::scope(|scope| {
        for number in 0..THREADS {
            let log = &log.lines;
            scope.spawn(move || {
                for line in 0..LINES {
                    let line = format!("thread {number} line {line}\n");
                    log.make_writer().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
    let written = log.end().concat();
    for number in 0..THREADS {
        let of_thread = format!("thread {number} ");
        let lines = written.lines().filter(|line| line.starts_with(&of_thread));
        let expected = (0..LINES).map(|line| format!("{of_thread}line {line}"));
        assert!(lines.eq(expected), "lines of one thread stay in order");
    }
    assert_eq!(written.lines().count(), THREADS * LINES);
}

#[test]
fn what_a_stalled_reader_leaves_no_room_for_is_dropped_and_counted() {
    let log = Log::with(Bounds {
        bytes_max: "second\nthird\n".len(),
        ..bounds(Duration::ZERO)
    });
    log.say("first\n");
    assert_eq!(log.offers(), "first\n");
    for line in ["second\n", "third\n", "fourth\n", "fifth\n", "\n"] {
        log.say(line);
    }
    assert_eq!(log.end(), ["second\nthird\n", "3 lost\n"]);
}

#[test]
fn a_line_that_never_has_room_is_counted_without_others() {
    let log = Log::with(Bounds {
        bytes_max: 3,
        ..bounds(Duration::ZERO)
    });
    log.say("long\n");
    assert_eq!(log.end(), ["1 lost\n"]);
}

#[test]
fn a_stalled_reader_does_not_hold_up_the_end() {
    let log = Log::with(Bounds {
        patience: Duration::ZERO,
        ..bounds(Duration::ZERO)
    });
    log.say("a line\n");
    assert_eq!(log.offers(), "a line\n");
    let (ended, end) = mpsc::channel();
    let guard = log.guard;
    thread::spawn(move || {
        drop(guard);
        ended.send(())
    });
    let end = end.recv_timeout(PATIENCE);
    assert!(end.is_ok(), "the reader takes nothing, and the end waits");
    drop(log.takes);
}

#[test]
fn after_the_end_lines_go_nowhere_and_take_no_room() {
    let Log {
        lines,
        guard,
        offered,
        takes,
    } = Log::with(bounds(Duration::ZERO));
    drop(takes);
    drop(guard);
    for _ in 0..1000 {
        lines.make_writer().write_all(b"too late\n").unwrap();
    }
    let mut kept = Vec::new();
    lines.0.take(&mut kept, Duration::ZERO);
    assert_eq!(kept.capacity(), 0);
    assert_eq!(offered.iter().count(), 0);
}

#[test]
fn a_reader_that_takes_little_and_not_always_gets_everything() {
    let log = Log::with(bounds(Duration::ZERO));
    log.reader(Takes::Bytes(3));
    log.reader(Takes::Fails(ErrorKind::WouldBlock));
    log.reader(Takes::Fails(ErrorKind::Interrupted));
    log.say("a line\n");
    let rest = ["a line\n", "ine\n", "ine\n", "ine\n"];
    assert_eq!(log.end(), rest);
}

#[test]
fn lines_that_a_reader_fails_to_take_are_counted_and_the_next_begins_anew() {
    let log = Log::with(bounds(Duration::ZERO));
    log.say("first\n");
    assert_eq!(log.offers(), "first\n");
    log.say("second\nthird\nfourth\n");
    log.reader(Takes::Bytes(usize::MAX));
    assert_eq!(log.offers(), "second\nthird\nfourth\n");
    log.reader(Takes::Bytes("second\nth".len()));
    assert_eq!(log.offers(), "ird\nfourth\n");
    log.reader(Takes::Fails(ErrorKind::StorageFull));

    log.say("fifth\n");
    assert_eq!(log.offers(), "\n");
    assert_eq!(log.end(), ["fifth\n", "2 lost\n"]);
}

#[test]
fn lost_lines_are_told_of_until_the_reader_takes_it() {
    let log = Log::with(bounds(Duration::ZERO));
    log.say("first\n");
    assert_eq!(log.offers(), "first\n");
    log.reader(Takes::Bytes(0));
    log.say("second\n");
    assert_eq!(log.offers(), "second\n");
    log.reader(Takes::Bytes(usize::MAX));
    assert_eq!(log.offers(), "1 lost\n");
    log.reader(Takes::Fails(ErrorKind::BrokenPipe));
    log.say("third\n");
    assert_eq!(log.end(), ["third\n", "1 lost\n"]);
}

#[test]
fn a_bursts_memory_is_given_back_and_the_usual_amount_is_kept() {
    let mut lines = vec![b'\n'; 10 * KEPT_BYTES];
    clear(&mut lines);
    assert!(lines.is_empty());
    assert!(lines.capacity() <= KEPT_BYTES, "{}", lines.capacity());

    let mut lines = vec![b'\n'; KEPT_BYTES / 2];
    let before = lines.capacity();
    clear(&mut lines);
    assert_eq!((lines.len(), lines.capacity()), (0, before));
}
