//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::uri::Authority;

/// Says once in a process why nobody is answered.
static NO_CONNECT_INFO: Once = Once::new();

/// The headers of proxies, load balancers and content networks, beside those that begin with `x-forwarded-`. No client of the API
/// sends one of them.
const PASSED_ON: &[&str] = &[
    "cdn-loop",
    "cf-connecting-ip",
    "cf-ray",
    "client-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded",
    "proxy-connection",
    "true-client-ip",
    "via",
    "x-arr-log-id",
    "x-azure-clientip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-remote-addr",
];

/// The address of the peer, if the router is served with connect info.
pub(super) fn address(request: &Request) -> Option<SocketAddr> {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map(|ConnectInfo(peer)| *peer)
}

/// Whether a request was made on this machine, for certain: a proxy on this machine passes requests on from others.
pub(super) fn is_on_this_machine(request: &Request) -> bool {
    let Some(peer) = address(request) else {
        NO_CONNECT_INFO.call_once(|| {
            tracing::warn!(
                "`/durabletask` answers to nobody, as the router is served without connect info: serve it with \
                 `into_make_service_with_connect_info::<SocketAddr>()`, or choose another `RpcBase`"
            );
        });
        return false;
    };
    is_loopback(peer) && !is_passed_on(request.headers()) && names_this_machine(request)
}

/// Whether a request came by a loopback address to a name that need not be this machine's. A page in a browser on this machine can
/// have sent it, to a name of its own that it lets lead here.
pub(super) fn is_near_by_another_name(request: &Request) -> bool {
    address(request).is_some_and(is_loopback) && !names_this_machine(request)
}

fn is_loopback(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

/// Whether the name that a request was sent to can only be this machine's. A page in a browser can have a name of its own lead
/// here, and is then of the same origin as what it reads.
fn names_this_machine(request: &Request) -> bool {
    let host = request.headers().get(HOST).map(|host| host.to_str());
    let host = match (host, request.uri().authority()) {
        (Some(host), _) => host.unwrap_or_default(),
        (None, Some(authority)) => authority.as_str(),
        (None, None) => return true,
    };
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_matches(['[', ']']);
    let address = name.parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether a proxy says that it passes a request on from someone else.
fn is_passed_on(headers: &HeaderMap) -> bool {
    let mut names = headers.keys().map(|name| name.as_str());
    names.any(|name| PASSED_ON.contains(&name) || name.starts_with("x-forwarded-"))
}
