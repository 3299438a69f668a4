//! What the router finds for a request: an operation, or why there is none.

use super::{Access, OPERATIONS, Operation, allow};
use crate::problem::EdgeRefusal;

/// The route label of a path that no operation has.
const UNMATCHED: &str = "unmatched";

/// Where a request leads.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    /// The path's template, never the path itself: that may hold anything.
    pub(crate) route: &'static str,
    /// Who may come here.
    pub(crate) access: Access,
    /// The operation, if there is one.
    pub(crate) operation: Result<&'static Operation, EdgeRefusal>,
}

impl Target {
    /// The requests that `operation` answers.
    pub(crate) fn of(operation: &'static Operation) -> Self {
        Self {
            route: operation.path,
            access: access(operation.path),
            operation: Ok(operation),
        }
    }

    /// Requests to a path of operations, with a method that none of them has.
    pub(crate) fn other_methods(path: &'static str) -> Self {
        Self {
            route: path,
            access: access(path),
            operation: Err(EdgeRefusal::MethodNotAllowed { allow: allow(path) }),
        }
    }

    /// Requests to any other path. They need authorisation too, so that nobody without it
    /// learns which paths there are.
    pub(crate) fn nowhere() -> Self {
        Self {
            route: UNMATCHED,
            access: Access::Authorised,
            operation: Err(EdgeRefusal::UnknownRoute),
        }
    }

    /// Whether what is sent along is looked at.
    pub(crate) fn takes_body(&self) -> bool {
        self.operation
            .is_ok_and(|operation| operation.body.is_some())
    }
}

/// Who may use a path: the most that any of its operations asks for, for all its methods.
fn access(path: &str) -> Access {
    OPERATIONS
        .iter()
        .filter(|operation| operation.path == path)
        .map(|operation| operation.access)
        .max()
        .unwrap_or(Access::Authorised)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::OperationId;

    #[test]
    fn only_operations_whose_table_row_has_a_body_take_one() {
        let of = |id| {
            let operation = OPERATIONS.iter().find(|operation| operation.id == id);
            Target::of(operation.unwrap())
        };
        assert!(of(OperationId::SendInput).takes_body());
        assert!(!of(OperationId::GetHealth).takes_body());
        let input = of(OperationId::SendInput).route;
        assert!(!Target::other_methods(input).takes_body());
        assert!(!Target::nowhere().takes_body());
    }

    #[test]
    fn every_method_of_a_path_asks_for_the_most_that_one_of_its_operations_does() {
        assert_eq!(Target::other_methods("/api/session").access, Access::Token);
        assert_eq!(Target::other_methods("/healthz").access, Access::Open);
        assert_eq!(Target::nowhere().access, Access::Authorised);
    }
}
