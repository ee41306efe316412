//! What can be said in a request to each operation, besides its body.

use std::time::Duration;

use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Object, ObjectBuilder, Required};

use super::components::{instance_id, runtime_status, text, time};
use crate::http::endpoint::Endpoint;
use crate::http::list::GREATEST_PAGE;
use crate::http::{check_status, watch};

/// All of them: in the path, in the query, in headers.
pub(super) fn parameters(endpoint: Endpoint, orchestrators: &[&str]) -> Vec<Parameter> {
    let words = endpoint.path().split('/');
    let in_path = words.filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<_> = in_path
        .map(|name| {
            let parameter = parameter(name, ParameterIn::Path, Required::True);
            let mut schema = match name {
                "instanceId" => instance_id(),
                _ => text(),
            };
            if name == "orchestratorName" {
                schema.examples = orchestrators.iter().map(|&name| name.into()).collect();
            }
            parameter.schema(Some(schema)).build()
        })
        .collect();
    let waits = [
        (
            "timeout",
            seconds(check_status::LONGEST_WAIT),
            "Seconds to wait for the end, at most 230. Only together with `pollingInterval`.",
        ),
        (
            "pollingInterval",
            seconds(check_status::LONGEST_WAIT),
            "Seconds, at most `timeout`. The end is pushed and not polled for.",
        ),
        (
            "returnInternalServerErrorOnFailure",
            boolean(),
            "Whether a failure is answered with 500.",
        ),
    ];
    let between = [
        (
            "createdTimeFrom",
            time(),
            "Created then or later: a time of ISO 8601.",
        ),
        ("createdTimeTo", time(), "Created then or earlier."),
        (
            "runtimeStatus",
            runtime_status(),
            "Names of statuses, separated by commas or by repeating the parameter.",
        ),
    ];
    let reason = [("reason", text(), "Why.")];
    let in_query: Vec<(&str, Object, &str)> = match endpoint {
        Endpoint::Start | Endpoint::StartWithId => {
            let version = (
                "version",
                text(),
                "The version of the orchestrator; by default the newest.",
            );
            [version].into_iter().chain(waits).collect()
        }
        Endpoint::Restart => {
            let new = (
                "restartWithNewInstanceId",
                boolean(),
                "Whether it gets another id; by default it does.",
            );
            [new].into_iter().chain(waits).collect()
        }
        Endpoint::Status => vec![
            ("showInput", boolean(), "`false` shows `null` as the input."),
            ("showHistory", boolean(), "`true` adds the history."),
            (
                "showHistoryOutput",
                boolean(),
                "`true` keeps the results in it.",
            ),
            (
                "returnInternalServerErrorOnFailure",
                boolean(),
                "`true` answers 500 for an instance that failed.",
            ),
            (
                "wait",
                seconds(watch::LONGEST_WAIT),
                "Seconds to wait for a change, at most 60.",
            ),
            (
                "version",
                text(),
                "The change that is known: a cursor, or the number in it.",
            ),
        ],
        Endpoint::Watch => vec![(
            "lastEventId",
            text(),
            "The cursor of the last event that was seen.",
        )],
        Endpoint::List => between
            .into_iter()
            .chain([
                ("instanceIdPrefix", text(), "How the id begins."),
                (
                    "showInput",
                    boolean(),
                    "`false` shows `null` as the inputs.",
                ),
                (
                    "top",
                    page_size(),
                    "How many are on a page; 100 by default, at most 1,000.",
                ),
            ])
            .collect(),
        Endpoint::WatchAll => between
            .into_iter()
            .chain([("instanceIdPrefix", text(), "How the id begins.")])
            .collect(),
        Endpoint::PurgeWhere => between.into(),
        Endpoint::Terminate | Endpoint::Suspend | Endpoint::Resume | Endpoint::Rewind => {
            reason.into()
        }
        _ => Vec::new(),
    };
    parameters.extend(in_query.into_iter().map(|(name, schema, what)| {
        let is_required = endpoint == Endpoint::PurgeWhere && name == "createdTimeFrom";
        let required = if is_required {
            Required::True
        } else {
            Required::False
        };
        let parameter = parameter(name, ParameterIn::Query, required);
        parameter
            .schema(Some(schema))
            .description(Some(what))
            .build()
    }));
    let in_header: &[(&str, &str)] = match endpoint {
        Endpoint::List => &[("x-ms-continuation-token", "Where the page before ended.")],
        Endpoint::Watch => &[(
            "Last-Event-ID",
            "The cursor of the last event that was seen.",
        )],
        Endpoint::Start | Endpoint::StartWithId => &[
            (
                "traceparent",
                "The place in a trace that it is started from.",
            ),
            ("tracestate", "What vendors add to that."),
        ],
        _ => &[],
    };
    parameters.extend(in_header.iter().map(|(name, what)| {
        let parameter = parameter(name, ParameterIn::Header, Required::False);
        parameter
            .schema(Some(text()))
            .description(Some(*what))
            .build()
    }));
    parameters
}

fn parameter(name: &str, place: ParameterIn, required: Required) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
}

fn boolean() -> Object {
    Object::with_type(Type::Boolean)
}

/// So many at most; more counts as that.
fn seconds(longest: Duration) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .minimum(Some(0))
        .maximum(Some(longest.as_secs()))
        .build()
}

fn page_size() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(GREATEST_PAGE))
        .build()
}
