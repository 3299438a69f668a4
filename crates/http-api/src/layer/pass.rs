//! The way of a request through the checks to its handler, and of its answer back, in one
//! place.
//!
//! They are calls, not layers of the router: for every request axum copies, layer by layer,
//! all that lies behind each one, which costs more than the checks themselves.

use axum::extract::Request;

use super::authorise::authorise;
use super::body::{admit, collect_body};
use super::hold::hold;
use super::host::check_host;
use super::origin::{Sharing, Visit, check_origin};
use crate::api::Api;
use crate::handler::{self, Answer};
use crate::problem::{EdgeRefusal, Refusal};
use crate::routes::Target;

/// What came of a request.
pub(super) struct Passed {
    /// The handler's answer if the request passed every check, else the refusal of the first
    /// that it did not pass.
    pub(super) answer: Result<Answer, Refusal>,
    /// Whose page may read it, if it is another origin's. A refusal is shared as well: the
    /// page is to know why.
    pub(super) sharing: Option<Sharing>,
}

impl Passed {
    /// An answer that is shared with no other origin.
    pub(super) fn alone(answer: Result<Answer, Refusal>) -> Self {
        Self {
            answer,
            sharing: None,
        }
    }
}

/// Sends a request on its way.
pub(super) async fn pass(api: &Api, target: &Target, mut request: Request) -> Passed {
    let sharing = match visit(api, &mut request) {
        Ok(Visit::Own) => None,
        Ok(Visit::Shared(sharing)) => Some(sharing),
        Ok(Visit::Preflight(answer)) => return Passed::alone(Ok(answer)),
        Err(refusal) => return Passed::alone(Err(refusal.into())),
    };
    let answer = enter(api, target, request).await;
    Passed { answer, sharing }
}

fn visit(api: &Api, request: &mut Request) -> Result<Visit, EdgeRefusal> {
    check_host(api, request)?;
    check_origin(api, request)
}

async fn enter(api: &Api, target: &Target, request: Request) -> Result<Answer, Refusal> {
    authorise(api, target.access, request.headers())?;
    let (head, body) = request.into_parts();
    let body = collect_body(api, target, body).await?;
    let operation = target.operation?;
    let asked = admit(operation, head, body).await?;
    let answer = handler::carry_out(api, operation.id, asked).await?;
    if operation.answer_grows() {
        Ok(hold(api, answer)?)
    } else {
        Ok(answer)
    }
}
