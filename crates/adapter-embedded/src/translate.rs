//! Translation between the runtime's types and the registry's: named functions, and one
//! exhaustive `match` per family of errors.

pub(crate) mod conversation;
pub(crate) mod descriptor;
mod diagnostic;
pub(crate) mod error;
pub(crate) mod id;
pub(crate) mod run;
pub(crate) mod worker;
