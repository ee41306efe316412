//! Writes the two packages: the same functions with the attributes, and with everything else written by hand.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

use crate::shapes::{SHAPES, Shape};

const ACTIVITIES: usize = 200;
const ORCHESTRATORS: usize = 50;
/// How many activities an orchestrator calls.
const CALLS: usize = 5;

const RUNTIME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime");
const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");

/// How the functions of a package become definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Attributes,
    ByHand,
}

impl Style {
    pub(crate) const ALL: [Self; 2] = [Self::Attributes, Self::ByHand];

    /// The name of the package.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Attributes => "attributes",
            Self::ByHand => "by_hand",
        }
    }
}

/// Writes a workspace of both packages, which takes the versions that this one is locked to.
pub(crate) fn write_all(folder: &Path) -> io::Result<()> {
    let members = Style::ALL.map(Style::name);
    fs::create_dir_all(folder)?;
    fs::write(
        folder.join("Cargo.toml"),
        format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n"),
    )?;
    fs::copy(LOCK, folder.join("Cargo.lock"))?;
    for style in Style::ALL {
        let package = folder.join(style.name());
        fs::create_dir_all(package.join("src"))?;
        fs::write(package.join("Cargo.toml"), manifest(style))?;
        let source = |name: &str, text: &str| fs::write(package.join("src").join(name), text);
        source("types.rs", include_str!("shared/types.rs"))?;
        source("orchestrators.rs", &orchestrators(style))?;
        let by_hand = match style {
            Style::Attributes => "",
            Style::ByHand => {
                source("by_hand.rs", include_str!("shared/by_hand.rs"))?;
                "pub mod by_hand;\n"
            }
        };
        source(
            "lib.rs",
            &format!("pub mod activities;\n{by_hand}pub mod orchestrators;\npub mod types;\n"),
        )?;
        edit(folder, style, 0)?;
    }
    Ok(())
}

/// Changes one line in the body of one activity.
pub(crate) fn edit(folder: &Path, style: Style, round: u32) -> io::Result<()> {
    let file = folder.join(style.name()).join("src/activities.rs");
    fs::write(file, activities(style, round))
}

fn manifest(style: Style) -> String {
    format!(
        r#"[package]
name = "{}"
version = "0.0.0"
edition = "2024"

[dependencies]
serde = {{ version = "1", features = ["derive"] }}
serde_json = "1"
steadfast = {{ path = "{RUNTIME}", default-features = false, features = ["local", "macros"] }}
thiserror = "2"
"#,
        style.name()
    )
}

fn activities(style: Style, round: u32) -> String {
    let mut text = String::from("use steadfast::prelude::*;\n\nuse crate::types::*;\n");
    if style == Style::ByHand {
        text += "use steadfast::__private::{decode_arguments, submit};\n\nuse crate::by_hand::{self, here};\n";
    }
    for index in 0..ACTIVITIES {
        let shape = shape(index);
        let name = activity(index);
        let mut parameters = typed(shape.parameters);
        if shape.context {
            parameters.insert(0, "ctx: ActivityContext".to_owned());
        }
        let body = shape.body.replace("{i}", &index.to_string());
        let edited = match index {
            0 => format!("let city = city + \"{round}\";\n    "),
            _ => String::new(),
        };
        if style == Style::Attributes {
            let keys = match shape.keys {
                "" => String::new(),
                keys => format!("({keys})"),
            };
            put(&mut text, format_args!("\n#[activity{keys}]"));
        }
        put(
            &mut text,
            format_args!(
                "\npub async fn {name}({}) -> {} {{\n    {edited}{body}\n}}\n",
                parameters.join(", "),
                returned(shape.output, shape.error)
            ),
        );
        if style == Style::ByHand {
            text += &submitted_activity(shape, &name);
        }
    }
    text
}

fn submitted_activity(shape: &Shape, name: &str) -> String {
    let context = if shape.context { "ctx" } else { "_" };
    let mut passed = names(shape.parameters);
    let decode = match passed.as_slice() {
        [] => String::new(),
        names => format!(
            "    let ({},) = {}?;\n",
            names.join(", "),
            decode(shape.parameters)
        ),
    };
    if shape.context {
        passed.insert(0, "ctx");
    }
    let passed = passed.join(", ");
    let outcome = match shape.error {
        Some(_) => {
            format!("by_hand::result(\"activity `{name}`\", {name}({passed}).await)")
        }
        None => format!("by_hand::output(\"activity `{name}`\", &{name}({passed}).await)"),
    };
    let input = if decode.is_empty() { "_" } else { "input" };
    format!(
        "submit!(by_hand::activity(\"{name}\", here!(), |{context}, {input}| {{\n{decode}    Ok(Box::pin(async move {{ {outcome} }}))\n}}));\n"
    )
}

