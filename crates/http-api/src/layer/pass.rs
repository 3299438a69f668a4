//! The way of a request through the checks, and of its answer back, in one place.
//!
//! They are calls, not layers of the router: for every request axum copies, layer by layer,
//! all that lies behind each one, which costs more than the checks themselves.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::authorise::authorise;
use super::body::collect_body;
use super::hold::hold_answer;
use super::host::check_host;
use super::origin::{Visit, check_origin};
use crate::api::Api;
use crate::problem::{EdgeRefusal, Refusal};
use crate::routes::{self, Operation};

/// The answer to a request: the handler's if it passes every check, else the refusal of the
/// first that it does not pass.
pub(super) async fn pass(api: &Api, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let operation = path.and_then(|path| routes::operation(path.as_str(), request.method()));
    let answer = visit(api, operation, request, next).await;
    let answer = answer.unwrap_or_else(refused);
    if operation.is_some_and(Operation::answer_grows) {
        hold_answer(api, answer).await
    } else {
        answer
    }
}

async fn visit(
    api: &Api,
    operation: Option<&Operation>,
    mut request: Request,
    next: Next,
) -> Result<Response, EdgeRefusal> {
    check_host(api, &request)?;
    match check_origin(api, &mut request)? {
        Visit::Own => enter(api, operation, request, next).await,
        Visit::Preflight(answer) => Ok(answer),
        // A refusal is shared as well: the page is to know why.
        Visit::Shared(sharing) => {
            let answer = enter(api, operation, request, next).await;
            Ok(sharing.of(answer.unwrap_or_else(refused)))
        }
    }
}

async fn enter(
    api: &Api,
    operation: Option<&Operation>,
    request: Request,
    next: Next,
) -> Result<Response, EdgeRefusal> {
    authorise(api, &request)?;
    let request = collect_body(api, operation, request).await?;
    Ok(next.run(request).await)
}

fn refused(refusal: EdgeRefusal) -> Response {
    Refusal::from(refusal).into_response()
}
