//! What can be chosen about a store.

/// What can be chosen about a store. The default is for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Whether the file may be on a network file system.
    pub network_file_systems: NetworkFileSystems,
    /// How many bytes the file may have, rounded down to pages; none leaves that to the disk. When
    /// it has them, the store is full.
    pub max_bytes: Option<u64>,
}

/// Whether a store may be on a network file system. Locks and shared memory don't work reliably
/// there, and a store can be damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkFileSystems {
    /// Such a store isn't opened.
    #[default]
    Refused,
    /// The operator has decided that it may be there.
    Allowed,
}
