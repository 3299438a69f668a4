//! From a method and a path to what answers there.

use http::Method;

use super::{OPERATIONS, Target, Verb};
use crate::wire::path::Address;

/// Every path of the table, and where each of its methods leads. Made once.
pub(crate) struct Router {
    paths: Vec<Path>,
    nowhere: Target,
}

/// One path of the table.
struct Path {
    template: Address<'static>,
    methods: Methods,
}

/// Where the methods of one path lead.
struct Methods {
    get: Target,
    post: Target,
    other: Target,
}

impl Router {
    pub(crate) fn new() -> Self {
        let mut templates: Vec<_> = OPERATIONS.iter().map(|operation| operation.path).collect();
        templates.sort_unstable();
        templates.dedup();
        Self {
            paths: templates.into_iter().map(Path::of).collect(),
            nowhere: Target::nowhere(),
        }
    }

    /// Where a request leads.
    pub(crate) fn target(&self, method: &Method, path: &str) -> &Target {
        let address = Address::of(path);
        let Some(path) = self.paths.iter().find(|path| path.is_at(&address)) else {
            return &self.nowhere;
        };
        match *method {
            // RFC 9110 §9.3.2: as `GET`, without the body.
            Method::GET | Method::HEAD => &path.methods.get,
            Method::POST => &path.methods.post,
            _ => &path.methods.other,
        }
    }
}

impl Path {
    fn of(path: &'static str) -> Self {
        Self {
            template: Address::of(path),
            methods: Methods::of(path),
        }
    }

    /// Whether `address` has ids where the template has them, and is the same besides.
    fn is_at(&self, address: &Address<'_>) -> bool {
        let template = &self.template;
        stands_for(template.runtime_id, address.runtime_id)
            && stands_for(template.worker_id, address.worker_id)
            && template.rest == address.rest
    }
}

/// Whether there is a segment where the template has one; an empty one is none.
fn stands_for(template: Option<&str>, segment: Option<&str>) -> bool {
    template.is_some() == segment.is_some() && segment != Some("")
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
            "/api/runtimes//workers/b",
            "/api/runtimesa/workers",
            "/api/runtimes/a/",
            "/api/runtimes/a/healthz",
            "/api/runtimes/a/workers/",
            "/api/runtimes/a/workers//events",
            "/api/runtimes/a/workersb",
            "/api/runtimes/a/workers/b/",
            "/api/runtimes/a/workers/b/c",
            "/api/runtimes/a/workers/b/events/c",
            "/api/workers/b",
            "/api/runtimes/a/workers/b/events/",
        ] {
            assert_eq!(operation(&Method::GET, path), None, "{path}");
        }
    }
}
