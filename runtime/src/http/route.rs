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
    List,
    PurgeWhere,
    Status {
        id: String,
    },
    Watch {
        id: String,
    },
    /// Not below `instances`, where every word may be an id; nor is the next one.
    WatchAll,
    Batch,
    Purge {
        id: String,
    },
    RaiseEvent {
        id: String,
        event: String,
    },
    Terminate {
        id: String,
    },
    Suspend {
        id: String,
    },
    Resume {
        id: String,
    },
    Rewind {
        id: String,
    },
    Restart {
        id: String,
    },
    /// An operation for an entity, of which there are none.
    SignalEntity,
    DeleteEntity,
    Live,
    Ready,
    Metrics,
    OpenApi,
    Docs,
}

impl Route {
    /// Whether everyone may ask, also without a key: a probe has none.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Live | Self::Ready)
    }

    /// The instance that an operation is on; of a start there is none yet.
    pub(super) fn instance(&self) -> Option<&str> {
        match self {
            Self::Start { .. }
            | Self::List
            | Self::WatchAll
            | Self::Batch
            | Self::PurgeWhere
            | Self::SignalEntity
            | Self::DeleteEntity
            | Self::Live
            | Self::Ready
            | Self::Metrics
            | Self::OpenApi
            | Self::Docs => None,
            Self::Status { id }
            | Self::Watch { id }
            | Self::Purge { id }
            | Self::RaiseEvent { id, .. }
            | Self::Terminate { id }
            | Self::Suspend { id }
            | Self::Resume { id }
            | Self::Rewind { id }
            | Self::Restart { id } => Some(id),
        }
    }

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
        let below = match collection.to_ascii_lowercase().as_str() {
            "orchestrators" => orchestrators,
            "instances" => instances,
            "entities" => entities,
            "watch" => watch,
            "batch" => batch,
            "health" => health,
            "metrics" => metrics,
            "openapi.json" => openapi,
            "docs" => docs,
            _ => return None,
        };
        // What is asked by `HEAD` is asked by `GET`, but for the body, which the server leaves out.
        let method = if method == Method::HEAD {
            Method::GET.as_str()
        } else {
            method.as_str()
        };
        below(method, rest)
    }
}

fn orchestrators(method: &str, rest: &[&str]) -> Option<Route> {
    let (orchestrator, id) = match (method, rest) {
        ("POST", [orchestrator]) => (orchestrator, None),
        ("POST", [orchestrator, id]) => (orchestrator, Some(id)),
        _ => return None,
    };
    Some(Route::Start {
        orchestrator: (*orchestrator).to_owned(),
        id: id.map(|&id| id.to_owned()),
    })
}

fn instances(method: &str, rest: &[&str]) -> Option<Route> {
    let owned = |text: &str| text.to_owned();
    match (method, rest) {
        ("GET", []) => Some(Route::List),
        ("DELETE", []) => Some(Route::PurgeWhere),
        ("GET", [id]) => Some(Route::Status { id: owned(id) }),
        ("GET", [id, operation]) if operation.eq_ignore_ascii_case("watch") => {
            Some(Route::Watch { id: owned(id) })
        }
        ("DELETE", [id]) => Some(Route::Purge { id: owned(id) }),
        ("POST", [id, operation]) => {
            let id = owned(id);
            match operation.to_ascii_lowercase().as_str() {
                "terminate" => Some(Route::Terminate { id }),
                "suspend" => Some(Route::Suspend { id }),
                "resume" => Some(Route::Resume { id }),
                "rewind" => Some(Route::Rewind { id }),
                "restart" => Some(Route::Restart { id }),
                _ => None,
            }
        }
        ("POST", [id, operation, event]) if operation.eq_ignore_ascii_case("raiseEvent") => {
            Some(Route::RaiseEvent {
                id: owned(id),
                event: owned(event),
            })
        }
        _ => None,
    }
}

fn watch(method: &str, rest: &[&str]) -> Option<Route> {
    (method == "GET" && rest.is_empty()).then_some(Route::WatchAll)
}

fn batch(method: &str, rest: &[&str]) -> Option<Route> {
    (method == "POST" && rest.is_empty()).then_some(Route::Batch)
}

