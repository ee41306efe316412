//! Which operation a method and a path ask for. A pure function: it knows no instance and no orchestrator.
//!
//! The web framework's own routing cannot express these rules: words match without regard to case, and a known path with
//! another method is as unknown as any other.

use axum::http::Method;
use percent_encoding::percent_decode_str;

/// The base path that browsers and links use.
pub(super) const WEBHOOK: &str = "/runtime/webhooks/durabletask";
/// The base path that the official clients of other languages use.
pub(super) const RPC: &str = "/durabletask";

/// The two sets of addresses of the same operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Webhook,
    Rpc,
}

impl Base {
    /// The base of a path, and what follows it.
    pub(super) fn split(path: &str) -> Option<(Self, &str)> {
        let below = |base| path.strip_prefix(base).filter(|rest| rest.starts_with('/'));
        below(WEBHOOK)
            .map(|rest| (Self::Webhook, rest))
            .or_else(|| below(RPC).map(|rest| (Self::Rpc, rest)))
    }
}

/// An operation, with the texts of its path decoded and not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Start {
        orchestrator: String,
        id: Option<String>,
    },
    Status {
        id: String,
    },
    RaiseEvent {
        id: String,
        event: String,
    },
    Terminate {
        id: String,
    },
}

impl Route {
    /// The operation at a path below the base. A path is split first and decoded then, so that `%2F` is part of a segment; `+` stands
    /// for itself. `None` when there is no such operation.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Self> {
        let segments = path
            .trim_matches('/')
            .split('/')
            .map(decode)
            .collect::<Option<Vec<_>>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (collection, rest) = segments.split_first()?;
        let is = |word: &str, literal| word.eq_ignore_ascii_case(literal);
        let owned = |text: &str| text.to_owned();
        match (method.as_str(), rest) {
            ("POST", [orchestrator]) if is(collection, "orchestrators") => Some(Self::Start {
                orchestrator: owned(orchestrator),
                id: None,
            }),
            ("POST", [orchestrator, id]) if is(collection, "orchestrators") => Some(Self::Start {
                orchestrator: owned(orchestrator),
                id: Some(owned(id)),
            }),
            ("GET", [id]) if is(collection, "instances") => Some(Self::Status { id: owned(id) }),
            ("POST", [id, operation, event])
                if is(collection, "instances") && is(operation, "raiseEvent") =>
            {
                Some(Self::RaiseEvent {
                    id: owned(id),
                    event: owned(event),
                })
            }
            ("POST", [id, operation])
                if is(collection, "instances") && is(operation, "terminate") =>
            {
                Some(Self::Terminate { id: owned(id) })
            }
            _ => None,
        }
    }
}

/// A segment without its percent-encoding; `None` when nothing is left of it or it is not UTF-8.
fn decode(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &str, path: &str) -> Option<Route> {
        Route::parse(&method.parse().unwrap(), path)
    }

    fn status(id: &str) -> Option<Route> {
        Some(Route::Status { id: id.into() })
    }

    fn start(orchestrator: &str, id: Option<&str>) -> Option<Route> {
        Some(Route::Start {
            orchestrator: orchestrator.into(),
            id: id.map(Into::into),
        })
    }

    fn event(id: &str, event: &str) -> Option<Route> {
        let (id, event) = (id.into(), event.into());
        Some(Route::RaiseEvent { id, event })
    }

    #[test]
    fn operations_are_found_by_method_and_path() {
        let terminate = Some(Route::Terminate { id: "a".into() });
        for (method, path, route) in [
            ("POST", "/orchestrators/F", start("F", None)),
            ("POST", "/orchestrators/F/", start("F", None)),
            ("POST", "/orchestrators/F/a", start("F", Some("a"))),
            ("POST", "/ORCHESTRATORS/f/A", start("f", Some("A"))),
            ("GET", "/instances/a", status("a")),
            ("GET", "//Instances/a//", status("a")),
            ("POST", "/instances/a/raiseEvent/Go", event("a", "Go")),
            ("POST", "/instances/a/RAISEEVENT/go/", event("a", "go")),
            ("POST", "/instances/a/terminate", terminate.clone()),
            ("POST", "/instances/a/Terminate/", terminate),
        ] {
            assert_eq!(parse(method, path), route, "{method} {path}");
        }
    }

    #[test]
    fn segments_are_split_before_they_are_decoded() {
        for (path, id) in [
            ("/instances/%ED%95%9C%EA%B5%AD%EC%96%B4%20id", "한국어 id"),
            ("/instances/a%2Fb", "a/b"),
            ("/instances/a+b", "a+b"),
            ("/instances/100%", "100%"),
            ("/%69nstances/a", "a"),
            ("/instances/raiseEvent", "raiseEvent"),
        ] {
            assert_eq!(parse("GET", path), status(id), "{path}");
        }
        assert_eq!(
            parse("POST", "/instances/a/raiseEvent/b%2Fc"),
            event("a", "b/c")
        );
    }

    #[test]
    fn anything_else_is_unknown() {
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/nothing"),
            ("GET", "/orchestrators/F"),
            ("PUT", "/orchestrators/F"),
            ("POST", "/orchestrators"),
            ("POST", "/orchestrators/F/a/b"),
            ("POST", "/orchestrators//a"),
            ("HEAD", "/instances/a"),
            ("POST", "/instances/a"),
            ("GET", "/instances/a/terminate"),
            ("GET", "/instances/%FF"),
            ("POST", "/instances/a/nothing"),
            ("POST", "/instances/a/raiseEvent"),
            ("POST", "/instances/a/raiseEvent/"),
            ("POST", "/instances//raiseEvent/Go"),
            ("POST", "/instances/a/raiseEvent/b/c"),
        ] {
            assert_eq!(parse(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn the_base_ends_at_a_segment() {
        assert_eq!(
            Base::split("/runtime/webhooks/durabletask/instances/a"),
            Some((Base::Webhook, "/instances/a"))
        );
        assert_eq!(
            Base::split("/durabletask/instances/a"),
            Some((Base::Rpc, "/instances/a"))
        );
        assert_eq!(Base::split("/durabletasks/instances/a"), None);
        assert_eq!(Base::split("/instances/a"), None);
    }
}
