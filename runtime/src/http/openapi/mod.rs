//! The OpenAPI document, and a page for people that is made of it.
//!
//! Addresses and methods come from [`Endpoint`], which every route has; what can be asked and answered there is in [`operations`].
//! The tests of the API hold every answer that they get against the document.

mod components;
mod operations;
mod page;
mod parameters;
#[cfg(feature = "schemas")]
mod schemas;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{HttpMethod, PathItem};
use utoipa::openapi::{InfoBuilder, OpenApiBuilder, Paths, Server};

use super::endpoint::Endpoint;
use super::payload::json_response;
use super::route::WEBHOOK;
use super::{Api, Asked};
use crate::registration::{Function, Registration};

/// Where the name of the orchestrator is in an operation that is about one.
const OF_ONE: &str = "x-orchestrator";

/// Nothing is loaded and nothing runs: the page is text and its own style.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Answers with the document.
pub(super) fn json_document(api: &Api, asked: &Asked) -> Response {
    json_response(StatusCode::OK, &document(api, &asked.base()))
}

/// Answers with the document as a page.
pub(super) fn html_page(api: &Api, asked: &Asked) -> Response {
    let document = document(api, &asked.base());
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ];
    (headers, page::render(&document)).into_response()
}

impl Api {
    /// The OpenAPI 3.1 document of the API, as `GET openapi.json` answers it: to write it into a file, or to generate a client from.
    ///
    /// ```
    /// use steadfast::http::Api;
    ///
    /// fn write(api: &Api) -> std::io::Result<()> {
    ///     std::fs::write("openapi.json", api.openapi().to_string())
    /// }
    /// ```
    #[must_use]
    pub fn openapi(&self) -> Value {
        let base = self.public_origin.as_deref().unwrap_or_default();
        document(self, &format!("{base}{}", self.mounted_at))
    }
}

/// The document of an API that is mounted at this address.
fn document(api: &Api, base: &str) -> Value {
    let orchestrators: Vec<_> = api.client.orchestrators().collect();
    let mut names: Vec<_> = orchestrators.iter().map(|found| found.name).collect();
    // Of several versions each has the name.
    names.dedup();
    let access = api.guard.access();
    let mut paths = Paths::new();
    for &endpoint in Endpoint::ALL {
        if endpoint.is_served() {
            let operation = operations::describe(endpoint, &names, access);
            let item = PathItem::new(method(endpoint), operation);
            let of_path = paths.paths.entry(endpoint.path().to_owned()).or_default();
            of_path.merge_operations(item);
        }
    }
    let orchestrators: Vec<_> = orchestrators.into_iter().map(orchestrator).collect();
    let mut document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Durable Functions HTTP API")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(operations::INTRODUCTION))
                .build(),
        )
        .servers(Some([Server::new(format!("{base}{WEBHOOK}"))]))
        .paths(paths)
        .components(Some(components::all()))
        .build();
    let extensions = ExtensionsBuilder::new().add("x-orchestrators", orchestrators);
    document.extensions = Some(extensions.build());
    #[cfg_attr(
        not(feature = "schemas"),
        expect(unused_mut, reason = "there is nothing to add")
    )]
    let mut document = json!(document);
    #[cfg(feature = "schemas")]
    schemas::add(&mut document, api.client.schemas());
    document
}

fn method(endpoint: Endpoint) -> HttpMethod {
    match endpoint.method() {
        "POST" => HttpMethod::Post,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// What can be started by its name.
fn orchestrator(registration: &Registration) -> Value {
    let events = match registration.function {
        Function::Orchestrator { events, .. } => events,
        Function::Activity { .. } => None,
    };
    let events = events.map(|events| events.iter().map(|event| event.name).collect::<Vec<_>>());
    json!({ "name": registration.name, "version": registration.version, "events": events })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::guard::Access;

    #[test]
    fn every_reference_leads_somewhere() {
        let components = json!(components::all());
        for endpoint in Endpoint::ALL {
            let operation =
                json!(operations::describe(*endpoint, &["Order"], Access::ByKey)).to_string();
            for reference in operation.split("\"$ref\":\"#/components/schemas/").skip(1) {
                let (name, _) = reference.split_once('"').unwrap();
                let schema = &components["schemas"][name];
                assert!(schema.is_object(), "{endpoint:?} names {name}");
            }
        }
    }

    #[test]
    fn every_parameter_of_a_path_is_described() {
        for endpoint in Endpoint::ALL {
            let operation = json!(operations::describe(*endpoint, &["Order"], Access::ByKey));
            let parameters = operation["parameters"].as_array().cloned();
            let mut described: Vec<_> = parameters
                .iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
                .collect();
            let mut named: Vec<_> = endpoint.path().split('/').collect();
            named.retain(|segment| segment.starts_with('{'));
            described.sort_unstable();
            named.sort_unstable();
            assert_eq!(described, named, "{endpoint:?}");
        }
    }
}
