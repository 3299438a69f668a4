//! Records as older local tooling wrote them, with a secret in every field that is not to be
//! shown.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// The id of a session. It must have the form of an id, as must that of a segment.
pub const SESSION_ID: &str = "11111111-2222-4333-8444-555555555555";
/// The id of a segment.
pub const SEGMENT_ID: &str = "66666666-7777-4888-8999-000000000000";

/// The secrets of a [`record`].
pub const SECRETS: &[&str] = &[
    "CANARY-socket",
    "CANARY-manifest-secret",
    "CANARY-target",
    "CANARY-callback",
    "CANARY-child",
    "CANARY-peer",
    SESSION_ID,
    SEGMENT_ID,
];

/// A record of `workspace` with every field that older tooling wrote.
pub fn record(name: &str, workspace: &Path) -> Value {
    json!({
        "worker_name": name,
        "active": { "session_id": SESSION_ID, "segment_id": SEGMENT_ID },
        "workspace_root": workspace.to_str().expect("a UTF-8 path"),
        "spawned_children": [{
            "worker_name": "CANARY-child",
            "socket_path": "/run/CANARY-socket.sock",
            "scope_delegated": [{ "target": "/CANARY-target", "permission": "rw", "recursive": true }],
            "callback_address": "unix:/run/CANARY-callback",
        }],
        "reclaimed_children": [],
        "peers": [{ "worker_name": "CANARY-peer" }],
        "resolved_manifest_snapshot": {
            "api_key": "CANARY-manifest-secret",
            "profile": { "source": { "provenance": "builtin:coder", "path": "/CANARY-target" } },
        },
        "some_later_field": { "of": ["any", "shape"] },
    })
}

/// Writes `record` to `directory/metadata.json`.
pub fn write(directory: &Path, record: &Value) {
    write_bytes(directory, record.to_string().as_bytes());
}

/// Writes any bytes to `directory/metadata.json`.
pub fn write_bytes(directory: &Path, bytes: &[u8]) {
    fs::create_dir_all(directory).expect("the record's directory");
    fs::write(directory.join("metadata.json"), bytes).expect("the record");
}
