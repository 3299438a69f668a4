//! From a method and a path to what answers there.

use http::Method;

use super::{OPERATIONS, Target, Verb};

/// Every path of the table, and where each of its methods leads. Made once.
pub(crate) struct Router {
    paths: matchit::Router<Methods>,
    nowhere: Target,
}

/// Where the methods of one path lead.
struct Methods {
    get: Target,
    post: Target,
    other: Target,
}

impl Router {
    pub(crate) fn new() -> Self {
        let mut paths = matchit::Router::new();
        for (at, operation) in OPERATIONS.iter().enumerate() {
            let is_first_of_path = OPERATIONS[..at].iter().all(|o| o.path != operation.path);
            if is_first_of_path {
                paths
                    .insert(operation.path, Methods::of(operation.path))
                    .expect("a test asks for every path of the table");
            }
        }
        Self {
            paths,
            nowhere: Target::nowhere(),
        }
    }

    /// Where a request leads.
    pub(crate) fn target(&self, method: &Method, path: &str) -> &Target {
        let Ok(found) = self.paths.at(path) else {
            return &self.nowhere;
        };
        let methods = found.value;
        match *method {
            // RFC 9110 §9.3.2: as `GET`, without the body.
            Method::GET | Method::HEAD => &methods.get,
            Method::POST => &methods.post,
            _ => &methods.other,
        }
    }
}

impl Methods {
    fn of(path: &'static str) -> Self {
        let other = Target::other_methods(path);
        let of = |verb| {
            OPERATIONS
                .iter()
                .find(|operation| operation.path == path && operation.verb == verb)
                .map_or(other, Target::of)
        };
        Self {
            get: of(Verb::Get),
            post: of(Verb::Post),
            other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::OperationId;

    fn operation(method: &Method, path: &str) -> Option<OperationId> {
        let router = Router::new();
        let target = router.target(method, path);
        target.operation.ok().map(|operation| operation.id)
    }

    #[test]
    fn every_operation_of_the_table_is_found_by_its_method_and_path() {
        for wanted in &OPERATIONS {
            let method = wanted.verb.as_str().parse().unwrap();
            let path = wanted.path.replace(['{', '}'], "");
            assert_eq!(operation(&method, &path), Some(wanted.id));
        }
    }

    #[test]
    fn head_is_get_and_other_methods_of_a_path_lead_to_no_operation() {
        let health = OperationId::GetHealth;
        assert_eq!(operation(&Method::HEAD, "/healthz"), Some(health));
        assert_eq!(operation(&Method::POST, "/healthz"), None);
        assert_eq!(operation(&Method::PUT, "/healthz"), None);
        assert_eq!(
            Router::new().target(&Method::PUT, "/healthz").route,
            "/healthz"
        );
    }

    #[test]
    fn a_path_is_found_as_a_whole_or_not_at_all() {
        for path in [
            "",
            "*",
            "/",
            "/healthz/",
            "//healthz",
            "/HEALTHZ",
            "/api/runtimes/",
            "/api/runtimes//workers",
            "/api/runtimes/a/workers/b/events/",
        ] {
            assert_eq!(operation(&Method::GET, path), None, "{path}");
        }
    }
}
