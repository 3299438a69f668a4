//! Keeps the token and the keys of providers, which are in memory, out of core dumps.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// From now on a crash writes no core dump, neither to a file nor to a program that collects them.
/// Other processes of the same user can't read this one's memory any more, debuggers included.
///
/// # Errors
/// When the operating system refuses one of the two; the other is done all the same.
pub fn forbid() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // The limit is inherited by children, which the process has none of; the other is not.
    let limited = setrlimit(Resource::Core, none);
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(limited?)
}
