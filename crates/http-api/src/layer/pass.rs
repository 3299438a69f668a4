//! The way of a request through the layers to its handler, and of its answer back, in one
//! place. A layer is a function that lets a request pass or refuses it.

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use hyper::body::Body;

use super::BoxError;
use super::authorise::authorise;
use super::body::{admit, collect_body};
use super::hold::hold;
use super::host::check_host;
use super::origin::{Sharing, Visit, check_origin};
use crate::answer::Answer;
use crate::api::Api;
use crate::handler;
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
pub(super) async fn pass<B>(api: &Api, target: &Target, head: &mut Parts, body: B) -> Passed
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let sharing = match visit(api, head) {
        Ok(Visit::Own) => None,
        Ok(Visit::Shared(sharing)) => Some(sharing),
        Ok(Visit::Preflight(answer)) => return Passed::alone(Ok(answer)),
        Err(refusal) => return Passed::alone(Err(refusal.into())),
    };
    let answer = enter(api, target, head, body).await;
    Passed { answer, sharing }
}

fn visit(api: &Api, head: &mut Parts) -> Result<Visit, EdgeRefusal> {
    check_host(api, head)?;
    check_origin(api, head)
}

async fn enter<B>(api: &Api, target: &Target, head: &mut Parts, body: B) -> Result<Answer, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    authorise(api, target.access, &head.headers)?;
    let body = collect_body(api, target, body).await?;
    let operation = target.operation?;
    // That of `HEAD` is not sent.
    let may_be_held = operation.answer_grows() && head.method != Method::HEAD;
    let asked = admit(operation, head, body)?;
    let answer = handler::carry_out(api, operation.id, asked).await?;
    if may_be_held {
        Ok(hold(api, answer)?)
    } else {
        Ok(answer)
    }
}
