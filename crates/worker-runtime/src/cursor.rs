//! Positions in a worker's event log.

/// Identifies one instance of a runtime: random for each one that is built, so that a cursor from
/// before a restart can be told from a current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with this number, as read back from a cursor's text.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// An epoch that has ended, without saying which: no runtime has it, so that its cursors are
    /// expired.
    pub(crate) const PAST: Self = Self(0);

    pub(crate) fn random() -> Self {
        // The low half of a UUIDv7: 62 bits from the operating system's generator,
        // and a fixed variant, which makes it another one than `PAST`. Enough to tell one instance
        // from another.
        Self(uuid::Uuid::now_v7().as_u64_pair().1)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A position in one worker's event log: just after the event with this sequence
/// number. Sequence 0 is before the first event.
///
/// A cursor doesn't name its worker: keep the worker's id beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    epoch: Epoch,
    sequence: u64,
}

impl Cursor {
    /// The position after event `sequence` in a log of this epoch.
    #[must_use]
    pub const fn new(epoch: Epoch, sequence: u64) -> Self {
        Self { epoch, sequence }
    }

    /// The runtime instance that it belongs to.
    #[must_use]
    pub const fn epoch(self) -> Epoch {
        self.epoch
    }

    /// The number of the event just before the position.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_back_its_parts() {
        let cursor = Cursor::new(Epoch::new(7), 9);
        assert_eq!((cursor.epoch().get(), cursor.sequence()), (7, 9));
        assert_ne!(Epoch::random(), Epoch::random());
        assert_ne!(Epoch::random(), Epoch::PAST);
    }
}
