//! A server that can die, and another one that takes its place.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::Home;

/// A server of the person who lives at a home. Dropping it kills it.
pub(crate) struct Server(Child);

impl Server {
    /// Starts on a free port, with `pace_ms` between two words of a reply.
    pub(crate) fn start(home: &Home, pace_ms: u32) -> Self {
        let (server, line) = home.serves(&pace_ms.to_string());
        assert!(line.contains("http://"), "{line:?}");
        Self(server)
    }

    /// Answers nobody, and is there all the same.
    pub(crate) fn freezes(&self) {
        kill_process(Pid::from_child(&self.0), Signal::STOP).unwrap();
    }

    /// Goes on where it froze.
    pub(crate) fn thaws(&self) {
        kill_process(Pid::from_child(&self.0), Signal::CONT).unwrap();
    }

    /// Dies without a word.
    pub(crate) fn dies(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
