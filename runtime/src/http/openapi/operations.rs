//! What each operation is, and everything that it may answer.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, OperationBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{RefOr, ResponseBuilder, Schema};

use super::components::{KEYS, array, batch, named, text};
use super::parameters::parameters;
use crate::http::endpoint::Endpoint;
use crate::http::guard::Access;

/// What is true of all operations.
pub(super) const INTRODUCTION: &str = "The HTTP management API of Azure Durable Functions, and more. Names of parameters match \
    without regard to case, and a value that cannot be read counts as absent. What is asked by `GET` may be asked by `HEAD`.";

/// What is in the body of an answer.
#[derive(Clone, Copy)]
enum Body {
    /// Nothing; or, where the text says so, an error or nothing.
    Empty,
    /// JSON of a named schema.
    Json(&'static str),
    /// An array of a named schema.
    Array(&'static str),
    /// A JSON string.
    Text,
    /// Text of another media type.
    Other(&'static str),
}

use Body::{Array, Empty, Json, Other, Text};

/// An answer: its code, its body, its headers, and when it is given.
type Answer = (u16, Body, &'static [&'static str], &'static str);

const NO_HEADERS: &[&str] = &[];
const CURSOR: &[&str] = &["x-steadfast-cursor"];
const CURSOR_WHERE_AND_WHEN: &[&str] = &["x-steadfast-cursor", "location", "retry-after"];
const WHERE_AND_WHEN: &[&str] = &["location", "retry-after"];

const NOT_FOUND: Answer = (404, Empty, NO_HEADERS, "There is no such instance.");
const ENDED: Answer = (410, Empty, NO_HEADERS, "The instance has ended.");
const ACCEPTED: Answer = (202, Empty, NO_HEADERS, "It is done.");
const BAD: Answer = (400, Json("Error"), NO_HEADERS, "The id contains a slash.");

/// What every operation on instances may answer.
const ALWAYS: &[Answer] = &[
    (
        500,
        Json("Error"),
        NO_HEADERS,
        "The store failed, or what is stored cannot be decoded.",
    ),
    (
        503,
        Json("Error"),
        NO_HEADERS,
        "The worker has been shut down, has as many requests as it takes, or an orchestrator did not return to the thread that had taken the request.",
    ),
];

/// What who may not ask is answered.
const REFUSED: &[Answer] = &[
    (401, Empty, NO_HEADERS, "Nothing that lets in was sent."),
    (
        403,
        Empty,
        NO_HEADERS,
        "What was sent does not allow the operation. Where it has expired, or was sent to another name than the program's, the body \
         is an error.",
    ),
];

/// How the body of a request may fail.
const UNREAD: &[Answer] = &[
    (
        408,
        Json("Error"),
        NO_HEADERS,
        "The body did not arrive in time.",
    ),
    (413, Json("Error"), NO_HEADERS, "The body is too large."),
];

/// The operation at an endpoint. Where the program itself says who is let in, its refusals are its own; the names of what can be
/// started are examples.
pub(super) fn describe(endpoint: Endpoint, orchestrators: &[&str], access: Access) -> Operation {
    let id = format!("{endpoint:?}");
    let operation = OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary(endpoint)));
    let operation = parameters(endpoint, orchestrators)
        .into_iter()
        .fold(operation, OperationBuilder::parameter);
    let operation = operation.request_body(request_body(endpoint));
    let answers = answers(endpoint);
    let operation = answers.iter().fold(operation, |operation, answer| {
        operation.response(answer.0.to_string(), response(answer))
    });
    let scopes: [&str; 0] = [];
    let is_probe = matches!(endpoint, Endpoint::Live | Endpoint::Ready);
    let operation = match access {
        Access::ByKey if !is_probe => operation,
        _ => operation.security(SecurityRequirement::default()),
    };
    if is_probe {
        return operation.build();
    }
    let with_key = |operation: OperationBuilder, key| {
        operation.security(SecurityRequirement::new(key, scopes))
    };
    let operation = KEYS.into_iter().fold(operation, with_key);
    let refused = "What the program answers to those whom it does not let in.";
    let refused = ResponseBuilder::new().description(refused);
    match access {
        Access::AsTheProgramSays => operation.response("default", refused).build(),
        Access::ByKey | Access::ByNothing => operation.build(),
    }
}

fn summary(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Start => "Starts an orchestration under a generated id.",
        Endpoint::StartWithId => {
            "Starts an orchestration. One of the id that has ended is replaced."
        }
        Endpoint::Status => "Shows the committed status of an instance.",
        Endpoint::Watch => "Streams the changes of an instance as server-sent events.",
        Endpoint::WatchAll => "Streams all instances that match as server-sent events.",
        Endpoint::Batch => "Does up to 1,000 things, each answered in its place.",
        Endpoint::RaiseEvent => "Raises an external event.",
        Endpoint::Terminate => "Ends an instance.",
        Endpoint::List => "Lists instances, in the order of their creation.",
        Endpoint::PurgeWhere => "Purges the instances that match and have ended.",
        Endpoint::Purge => "Purges an instance that has ended.",
        Endpoint::Suspend => "Pauses an instance.",
        Endpoint::Resume => "Lets an instance go on after a pause.",
        Endpoint::Rewind => "Lets an instance go on after a failure.",
        Endpoint::Restart => "Starts the orchestration of an instance once more.",
        Endpoint::SignalEntity | Endpoint::DeleteEntity => {
            "Is not supported: there are no entities."
        }
        Endpoint::Live => "Whether the program answers.",
        Endpoint::Ready => "Whether the worker takes requests and its store answers.",
        Endpoint::Metrics => "The metrics of the worker in the text format of Prometheus.",
        Endpoint::OpenApi => "This document.",
        Endpoint::Docs => "This document as a page.",
    }
}

