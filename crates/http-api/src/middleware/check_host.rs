//! Refuses requests that are meant for another server. A page that rebinds its own name to this
//! address sends that name as `Host` (DNS rebinding).

use axum::extract::{MatchedPath, Request};
use http::header::HOST;
use http::{HeaderMap, Uri};

use crate::error::ApiError;
use crate::extract::{HeaderCount, single_header};
use crate::origin::AllowedHost;
use crate::wire::{ProblemCode, path};

/// Routes that answer whatever the `Host`. The probes of a container's platform or a load balancer
/// name an address that the server doesn't know, or none, and the answers tell a stranger nothing.
const PROBES: [&str; 2] = [path::HEALTHZ, path::READYZ];

/// Refuses a request whose `Host` is missing, repeated, or none of this server's names, other than
/// to the routes of [`PROBES`].
pub(super) fn check_host(allowed: &[AllowedHost], request: &Request) -> Result<(), ApiError> {
    let route = request.extensions().get::<MatchedPath>();
    let is_probe = route.is_some_and(|route| PROBES.contains(&route.as_str()));
    if is_probe || is_allowed(allowed, request.headers(), request.uri()) {
        Ok(())
    } else {
        Err(ApiError::new(ProblemCode::MisdirectedHost))
    }
}

/// Whether the `Host` is allowed and the request's target does not name another server.
fn is_allowed(allowed: &[AllowedHost], headers: &HeaderMap, target: &Uri) -> bool {
    let HeaderCount::One(host) = single_header(headers, HOST) else {
        return false;
    };
    let agrees = target
        .authority()
        .is_none_or(|named| named.as_str().as_bytes().eq_ignore_ascii_case(host));
    agrees && allowed.iter().any(|name| name.matches(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn allows(hosts: &[&[u8]], target: &str) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_bytes(host).unwrap());
        }
        let target = target.parse().unwrap();
        is_allowed(&AllowedHost::loopback(8787), &headers, &target)
    }

    #[test]
    fn every_name_of_this_machine_is_let_through_with_its_port() {
        for host in [
            "127.0.0.1:8787",
            "localhost:8787",
            "LocalHost:8787",
            "[::1]:8787",
        ] {
            assert!(allows(&[host.as_bytes()], "/healthz"), "{host}");
        }
    }

    #[test]
    fn any_other_host_is_turned_away() {
        let hostile: [&[u8]; 12] = [
            b"",
            b"localhost",
            b"localhost:80",
            b"localhost:8788",
            b"localhost:08787",
            b"localhost.:8787",
            b"localhost:8787.evil.example",
            b"evil.example:8787",
            b"user@localhost:8787",
            b"localhost:8787,localhost:8787",
            b"127.1:8787",
            b"\xff\xfe",
        ];
        for host in hostile {
            assert!(!allows(&[host], "/"), "{host:?}");
        }
        assert!(!allows(&[], "/"));
        assert!(!allows(&[b"localhost:8787", b"localhost:8787"], "/"));
    }

    #[test]
    fn a_target_that_names_another_server_is_turned_away() {
        assert!(allows(
            &[b"localhost:8787"],
            "http://localhost:8787/healthz"
        ));
        assert!(!allows(&[b"localhost:8787"], "http://evil.example/healthz"));
        assert!(!allows(
            &[b"localhost:8787"],
            "http://127.0.0.1:8787/healthz"
        ));
        assert!(!allows(
            &[b"localhost:8787"],
            "http://u@localhost:8787/healthz"
        ));
        assert!(!allows(&[b"evil.example"], "http://localhost:8787/healthz"));
    }

    proptest! {
        #[test]
        fn only_known_hosts_are_allowed_and_none_panics(host in "[ -~]{0,40}") {
            let known = AllowedHost::loopback(8787).iter().any(|name| name.matches(host.as_bytes()));
            prop_assert_eq!(allows(&[host.as_bytes()], "/"), known);
        }
    }
}
