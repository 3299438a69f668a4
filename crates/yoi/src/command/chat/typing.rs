//! The terminal while no line is read: what is typed is kept for the next prompt, and not shown.

use std::io;

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

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
