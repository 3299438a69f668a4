//! A person at a terminal: a real one, read until it shows what is waited for.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command as PtyCommand, Pty, open};

/// Longest time to wait for a text or an end; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keys, as a terminal sends them.
pub(crate) const ENTER: &str = "\r";
pub(crate) const CTRL_C: &str = "\u{3}";
pub(crate) const CTRL_D: &str = "\u{4}";
pub(crate) const ARROW_UP: &str = "\u{1b}[A";

/// A program in a terminal of its own. Dropping it kills the program.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    arriving: Receiver<Vec<u8>>,
    arrived: Vec<u8>,
    /// Up to where the text was looked at.
    seen: usize,
}

impl Terminal {
    /// Starts `command` in a terminal.
    pub(crate) fn start(command: &Command) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(40, 200)).unwrap();
        let variables = command.get_envs();
        let child = PtyCommand::new(command.get_program())
            .args(command.get_args())
            .env_clear()
            .envs(variables.filter_map(|(name, value)| Some((name, value?))))
            .env("TERM", "xterm")
            .spawn(pts)
            .unwrap();
        let pty = Arc::new(pty);
        let (sender, arriving) = channel();
        let reader = Arc::clone(&pty);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Linux answers EIO, others 0, when nobody has the other end open any more.
            while let Ok(count @ 1..) = (&*reader).read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            pty,
            arriving,
            arrived: Vec::new(),
            seen: 0,
        }
    }

    /// Presses keys.
    pub(crate) fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the prompt, types `message` and presses Enter.
    pub(crate) fn says(&mut self, message: &str) {
        self.prompts();
        self.press(message);
        self.press(ENTER);
    }

    /// Waits for the prompt.
    #[track_caller]
    pub(crate) fn prompts(&mut self) {
        self.shows("> ");
    }

    /// Waits until `text` stands after what was looked at before, and gives what stands
    /// between the two.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.text();
            if let Some(at) = shown[self.seen..].find(text) {
                let between = shown[self.seen..][..at].to_owned();
                self.seen += at + text.len();
                return between;
            }
            if let Err(reason) = self.receive(deadline) {
                panic!("{reason:?} before {text:?} in {:?}", &shown[self.seen..]);
            }
        }
    }

    /// Waits for the program's end, and gives its exit code and the text that was not looked
    /// at.
    pub(crate) fn ends(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.receive(deadline) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it goes on: {:?}", self.text()),
            }
        }
        let code = self.child.wait().unwrap().code();
        (code, self.text()[self.seen..].to_owned())
    }

    fn receive(&mut self, deadline: Instant) -> Result<(), RecvTimeoutError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let bytes = self.arriving.recv_timeout(left)?;
        self.arrived.extend(bytes);
        Ok(())
    }

    /// What arrived, without the sequences that move the cursor and the like.
    fn text(&self) -> String {
        let arrived = String::from_utf8_lossy(&self.arrived);
        let mut text = String::new();
        let mut rest = arrived.chars();
        while let Some(c) = rest.next() {
            match c {
                // `ESC [`, parameters, a final byte (ECMA-48 §5.4).
                '\u{1b}' => {
                    rest.next();
                    rest.find(|c| ('@'..='~').contains(c));
                }
                '\r' => {}
                _ => text.write_char(c).unwrap(),
            }
        }
        text
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
