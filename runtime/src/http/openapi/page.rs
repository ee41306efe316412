//! The document as a page: rendered here, so that it needs no script, no network and no file.
//!
//! The well-known pages are megabytes of script, and show what is in the document; this one shows the same to people, and those who
//! want to try requests out open the document in a tool of theirs.

use std::fmt::Write as _;

use serde_json::Value;

use super::OF_ONE;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
    code,h2{font-family:ui-monospace,monospace}h2{font-size:1rem;margin-top:2.5rem;border-top:1px solid #8886;padding-top:1rem}\
    pre{overflow:auto}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}th{font-weight:600}";

/// The page of a document.
pub(super) fn render(document: &Value) -> String {
    let mut page = String::new();
    // Nothing can go wrong when a text is written to.
    let _ = write(&mut page, document);
    page
}

fn write(page: &mut String, document: &Value) -> std::fmt::Result {
    let info = &document["info"];
    let title = escaped(&info["title"]);
    write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{}</p><p>Below <code>{}</code></p>",
        escaped(&info["description"]),
        escaped(&document["servers"][0]["url"])
    )?;
    write_orchestrators(page, &document["x-orchestrators"])?;
    for (path, methods) in entries(&document["paths"]) {
        for (method, operation) in entries(methods) {
            if !operation[OF_ONE].is_null() {
                // It is as that for any, and what it takes is among the orchestrators.
                continue;
            }
            let (method, path) = (method.to_uppercase(), escape(path));
            let summary = escaped(&operation["summary"]);
            write!(page, "<h2>{method} {path}</h2><p>{summary}</p>")?;
            write_parameters(page, &operation["parameters"])?;
            write_answers(page, &operation["responses"])?;
        }
    }
    write_schemas(page, &document["components"]["schemas"])
}

fn write_orchestrators(page: &mut String, orchestrators: &Value) -> std::fmt::Result {
    page.push_str("<h2>Orchestrators</h2><table><tr><th>name<th>version<th>events");
    let orchestrators = orchestrators.as_array();
    let shows = [
        ("input", "input"),
        ("output", "output"),
        ("customStatus", "custom status"),
    ];
    let has_schemas = |orchestrator: &Value| orchestrator["schemas"].is_object();
    let shows = match orchestrators.into_iter().flatten().any(has_schemas) {
        true => &shows[..],
        false => &[],
    };
    for (_, heading) in shows {
        write!(page, "<th>{heading}")?;
    }
    for orchestrator in orchestrators.into_iter().flatten() {
        let schemas = &orchestrator["schemas"];
        let event = |event: &Value| link(&schemas["events"][event.as_str()?], &escaped(event));
        let event = |name: &Value| event(name).unwrap_or_else(|| escaped(name));
        let events = match orchestrator["events"].as_array() {
            Some(events) => events.iter().map(event).collect::<Vec<_>>().join(", "),
            None => "any".to_owned(),
        };
        let (name, version) = (&orchestrator["name"], &orchestrator["version"]);
        let (name, version) = (escaped(name), escaped(version));
        write!(page, "<tr><td><code>{name}</code><td>{version}<td>{events}")?;
        for (key, heading) in shows {
            write!(
                page,
                "<td>{}",
                link(&schemas[key], heading).unwrap_or_default()
            )?;
        }
    }
    page.push_str("</table>");
    Ok(())
}

fn write_schemas(page: &mut String, schemas: &Value) -> std::fmt::Result {
    for (name, schema) in entries(schemas) {
        let (name, schema) = (escape(name), escape(&format!("{schema:#}")));
        write!(page, "<h2 id=\"{name}\">{name}</h2><pre>{schema}</pre>")?;
    }
    Ok(())
}

/// A link to the schema that is referred to.
fn link(reference: &Value, text: &str) -> Option<String> {
    let (_, name) = reference["$ref"].as_str()?.rsplit_once('/')?;
    Some(format!("<a href=\"#{}\">{text}</a>", escape(name)))
}

fn write_parameters(page: &mut String, parameters: &Value) -> std::fmt::Result {
    let Some(parameters) = parameters.as_array() else {
        return Ok(());
    };
    page.push_str("<table><tr><th>parameter<th>in<th>");
    for parameter in parameters {
        let [name, place, what] = ["name", "in", "description"].map(|key| escaped(&parameter[key]));
        write!(page, "<tr><td><code>{name}</code><td>{place}<td>{what}")?;
    }
    page.push_str("</table>");
    Ok(())
}

fn write_answers(page: &mut String, answers: &Value) -> std::fmt::Result {
    page.push_str("<table><tr><th>answer<th>body<th>when");
    for (status, answer) in entries(answers) {
        let content = entries(&answer["content"]).next();
        let body = content.map_or_else(String::new, |(media_type, content)| {
            let schema = content["schema"]["$ref"].as_str();
            let name = schema.and_then(|schema| schema.rsplit('/').next());
            let name = escape(name.unwrap_or(media_type));
            link(&content["schema"], &name).unwrap_or(name)
        });
        let when = escaped(&answer["description"]);
        write!(page, "<tr><td>{}<td>{body}<td>{when}", escape(status))?;
    }
    page.push_str("</table>");
    Ok(())
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// A text of the document; nothing where there is none.
fn escaped(text: &Value) -> String {
    escape(text.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_in_the_document_is_text_on_the_page() {
        let page = render(&json!({
            "info": { "title": "<script>", "description": "a & \"b\"" },
            "x-orchestrators": [{ "name": "<b>", "version": null, "events": ["<i>"], "schemas": {
                "input": { "$ref": "#/components/schemas/<q>" }, "events": { "<i>": { "$ref": "#/components/schemas/<r>" } },
            } }],
            "components": { "schemas": { "<q>": { "title": "<t>" } } },
            "paths": { "/<p>": { "get": { "summary": "<s>", "responses": { "200": { "description": "<d>" } } } } },
        }));
        for text in [
            "&lt;script&gt;",
            "a &amp; &quot;b&quot;",
            "&lt;b&gt;",
            "&lt;i&gt;",
            "/&lt;p&gt;",
            "&lt;s&gt;",
            "&lt;d&gt;",
            "<a href=\"#&lt;q&gt;\">input</a>",
            "<a href=\"#&lt;r&gt;\">&lt;i&gt;</a>",
            "<h2 id=\"&lt;q&gt;\">",
            "&lt;t&gt;",
        ] {
            assert!(page.contains(text), "{text} of {page}");
        }
        for text in [
            "<script>", "<b>", "<i>", "<p>/", "<s>", "<d>", "<q>", "<r>", "<t>",
        ] {
            assert!(!page.contains(text), "{text} of {page}");
        }
    }
}
