//! Which server a request is meant for. A page that rebinds its name to this address sends
//! its own name as `Host`, and is turned away here (DNS rebinding).

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, Uri};

use crate::api::Api;
use crate::extract::{Only, only};
use crate::origin::AllowedHost;
use crate::problem::EdgeRefusal;

/// Lets a request pass whose one `Host` is a name of this server.
pub(super) fn check_host(api: &Api, head: &Parts) -> Result<(), EdgeRefusal> {
    let allowed = &api.config().allowed_hosts;
    if is_meant_for(allowed, &head.headers, &head.uri) {
        Ok(())
    } else {
        Err(EdgeRefusal::MisdirectedHost)
    }
}

/// Whether the one `Host` is allowed and the request's target does not name another server.
fn is_meant_for(allowed: &[AllowedHost], headers: &HeaderMap, target: &Uri) -> bool {
    let Only::One(host) = only(headers, HOST) else {
        return false;
    };
    let agrees = target
        .authority()
        .is_none_or(|named| named.as_str().as_bytes().eq_ignore_ascii_case(host));
    agrees && allowed.iter().any(|name| name.is(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn judge(hosts: &[&[u8]], target: &str) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_bytes(host).unwrap());
        }
        let target = target.parse().unwrap();
        is_meant_for(&AllowedHost::loopback(8787), &headers, &target)
    }

    #[test]
    fn every_name_of_this_machine_is_let_through_with_its_port() {
        for host in [
            "127.0.0.1:8787",
            "localhost:8787",
            "LocalHost:8787",
            "[::1]:8787",
        ] {
            assert!(judge(&[host.as_bytes()], "/healthz"), "{host}");
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
            assert!(!judge(&[host], "/"), "{host:?}");
        }
        assert!(!judge(&[], "/"));
        assert!(!judge(&[b"localhost:8787", b"localhost:8787"], "/"));
    }

    #[test]
    fn a_target_that_names_another_server_is_turned_away() {
        assert!(judge(&[b"localhost:8787"], "http://localhost:8787/healthz"));
        assert!(!judge(&[b"localhost:8787"], "http://evil.example/healthz"));
        assert!(!judge(
            &[b"localhost:8787"],
            "http://127.0.0.1:8787/healthz"
        ));
        assert!(!judge(
            &[b"localhost:8787"],
            "http://u@localhost:8787/healthz"
        ));
        assert!(!judge(&[b"evil.example"], "http://localhost:8787/healthz"));
    }

    proptest! {
        #[test]
        fn no_host_panics_or_passes(host in "[ -~]{0,40}") {
            let known = AllowedHost::loopback(8787).iter().any(|name| name.is(host.as_bytes()));
            prop_assert_eq!(judge(&[host.as_bytes()], "/"), known);
        }
    }
}