/// Everything that an operation answers, whoever asks.
fn answers(endpoint: Endpoint) -> Vec<Answer> {
    let start: &[Answer] = &[
        (
            200,
            Json("Any"),
            NO_HEADERS,
            "It was waited for and has ended: the bare output, or the status object when it did not complete.",
        ),
        (202, Json("Links"), WHERE_AND_WHEN, "It is started."),
        (
            400,
            Json("Error"),
            NO_HEADERS,
            "The name, the id, the version, the task hub, the input or a time does not fit.",
        ),
        (
            404,
            Empty,
            NO_HEADERS,
            "It was purged while it was waited for.",
        ),
        (
            409,
            Json("Error"),
            NO_HEADERS,
            "An instance of the id lives.",
        ),
        (
            500,
            Json("Any"),
            NO_HEADERS,
            "It was waited for and has failed, as `returnInternalServerErrorOnFailure` asks: the status object. Or an error.",
        ),
    ];
    let own: Vec<Answer> = match endpoint {
        Endpoint::Start | Endpoint::StartWithId => [start, UNREAD].concat(),
        Endpoint::Restart => start.to_vec(),
        Endpoint::Status => vec![
            (200, Json("Status"), CURSOR, "It has ended."),
            (202, Json("Status"), CURSOR_WHERE_AND_WHEN, "It lives."),
            (
                500,
                Json("Any"),
                CURSOR,
                "It has failed, as `returnInternalServerErrorOnFailure` asks: the status object. Or an error.",
            ),
            BAD,
            NOT_FOUND,
        ],
        Endpoint::Watch => vec![
            (
                200,
                Other("text/event-stream"),
                NO_HEADERS,
                "The changes follow.",
            ),
            (
                204,
                Empty,
                NO_HEADERS,
                "The cursor is that of the end: nothing will come.",
            ),
            BAD,
            NOT_FOUND,
        ],
        Endpoint::WatchAll => vec![
            (
                200,
                Other("text/event-stream"),
                NO_HEADERS,
                "The instances and their changes follow.",
            ),
            (404, Empty, NO_HEADERS, "The task hub is another one."),
        ],
        Endpoint::Batch => [
            &[
                (200, Array("Any"), NO_HEADERS, "What became of each."),
                (
                    400,
                    Json("Error"),
                    NO_HEADERS,
                    "The body is not a list in JSON.",
                ),
            ],
            UNREAD,
        ]
        .concat(),
        Endpoint::RaiseEvent => [
            &[
                (202, Empty, NO_HEADERS, "The event is durable."),
                (
                    400,
                    Json("Error"),
                    NO_HEADERS,
                    "The media type, the body, the event or the id does not fit.",
                ),
                NOT_FOUND,
                ENDED,
                (
                    429,
                    Json("Error"),
                    NO_HEADERS,
                    "The instance keeps as many events as it may.",
                ),
            ],
            UNREAD,
        ]
        .concat(),
        Endpoint::Terminate | Endpoint::Suspend | Endpoint::Resume => vec![
            ACCEPTED,
            BAD,
            NOT_FOUND,
            ENDED,
            (413, Json("Error"), NO_HEADERS, "The reason is too large."),
        ],
        Endpoint::Rewind => vec![
            ACCEPTED,
            BAD,
            (404, Text, NO_HEADERS, "There is no such instance."),
            (412, Text, NO_HEADERS, "It has not failed."),
            (413, Json("Error"), NO_HEADERS, "The reason is too large."),
        ],
        Endpoint::List => vec![
            (
                200,
                Array("Status"),
                &["x-ms-continuation-token"],
                "A page of instances. The header says where the next one begins, and is empty on the last.",
            ),
            (
                400,
                Json("Error"),
                NO_HEADERS,
                "The continuation token is none.",
            ),
        ],
        Endpoint::PurgeWhere => vec![
            (200, Json("Purged"), NO_HEADERS, "They are gone."),
            (
                400,
                Text,
                NO_HEADERS,
                "`createdTimeFrom` is missing, or a time is none.",
            ),
            (404, Empty, NO_HEADERS, "Nothing matched."),
        ],
        Endpoint::Purge => vec![
            (200, Json("Purged"), NO_HEADERS, "It is gone."),
            BAD,
            NOT_FOUND,
            (412, Text, NO_HEADERS, "It lives."),
        ],
        Endpoint::SignalEntity | Endpoint::DeleteEntity => vec![
            (404, Empty, NO_HEADERS, "There is no such address."),
            (501, Json("Error"), NO_HEADERS, "There are no entities."),
        ],
        Endpoint::Live | Endpoint::Ready => {
            vec![(200, Json("Health"), NO_HEADERS, "It is well.")]
        }
        Endpoint::Metrics => vec![(200, Other("text/plain"), NO_HEADERS, "The metrics.")],
        Endpoint::OpenApi => vec![(200, Json("Any"), NO_HEADERS, "The document.")],
        Endpoint::Docs => vec![(200, Other("text/html"), NO_HEADERS, "The page.")],
    };
    let common: &[&[Answer]] = match endpoint {
        Endpoint::Live => &[],
        Endpoint::Ready => &[&[(
            503,
            Json("Health"),
            NO_HEADERS,
            "It is not: the reasons say why.",
        )]],
        Endpoint::OpenApi | Endpoint::Docs => &[REFUSED],
        _ => &[REFUSED, ALWAYS],
    };
    let mut answers = own;
    for answer in common.concat() {
        if !answers.iter().any(|own| own.0 == answer.0) {
            answers.push(answer);
        }
    }
    answers
}

fn response(&(_, body, headers, when): &Answer) -> ResponseBuilder {
    let response = ResponseBuilder::new().description(when);
    let response = headers.iter().fold(response, |response, header| {
        response.header(*header, Header::new(text()))
    });
    let (media_type, schema): (_, RefOr<Schema>) = match body {
        Empty => return response,
        Json(schema) => ("application/json", named(schema)),
        Array(schema) => ("application/json", array(schema).into()),
        Text => ("application/json", Schema::from(text()).into()),
        Other(media_type) => (media_type, Schema::from(text()).into()),
    };
    let content = ContentBuilder::new().schema(Some(schema)).build();
    response.content(media_type, content)
}

fn request_body(endpoint: Endpoint) -> Option<RequestBody> {
    let what = match endpoint {
        Endpoint::Start | Endpoint::StartWithId => "The input, any JSON. No body is no input.",
        Endpoint::RaiseEvent => "The payload, any JSON. No body is `null`.",
        Endpoint::Batch => "An array of operations.",
        _ => return None,
    };
    let schema = match endpoint {
        Endpoint::Batch => batch().into(),
        _ => named("Any"),
    };
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let body = RequestBodyBuilder::new().description(Some(what));
    Some(body.content("application/json", content).build())
}
