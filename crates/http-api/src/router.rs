//! The routes, and the middleware around them.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::ApiConfig;
use crate::error::ApiError;
use crate::handler::{conversation, page, runtime, server, session, worker};
use crate::middleware::{access_log, reserve_response, standby};
use crate::state::ApiState;
use crate::wire::{ProblemCode, path};

/// The routes whose responses grow with what workers hold.
pub(crate) fn reading_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(runtime::list_runtimes))
        .routes(routes!(runtime::get_runtime))
        .routes(routes!(worker::list_runtime_workers))
        .routes(routes!(worker::get_worker))
        .routes(routes!(conversation::read_transcript))
        .routes(routes!(conversation::read_events))
        .routes(routes!(worker::list_workers))
}

/// The routes whose responses are small, or, like the metrics, what an operator needs most when
/// many responses are unread.
pub(crate) fn other_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(worker::create_worker))
        .routes(routes!(worker::rename_worker, worker::delete_worker))
        .routes(routes!(conversation::send_input))
        .routes(routes!(conversation::cancel_run))
        .routes(routes!(worker::stop_worker))
        .routes(routes!(server::get_workspace))
        .routes(routes!(
            session::get_session,
            session::create_session,
            session::delete_session
        ))
        .routes(routes!(session::create_session_code))
        .routes(routes!(server::get_health))
        .routes(routes!(server::get_readiness))
        .routes(routes!(server::get_metrics))
        .routes(routes!(server::get_openapi))
}

/// All routes behind the middleware. axum boxes and clones every layer for each request, so what is
/// around all routes is one layer.
pub(crate) fn router(state: ApiState) -> Router {
    let (routes, _) = reading_routes()
        .route_layer(from_fn_with_state(state.clone(), reserve_response))
        .merge(other_routes())
        .split_for_parts();
    routes
        .merge(page::page_routes())
        .fallback(|| async { ApiError::new(ProblemCode::UnknownRoute) })
        .method_not_allowed_fallback(|| async { ApiError::new(ProblemCode::MethodNotAllowed) })
        .layer(from_fn_with_state(state.clone(), access_log))
        .with_state(state)
}

/// The routes of a server that stands by. Whatever else the server will have, it does not have yet.
pub(crate) fn standby_router(config: &ApiConfig) -> Router {
    let refuse = || async { ApiError::standby() };
    Router::new()
        .route(path::HEALTHZ, get(server::get_health))
        // A route of its own, because probes may name any host.
        .route(path::READYZ, get(refuse))
        .fallback(refuse)
        .method_not_allowed_fallback(|| async { ApiError::new(ProblemCode::MethodNotAllowed) })
        .layer(from_fn_with_state(Arc::new(config.clone()), standby))
}
