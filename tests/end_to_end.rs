//! The wired server, used as its clients use it: over real sockets, through every layer.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the message")]

#[path = "end_to_end/process.rs"]
mod process;
#[path = "end_to_end/sources.rs"]
mod sources;

#[path = "end_to_end/blocked_engine.rs"]
mod blocked_engine;
#[path = "end_to_end/canaries.rs"]
mod canaries;
#[path = "end_to_end/conversation.rs"]
mod conversation;
#[path = "end_to_end/engines.rs"]
mod engines;
#[path = "end_to_end/full_disk.rs"]
mod full_disk;
#[path = "end_to_end/identity.rs"]
mod identity;
#[path = "end_to_end/lifecycle.rs"]
mod lifecycle;
#[path = "end_to_end/listening.rs"]
mod listening;
#[path = "end_to_end/lists.rs"]
mod lists;
#[path = "end_to_end/local_records.rs"]
mod local_records;
#[path = "end_to_end/log.rs"]
mod log;
#[path = "end_to_end/models.rs"]
mod models;
#[path = "end_to_end/named_tokens.rs"]
mod named_tokens;
#[path = "end_to_end/refusals.rs"]
mod refusals;
#[path = "end_to_end/reload.rs"]
mod reload;
#[path = "end_to_end/resource_limits.rs"]
mod resource_limits;
#[path = "end_to_end/runs.rs"]
mod runs;
#[path = "end_to_end/security.rs"]
mod security;
#[path = "end_to_end/service_manager.rs"]
mod service_manager;
#[path = "end_to_end/sessions.rs"]
mod sessions;
#[path = "end_to_end/shutdown.rs"]
mod shutdown;
#[path = "end_to_end/slow_store.rs"]
mod slow_store;
#[path = "end_to_end/standby.rs"]
mod standby;
#[path = "end_to_end/store.rs"]
mod store;
#[path = "end_to_end/store_canaries.rs"]
mod store_canaries;
#[path = "end_to_end/store_metrics.rs"]
mod store_metrics;
