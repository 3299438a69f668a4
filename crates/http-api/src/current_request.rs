//! What is known of the request that the running task works on: its id from the start, and who sent
//! it once that was looked at.

use std::cell::OnceCell;
use std::future::Future;

use tokio::task::futures::TaskLocalFuture;

use crate::principal::Principal;
use crate::request_id::RequestId;

tokio::task_local! {
    static CURRENT: CurrentRequest;
}

/// The request that a task works on.
pub(crate) struct CurrentRequest {
    id: RequestId,
    principal: OnceCell<Principal>,
}

/// Runs `future` as part of a request with this id.
pub(crate) fn scope<F: Future>(id: RequestId, future: F) -> TaskLocalFuture<CurrentRequest, F> {
    let principal = OnceCell::new();
    CURRENT.scope(CurrentRequest { id, principal }, future)
}

/// Runs `future` as part of the request that the task works on now, also in another task.
pub(crate) fn inherit_scope<F: Future>(future: F) -> TaskLocalFuture<CurrentRequest, F> {
    let principal = OnceCell::from(principal());
    CURRENT.scope(
        CurrentRequest {
            id: id(),
            principal,
        },
        future,
    )
}

/// The id of the request; a new one outside of requests.
pub(crate) fn id() -> RequestId {
    let current = CURRENT.try_with(|current| current.id);
    current.unwrap_or_else(|_| RequestId::new())
}

/// Says who sent the request. Only the first time counts, and only within a request.
pub(crate) fn identify(principal: Principal) {
    // Either failure changes nothing.
    let _ = CURRENT.try_with(|current| current.principal.set(principal));
}

/// Who sent the request; nobody known while that was not looked at.
pub(crate) fn principal() -> Principal {
    let current = CURRENT.try_with(|current| current.principal.get().cloned());
    current.ok().flatten().unwrap_or(Principal::Anonymous)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_knows_its_request_only_within_it() {
        let own = RequestId::new();
        let within = scope(own, async {
            assert!(matches!(principal(), Principal::Anonymous));
            identify(Principal::Anybody);
            (id(), principal())
        });
        assert!(matches!(within.await, (id, Principal::Anybody) if id == own));
        assert_ne!(id(), own);
        assert!(matches!(principal(), Principal::Anonymous));
    }
}
