//! Bodies: collected before the handler, bounded in bytes and time, and declared as JSON
//! where the operation takes one.

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;

use super::BoxError;
use crate::api::Api;
use crate::config::ConnectionLimits;
use crate::extract::{Asked, Query, is_json};
use crate::problem::EdgeRefusal;
use crate::routes::{Operation, Target};

/// What becomes of the bytes of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    /// The operation takes a body.
    Kept,
    /// Nobody looks at them, so they must not cost memory until the last one is here.
    ThrownAway,
}

/// Collects the body, whatever the path and method: nobody's is read without a bound.
pub(super) async fn collect_body<B>(
    api: &Api,
    target: &Target,
    body: B,
) -> Result<Bytes, EdgeRefusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let keeping = if target.takes_body() {
        Keeping::Kept
    } else {
        Keeping::ThrownAway
    };
    collected(body, keeping, &api.config().connection).await
}

async fn collected<B>(
    body: B,
    keeping: Keeping,
    limits: &ConnectionLimits,
) -> Result<Bytes, EdgeRefusal>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let limit_bytes = u64::try_from(limits.body_bytes).unwrap_or(u64::MAX);
    let too_large = EdgeRefusal::BodyTooLarge { limit_bytes };
    // A declared length is enough to refuse; nothing is read, no `100 Continue` sent.
    if body.size_hint().lower() > limit_bytes {
        return Err(too_large);
    }
    let whole = joined(Limited::new(body, limits.body_bytes), keeping);
    let Ok(whole) = tokio::time::timeout(limits.body_timeout, whole).await else {
        return Err(EdgeRefusal::RequestTimeout);
    };
    match whole {
        Ok(whole) => Ok(whole),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large),
        Err(_) => Err(EdgeRefusal::InvalidBody {
            field: None,
            reason: "It could not be read to its end.",
        }),
    }
}

/// The body in one piece. A list of its pieces would cost far more than its bytes when a
/// client sends them one by one.
async fn joined<B>(mut body: Limited<B>, keeping: Keeping) -> Result<Bytes, BoxError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await.transpose()? {
        // Trailers are dropped.
        if let (Ok(piece), Keeping::Kept) = (frame.into_data(), keeping) {
            whole.extend_from_slice(&piece);
        }
    }
    Ok(whole.freeze())
}

/// Checks what the table says of the operation: its media type and its query parameters.
pub(super) fn admit<'a>(
    operation: &Operation,
    head: &'a mut Parts,
    body: Bytes,
) -> Result<Asked<'a>, EdgeRefusal> {
    if operation.body.is_some() && !is_json(&head.headers) {
        return Err(EdgeRefusal::UnsupportedMediaType);
    }
    let query = Query::parse(operation, head.uri.query())?;
    Ok(Asked::new(head, query, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use http_body_util::StreamBody;
    use hyper::body::Frame;

    const PIECES: usize = 1_000;

    /// A body that comes byte by byte.
    fn in_pieces() -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let pieces = (0..PIECES).map(|_| Ok(Frame::data(Bytes::from_static(b"x"))));
        StreamBody::new(futures_util::stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_one_piece_for_who_takes_it_and_nothing_for_who_does_not() {
        let limits = ConnectionLimits::default();
        let kept = collected(in_pieces(), Keeping::Kept, &limits).await;
        assert_eq!(kept, Ok(Bytes::from("x".repeat(PIECES))));
        let thrown_away = collected(in_pieces(), Keeping::ThrownAway, &limits).await;
        assert_eq!(thrown_away, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn a_body_that_is_thrown_away_is_counted_all_the_same() {
        let limits = ConnectionLimits {
            body_bytes: PIECES - 1,
            ..ConnectionLimits::default()
        };
        let too_large = EdgeRefusal::BodyTooLarge { limit_bytes: 999 };
        for keeping in [Keeping::Kept, Keeping::ThrownAway] {
            let refused = collected(in_pieces(), keeping, &limits).await;
            assert_eq!(refused, Err(too_large));
        }
    }
}
