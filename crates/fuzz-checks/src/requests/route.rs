//! What there is at a path, by the API's own list of operations and a plain reading of its
//! templates.

use http::Method;
use http_api::{OperationInfo, operations};

/// What there is at a path for a method.
pub(super) enum Route {
    /// No such path.
    Nothing,
    /// The path takes these methods and not this one; the text of its `Allow`.
    OtherMethods(String),
    /// An operation.
    Operation(&'static OperationInfo),
}

/// What there is.
pub(super) fn route(method: &Method, path: &str) -> Route {
    let here: Vec<_> = operations()
        .iter()
        .filter(|known| fits(&known.path, path))
        .collect();
    if here.is_empty() {
        return Route::Nothing;
    }
    let wanted = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    match here.iter().find(|known| known.method == wanted) {
        Some(known) => Route::Operation(known),
        None => {
            let takes = |method| here.iter().any(|known| known.method == method);
            let mut allowed = Vec::new();
            if takes("GET") {
                allowed.extend(["GET", "HEAD"]);
            }
            if takes("POST") {
                allowed.push("POST");
            }
            Route::OtherMethods(allowed.join(","))
        }
    }
}

/// Whether a path is one of a template: segment by segment, a parameter taking any but an
/// empty one.
fn fits(template: &str, path: &str) -> bool {
    let (wanted, found): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    let is_taken = |(wanted, found): (&&str, &&str)| {
        wanted == found || (wanted.starts_with('{') && !found.is_empty())
    };
    wanted.len() == found.len() && wanted.iter().zip(&found).all(is_taken)
}
