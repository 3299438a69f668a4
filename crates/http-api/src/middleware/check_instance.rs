//! Refuses requests for a server that was at this address before: what its client sends is not
//! meant for this one, even where both take the same token or none.

use http::{HeaderMap, HeaderName};

use crate::error::ApiError;
use crate::extract::{HeaderCount, single_header};
use crate::instance::InstanceId;
use crate::wire::{ProblemCode, header};

const INSTANCE: HeaderName = HeaderName::from_static(header::INSTANCE);

/// Refuses a request that names another instance than `own`. Most clients name none.
pub(super) fn check_instance(
    own: Option<&InstanceId>,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    let is_meant = match single_header(headers, INSTANCE) {
        HeaderCount::None => true,
        HeaderCount::One(named) => own.is_some_and(|own| own.as_str().as_bytes() == named),
        HeaderCount::Many => false,
    };
    if is_meant {
        Ok(())
    } else {
        Err(ApiError::new(ProblemCode::MisdirectedInstance))
    }
}
