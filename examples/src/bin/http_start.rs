//! An HTTP endpoint of a program's own: it starts an orchestration, waits until it has come far enough, and answers with its
//! status.

#![allow(
    clippy::print_stdout,
    reason = "the address and the answer go to stdout"
)]

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clap::Parser;
use steadfast::http::status_response;
use steadfast::{Client, ClientError, StartByName};
use steadfast_examples::cli::{self, AnyError, StoreArgument};
use steadfast_examples::pace;
use tokio::net::TcpListener;

/// Serves `POST /orchestrators/{name}`: try it with `E1_HelloSequence`.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; with port 0, at a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7072")]
    listen: String,
    /// How long each greeting takes.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = cli::seconds)]
    delay: Duration,
    /// Make one request, print the answer, and end.
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(serve(Arguments::parse()).await)
}

/// Starts the orchestrator of this name, waits until it has greeted London, and answers with its status.
async fn http_start(
    State(client): State<Client>,
    Path(name): Path<String>,
    body: String,
) -> Result<Response, Refused> {
    let input = (!body.is_empty()).then_some(body);
    let start = StartByName::new(name).json_input(input);
    let instance = client.start_by_name(start).await?;

    // The status is pushed by the commit that publishes it. `None`: the instance ended without it, and the answer says how.
    let london = |status: &steadfast::CustomStatus| status.as_json() == "\"London\"";
    instance.wait_custom_status(london).await?;

    Ok(status_response(&instance.status().await?))
}

/// Why a request was not carried out.
struct Refused(ClientError);

impl From<ClientError> for Refused {
    fn from(error: ClientError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0 {
            ClientError::UnknownOrchestrator { .. } | ClientError::Input { .. } => {
                StatusCode::BAD_REQUEST
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, self.0.to_string()).into_response()
    }
}

async fn serve(arguments: Arguments) -> Result<(), AnyError> {
    pace::set(arguments.delay);
    let steadfast = StoreArgument::Memory.start().await?;
    let routes = Router::new()
        .route("/orchestrators/{name}", post(http_start))
        .with_state(steadfast.client().clone());
    let listener = TcpListener::bind(&arguments.listen).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    println!("{origin}");
    io::stdout().flush()?;

    let server = axum::serve(listener, routes);
    if arguments.once {
        tokio::select! {
            result = server => result?,
            answer = request(&origin) => println!("{}", answer?),
        }
    } else {
        server.with_graceful_shutdown(cli::asked_to_stop()).await?;
    }
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}

async fn request(origin: &str) -> Result<String, reqwest::Error> {
    let request = reqwest::Client::new().post(format!("{origin}/orchestrators/E1_HelloSequence"));
    request.send().await?.error_for_status()?.text().await
}
