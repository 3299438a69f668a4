//! The `yoi` binary against a real server: what a user types, and what it prints.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod chat;
mod chat_input;
mod commands;
mod container;
mod core_dumps;
mod doctor;
mod exit_codes;
mod fixture;
mod input_size;
mod names;
mod prepared;
mod restart;
mod shell;
mod store;
mod store_copy;
mod terminal;
mod terminal_modes;
mod thinking;
mod variables;
mod workspaces;