/// Reads find nothing; only what would change an entity is worth a word.
fn entities(method: &str, rest: &[&str]) -> Option<Route> {
    match (method, rest.len()) {
        ("POST", 0..=2) => Some(Route::SignalEntity),
        ("DELETE", 2) => Some(Route::DeleteEntity),
        _ => None,
    }
}

fn health(method: &str, rest: &[&str]) -> Option<Route> {
    match (method, rest) {
        ("GET", [probe]) if probe.eq_ignore_ascii_case("live") => Some(Route::Live),
        ("GET", [probe]) if probe.eq_ignore_ascii_case("ready") => Some(Route::Ready),
        _ => None,
    }
}

fn metrics(method: &str, rest: &[&str]) -> Option<Route> {
    match (method, rest) {
        ("GET", []) if cfg!(feature = "metrics") => Some(Route::Metrics),
        _ => None,
    }
}

fn openapi(method: &str, rest: &[&str]) -> Option<Route> {
    match (method, rest) {
        ("GET", []) if cfg!(feature = "openapi") => Some(Route::OpenApi),
        _ => None,
    }
}

fn docs(method: &str, rest: &[&str]) -> Option<Route> {
    match (method, rest) {
        ("GET", []) if cfg!(feature = "openapi") => Some(Route::Docs),
        _ => None,
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
        let id = || "a".to_owned();
        for (method, path, route) in [
            ("POST", "/orchestrators/F", start("F", None)),
            ("POST", "/orchestrators/F/", start("F", None)),
            ("POST", "/orchestrators/F/a", start("F", Some("a"))),
            ("POST", "/ORCHESTRATORS/f/A", start("f", Some("A"))),
            ("GET", "/instances/a", status("a")),
            ("GET", "//Instances/a//", status("a")),
            ("POST", "/instances/a/raiseEvent/Go", event("a", "Go")),
            ("POST", "/instances/a/RAISEEVENT/go/", event("a", "go")),
            ("GET", "/instances/a/watch", Some(Route::Watch { id: id() })),
            (
                "GET",
                "/instances/a/WATCH/",
                Some(Route::Watch { id: id() }),
            ),
            ("HEAD", "/instances/a", status("a")),
            ("GET", "/instances/watch", status("watch")),
            ("GET", "/Watch/", Some(Route::WatchAll)),
            ("POST", "/batch", Some(Route::Batch)),
            ("GET", "/instances", Some(Route::List)),
            ("GET", "/instances/", Some(Route::List)),
            ("DELETE", "/INSTANCES/", Some(Route::PurgeWhere)),
            ("DELETE", "/instances/a", Some(Route::Purge { id: id() })),
            (
                "POST",
                "/instances/a/terminate",
                Some(Route::Terminate { id: id() }),
            ),
            (
                "POST",
                "/instances/a/Terminate/",
                Some(Route::Terminate { id: id() }),
            ),
            (
                "POST",
                "/instances/a/suspend",
                Some(Route::Suspend { id: id() }),
            ),
            (
                "POST",
                "/instances/a/RESUME",
                Some(Route::Resume { id: id() }),
            ),
            (
                "POST",
                "/instances/a/rewind",
                Some(Route::Rewind { id: id() }),
            ),
            (
                "POST",
                "/instances/a/Restart",
                Some(Route::Restart { id: id() }),
            ),
            ("POST", "/entities", Some(Route::SignalEntity)),
            ("POST", "/entities/counter", Some(Route::SignalEntity)),
            ("POST", "/Entities/counter/k", Some(Route::SignalEntity)),
            ("DELETE", "/entities/counter/k", Some(Route::DeleteEntity)),
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
            ("HEAD", "/orchestrators/F"),
            ("HEAD", "/instances/a/suspend"),
            ("POST", "/instances"),
            ("PUT", "/instances/a"),
            ("POST", "/instances/a"),
            ("GET", "/instances/a/suspend"),
            ("DELETE", "/instances/a/terminate"),
            ("GET", "/entities"),
            ("GET", "/entities/counter/k"),
            ("PUT", "/entities/counter/k"),
            ("DELETE", "/entities/counter"),
            ("POST", "/entities/counter/k/more"),
            ("POST", "/makeprimary"),
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