fn orchestrators(style: Style) -> String {
    let mut text = String::from("use steadfast::prelude::*;\n\nuse crate::types::*;\n");
    text += match style {
        Style::Attributes => "use crate::activities::*;\n",
        Style::ByHand => {
            "use std::time::Duration;\n\nuse steadfast::{ActivityByName, RetryPolicy};\nuse steadfast::__private::{InputError, decode_arguments, submit};\n\nuse crate::by_hand::{self, here};\n"
        }
    };
    for index in 0..ORCHESTRATORS {
        let name = orchestrator(index);
        let has_status = index % 3 == 0;
        let context = match has_status {
            true => "OrchestrationContext<Progress>",
            false => "OrchestrationContext",
        };
        let parameters: &[_] = match index % 2 {
            0 => &[("name", "String")],
            _ => &[("order", "Order"), ("times", "Option<u32>")],
        };
        let (error, output) = match index % 4 {
            0 => ("String", "usize"),
            _ => ("Refused", "Vec<String>"),
        };
        if style == Style::Attributes {
            text += "\n#[orchestrator]";
        }
        put(
            &mut text,
            format_args!(
                "\npub async fn {name}(ctx: {context}, {}) -> Result<{output}, {error}> {{\n    let mut notes = Vec::new();\n",
                typed(parameters).join(", ")
            ),
        );
        if index % 2 == 1 {
            text += "    let name = order.customer.repeat(times.unwrap_or(1) as usize);\n";
        }
        if has_status {
            put(
                &mut text,
                format_args!("    ctx.set_custom_status(Progress::Started {{ of: {CALLS} }});\n"),
            );
        }
        for call in 0..CALLS {
            // Every activity is called once or twice.
            let called = (index * CALLS + call) % ACTIVITIES;
            put(
                &mut text,
                format_args!(
                    "    let value = {}.await?;\n    notes.push(format!(\"{{value:?}}\"));\n",
                    called_activity(style, called)
                ),
            );
        }
        if index % 5 == 4 {
            let child = orchestrator(index - 2);
            let call = match (style, (index - 2) % 2) {
                (Style::Attributes, 0) => format!("call({child}(name.clone()))"),
                (Style::Attributes, _) => {
                    format!("call({child}(Order::of(&name, 7), Some(2)))")
                }
                (Style::ByHand, 0) => {
                    format!("call_sub_orchestrator::<Vec<String>>(\"{child}\", name.clone())")
                }
                (Style::ByHand, _) => format!(
                    "call_sub_orchestrator::<Vec<String>>(\"{child}\", (Order::of(&name, 7), Some(2)))"
                ),
            };
            put(
                &mut text,
                format_args!(
                    "    let value = ctx.{call}.await?;\n    notes.push(format!(\"{{value:?}}\"));\n"
                ),
            );
        }
        if has_status {
            text += "    let about = BoundedStr::truncated(&name);\n    ctx.set_custom_status(Progress::Working { done: 1, of: 2, about });\n";
        }
        text += match output {
            "usize" => "    Ok(notes.len())\n}\n",
            _ => "    Ok(notes)\n}\n",
        };
        if style == Style::ByHand {
            text += &submitted_orchestrator(&name, context, parameters);
        }
    }
    text
}

fn called_activity(style: Style, index: usize) -> String {
    let shape = shape(index);
    let name = activity(index);
    let arguments = shape
        .arguments
        .join(", ")
        .replace("{i}", &index.to_string());
    let (output, options) = (shape.output, shape.options);
    match (style, shape.arguments, options) {
        (Style::Attributes, ..) => format!("ctx.call({name}({arguments}))"),
        (_, [], _) => format!("ctx.call_activity::<{output}>(\"{name}\", ())"),
        (_, _, options) => {
            let input = match shape.arguments {
                [_] => arguments,
                _ => format!("({arguments})"),
            };
            match options {
                "" => format!("ctx.call_activity::<{output}>(\"{name}\", {input})"),
                _ => format!(
                    "ctx.call(ActivityByName::<{output}>::new(\"{name}\").input({input}){options})"
                ),
            }
        }
    }
}

fn submitted_orchestrator(name: &str, context: &str, parameters: &[(&str, &str)]) -> String {
    let (names, types) = (names(parameters).join(", "), types(parameters).join(", "));
    let decode = decode(parameters);
    format!(
        "fn input_of_{name}(input: Option<&str>) -> Result<({types},), InputError> {{
    {decode}
}}
submit!(by_hand::orchestrator(\"{name}\", here!(), |execution, input| {{
    let ({names},) = input_of_{name}(input)?;
    let ctx = {context}::from_execution(execution);
    Ok(Box::pin(async move {{ by_hand::result(\"orchestrator `{name}`\", {name}(ctx, {names}).await) }}))
}}, |input| input_of_{name}(input).map(drop)));
"
    )
    .replace("<Progress>::from", "::<Progress>::from")
}

/// The expression that reads the parameters from `input`.
fn decode(parameters: &[(&str, &str)]) -> String {
    let names = names(parameters);
    let each = "arguments.next()?, ".repeat(names.len());
    format!("decode_arguments(&{names:?}, input, |arguments| Ok(({each})))")
}

fn shape(index: usize) -> &'static Shape {
    &SHAPES[index % SHAPES.len()]
}

fn activity(index: usize) -> String {
    format!("activity_{index:03}")
}

fn orchestrator(index: usize) -> String {
    format!("orchestrator_{index:03}")
}

fn returned(output: &str, error: Option<&str>) -> String {
    match error {
        Some(error) => format!("Result<{output}, {error}>"),
        None => output.to_owned(),
    }
}

fn typed(parameters: &[(&str, &str)]) -> Vec<String> {
    let typed = |(name, ty): &(&str, &str)| format!("{name}: {ty}");
    parameters.iter().map(typed).collect()
}

fn names<'a>(parameters: &[(&'a str, &str)]) -> Vec<&'a str> {
    parameters.iter().map(|(name, _)| *name).collect()
}

fn types<'a>(parameters: &[(&str, &'a str)]) -> Vec<&'a str> {
    parameters.iter().map(|(_, ty)| *ty).collect()
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a string takes all text");
}
