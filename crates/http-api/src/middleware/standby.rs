//! What a request to a server that stands by goes through, in place of `access_log`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::CONNECTION;

use super::admit::admit_to_standby;
use super::response_headers::add_response_headers;
use crate::config::ApiConfig;
use crate::current_request;
use crate::request_id::RequestId;

/// Gives the request an id and has it admitted; adds the headers of every response, and closes the
/// connection after it: a request that comes on an idle one at the takeover would be lost. Nothing is
/// logged or counted: nothing is done, and probes come every second.
pub(crate) async fn standby(
    State(config): State<Arc<ApiConfig>>,
    request: Request,
    next: Next,
) -> Response {
    let request_id = RequestId::new();
    let respond = async {
        let mut response = admit_to_standby(&config, request, next).await;
        add_response_headers(&mut response, request_id);
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
        response
    };
    current_request::scope(request_id, respond).await
}
