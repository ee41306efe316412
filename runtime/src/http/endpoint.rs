//! The addresses of the API, as documents, logs and measurements call them.

use super::route::Route;

macro_rules! endpoints {
    ($($name:ident = $method:literal $path:literal;)*) => {
        /// An operation at a method and a path, whatever is in the path.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Endpoint {
            $($name,)*
        }

        impl Endpoint {
            /// All of them.
            #[cfg_attr(not(any(test, feature = "openapi")), expect(dead_code, reason = "for who describes the API"))]
            pub(super) const ALL: &[Self] = &[$(Self::$name,)*];

            /// The method that it takes.
            #[cfg_attr(not(any(test, feature = "openapi")), expect(dead_code, reason = "for who describes the API"))]
            pub(super) const fn method(self) -> &'static str {
                match self { $(Self::$name => $method,)* }
            }

            /// The path below the base, with `{..}` for what differs. No key, id or name of anybody is in it.
            pub(super) const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }
        }
    };
}

endpoints! {
    Start = "POST" "/orchestrators/{orchestratorName}";
    StartWithId = "POST" "/orchestrators/{orchestratorName}/{instanceId}";
    Status = "GET" "/instances/{instanceId}";
    Batch = "POST" "/batch";
    WatchAll = "GET" "/watch";
    Watch = "GET" "/instances/{instanceId}/watch";
    RaiseEvent = "POST" "/instances/{instanceId}/raiseEvent/{eventName}";
    Terminate = "POST" "/instances/{instanceId}/terminate";
    List = "GET" "/instances";
    PurgeWhere = "DELETE" "/instances";
    Purge = "DELETE" "/instances/{instanceId}";
    Suspend = "POST" "/instances/{instanceId}/suspend";
    Resume = "POST" "/instances/{instanceId}/resume";
    Rewind = "POST" "/instances/{instanceId}/rewind";
    Restart = "POST" "/instances/{instanceId}/restart";
    SignalEntity = "POST" "/entities/{entityName}/{entityKey}";
    DeleteEntity = "DELETE" "/entities/{entityName}/{entityKey}";
    Live = "GET" "/health/live";
    Ready = "GET" "/health/ready";
    Metrics = "GET" "/metrics";
    OpenApi = "GET" "/openapi.json";
    Docs = "GET" "/docs";
}

impl Endpoint {
    /// Whether this program is built with what serves it.
    #[cfg_attr(
        not(any(test, feature = "openapi")),
        expect(dead_code, reason = "for who describes the API")
    )]
    pub(super) const fn is_served(self) -> bool {
        match self {
            Self::Metrics => cfg!(feature = "metrics"),
            Self::OpenApi | Self::Docs => cfg!(feature = "openapi"),
            _ => true,
        }
    }

    /// Where a request has arrived.
    pub(super) const fn of(route: &Route) -> Self {
        match route {
            Route::Start { id: None, .. } => Self::Start,
            Route::Start { id: Some(_), .. } => Self::StartWithId,
            Route::Status { .. } => Self::Status,
            Route::Watch { .. } => Self::Watch,
            Route::Batch => Self::Batch,
            Route::WatchAll => Self::WatchAll,
            Route::RaiseEvent { .. } => Self::RaiseEvent,
            Route::Terminate { .. } => Self::Terminate,
            Route::List => Self::List,
            Route::PurgeWhere => Self::PurgeWhere,
            Route::Purge { .. } => Self::Purge,
            Route::Suspend { .. } => Self::Suspend,
            Route::Resume { .. } => Self::Resume,
            Route::Rewind { .. } => Self::Rewind,
            Route::Restart { .. } => Self::Restart,
            Route::SignalEntity => Self::SignalEntity,
            Route::DeleteEntity => Self::DeleteEntity,
            Route::Metrics => Self::Metrics,
            Route::OpenApi => Self::OpenApi,
            Route::Docs => Self::Docs,
            Route::Live => Self::Live,
            Route::Ready => Self::Ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_found_where_it_says() {
        for endpoint in Endpoint::ALL.iter().filter(|endpoint| endpoint.is_served()) {
            let method = endpoint.method().parse().unwrap();
            let path = endpoint.path().replace(['{', '}'], "");
            let route = Route::parse(&method, &path);
            let found = route.as_ref().map(Endpoint::of);
            assert_eq!(found, Some(*endpoint), "{method} {path}");
        }
    }
}
