//! What `--version` says: the version, the commit that it was built from, and the API it speaks.

use std::sync::LazyLock;

use http_api::wire::API_VERSION;

/// The commit, if `build.rs` could find it out.
const COMMIT: Option<&str> = option_env!("YOI_BUILD_COMMIT");

pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let version = env!("CARGO_PKG_VERSION");
    match COMMIT {
        Some(commit) => format!("{version} (commit {commit}, API {API_VERSION})"),
        None => format!("{version} (API {API_VERSION})"),
    }
});
