//! The terminal while no line is read: what is typed is kept for the next prompt, and not shown.

use std::fs::OpenOptions;
use std::io::{self, Write as _};

use rustix::process::getpgrp;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp,
    tcsetattr,
};

/// Ends the bracketed paste that the line editor asks the terminal for (xterm's control
/// sequences, mode 2004).
const BRACKETED_PASTE_OFF: &[u8] = b"\x1b[?2004l";

/// Restores the terminal when it is dropped.
pub(super) struct HiddenTyping {
    original: Termios,
}

impl HiddenTyping {
    /// Hides what is typed on standard input from now on. `None` where that can't be done.
    pub(super) fn begin() -> Option<Self> {
        let original = tcgetattr(io::stdin()).ok()?;
        let typing = Self { original };
        typing.renew();
        Some(typing)
    }

    /// Hides it again, after the line editor or a shell had the terminal.
    pub(super) fn renew(&self) {
        let mut hidden = self.original.clone();
        // Ctrl-C stays a signal. Whole lines at a time would lose the end of a long paste, and are
        // another thing to the line editor when it reads them.
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
        hidden.input_modes -= InputModes::ICRNL;
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        set(&hidden);
    }

    /// Restores the terminal also from what the line editor, which may be reading a line, has
    /// changed. Does nothing in the background, where the terminal is the shell's: the attempt would
    /// stop the process.
    pub(super) fn restore_in_foreground(&self) {
        if tcgetpgrp(io::stdin()).ok() != Some(getpgrp()) {
            return;
        }
        set(&self.original);
        // A terminal that is gone has no modes.
        if let Ok(mut terminal) = OpenOptions::new().write(true).open("/dev/tty") {
            let _ = terminal.write_all(BRACKETED_PASTE_OFF);
        }
    }
}

impl Drop for HiddenTyping {
    fn drop(&mut self) {
        set(&self.original);
    }
}

/// A failure affects the layout alone.
fn set(modes: &Termios) {
    // Not `Flush`: what was typed already is kept.
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
}
