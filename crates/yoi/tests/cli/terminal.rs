//! A program in a real terminal, read until it prints what is waited for.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command as PtyCommand, Pty, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{InputModes, LocalModes, tcgetattr};

/// Longest time to wait for a text or for the exit.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Keys, as a terminal sends them.
pub(crate) const ENTER: &str = "\r";
pub(crate) const CTRL_C: &str = "\u{3}";
pub(crate) const CTRL_D: &str = "\u{4}";
pub(crate) const ARROW_UP: &str = "\u{1b}[A";
pub(crate) const ALT_ENTER: &str = "\u{1b}\r";

/// A program in a terminal of its own. Dropping it kills the program.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    /// The terminal's modes before the program began.
    before: (InputModes, LocalModes),
    output: Receiver<Vec<u8>>,
    received: Vec<u8>,
    /// Length of the text that was matched already.
    matched: usize,
}

impl Terminal {
    pub(crate) fn start(command: &Command) -> Self {
        // Wide enough that no note is broken into lines.
        Self::start_with(command, 400)
    }

    /// The same, in a terminal of so many columns.
    pub(crate) fn start_with(command: &Command, columns: u16) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(40, columns)).unwrap();
        let before = modes(&pty);
        let variables = command.get_envs();
        let directory = command.get_current_dir().expect("the fixture sets it");
        let child = PtyCommand::new(command.get_program())
            .args(command.get_args())
            .current_dir(directory)
            .env_clear()
            .env("TERM", "xterm")
            .envs(variables.filter_map(|(name, value)| Some((name, value?))))
            .spawn(pts)
            .unwrap();
        let pty = Arc::new(pty);
        let (sender, output) = channel();
        let reader = Arc::clone(&pty);
        std::thread::spawn(move || {
            while let Some(bytes) = read(&reader) {
                if sender.send(bytes).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            pty,
            before,
            output,
            received: Vec::new(),
            matched: 0,
        }
    }

    pub(crate) fn press(&self, keys: impl AsRef<[u8]>) {
        (&*self.pty).write_all(keys.as_ref()).unwrap();
    }

    /// Types `message` and presses Enter.
    pub(crate) fn submit(&self, message: &str) {
        self.press(format!("{message}{ENTER}"));
    }

    /// Waits for the prompt, then submits `message`.
    #[track_caller]
    pub(crate) fn send(&mut self, message: &str) {
        self.wait_for_prompt();
        self.submit(message);
    }

    #[track_caller]
    pub(crate) fn wait_for_prompt(&mut self) {
        self.wait_for("> ");
    }

    /// Leaves a chat at its prompt; returns the text that was not matched.
    #[track_caller]
    pub(crate) fn leave(mut self) -> String {
        self.wait_for_prompt();
        self.press(CTRL_D);
        let (code, last) = self.finish();
        assert_eq!(code, Some(0), "{last}");
        last
    }

    /// Waits for `text` after what was matched before; returns what stood between them.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let printed = self.text();
            if let Some(at) = printed[self.matched..].find(text) {
                let between = printed[self.matched..][..at].to_owned();
                self.matched += at + text.len();
                return between;
            }
            if let Err(reason) = self.receive(deadline) {
                // Does nothing to a program that has ended.
                let _ = self.child.kill();
                panic!(
                    "{reason:?} before {text:?} in {:?}; {:?}",
                    &printed[self.matched..],
                    self.child.wait()
                );
            }
        }
    }

    /// Waits for the program's exit; returns its code and the text that was not matched.
    pub(crate) fn finish(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match self.receive(deadline) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it still runs: {:?}", self.text()),
            }
        }
        let code = self.child.wait().unwrap().code();
        (code, self.text()[self.matched..].to_owned())
    }

    /// Sends `signal` to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Whether the terminal does with what is typed what it did before the program began.
    pub(crate) fn is_as_before(&self) -> bool {
        modes(&self.pty) == self.before && !self.brackets_paste()
    }

    /// Whether it marks what is pasted (xterm's control sequences, mode 2004).
    pub(crate) fn brackets_paste(&self) -> bool {
        let received = String::from_utf8_lossy(&self.received);
        received.rfind("\u{1b}[?2004h") > received.rfind("\u{1b}[?2004l")
    }

    /// Waits until `signal` has ended the program.
    #[track_caller]
    pub(crate) fn is_ended_by(&mut self, signal: Signal) {
        let deadline = Instant::now() + TIMEOUT;
        while self.receive(deadline).is_ok() {}
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
    }

    fn receive(&mut self, deadline: Instant) -> Result<(), RecvTimeoutError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let bytes = self.output.recv_timeout(left)?;
        self.received.extend(bytes);
        Ok(())
    }

    /// What was printed, without escape sequences.
    fn text(&self) -> String {
        let received = String::from_utf8_lossy(&self.received);
        let mut parts = received.split('\u{1b}');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            // `[`, parameters, a final byte (ECMA-48 §5.4).
            let mut sequence = part.char_indices().skip(1);
            if let Some((end, _)) = sequence.find(|(_, c)| ('@'..='~').contains(c)) {
                text.push_str(&part[end + 1..]);
            }
        }
        text.replace('\r', "")
    }
}

/// Waits for what the program prints; nothing more comes once it has closed the terminal (EIO on
/// Linux, 0 elsewhere).
fn read(mut pty: &Pty) -> Option<Vec<u8>> {
    let mut bytes = [0; 4096];
    // Linux looks for text before it looks whether the terminal was closed, so what was printed
    // in between is only found by another read (`n_tty_read` in drivers/tty/n_tty.c).
    let count = pty.read(&mut bytes).or_else(|_| pty.read(&mut bytes));
    match count {
        Ok(count @ 1..) => Some(bytes[..count].to_vec()),
        Ok(0) | Err(_) => None,
    }
}

fn modes(pty: &Pty) -> (InputModes, LocalModes) {
    let modes = tcgetattr(pty).unwrap();
    (modes.input_modes, modes.local_modes)
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
