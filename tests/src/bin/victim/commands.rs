//! What the program is told, and its answers.

use std::fs;
use std::path::Path;

use futures_util::future::try_join_all;
use steadfast::prelude::*;
use steadfast::{ExportedHistory, InstanceFilter};

use crate::Failure;
use crate::orchestrators::{Go, brief, counter, family, mended, mending, quiet, survive};

/// Carries a command out, and says what came of it once that is durable.
pub(crate) async fn carry_out(client: &Client, command: &str) -> Result<String, Failure> {
    let words: Vec<&str> = command.split(' ').collect();
    let [verb, ref arguments @ ..] = *words else {
        return Err("no command".into());
    };
    match (verb, arguments) {
        ("start", [kind, id, number]) => start(client, kind, id, number.parse()?).await,
        ("raise", [id, number]) => {
            let event = Go(number.parse()?);
            client.instance(*id)?.raise_event(&event).await?;
            Ok(String::new())
        }
        ("wait", [id]) => {
            let status = client.instance(*id)?.wait_for_completion().await?;
            let output = status.output.unwrap_or_default();
            Ok(format!("{} {output}", status.runtime_status))
        }
        ("status", [id]) => {
            let status = client.instance(*id)?.status().await?;
            Ok(status.runtime_status.to_string())
        }
        ("suspend", [id]) => done(client.instance(*id)?.suspend(None).await),
        ("resume", [id]) => done(client.instance(*id)?.resume(None).await),
        ("terminate", [id]) => done(client.instance(*id)?.terminate(None).await),
        ("rewind", [id]) => {
            fs::write(mended(id)?, "")?;
            done(client.instance(*id)?.rewind(None).await)
        }
        ("purge", [id]) => done(client.instance(*id)?.purge().await),
        ("purge-all", []) => {
            let purged = client.purge_where(InstanceFilter::new()).await?;
            Ok(purged.to_string())
        }
        ("count", []) => {
            let counts = client.query(InstanceFilter::new()).count().await?;
            Ok(counts.values().sum::<u64>().to_string())
        }
        ("crowd", [prefix, count, bytes]) => {
            crowd(client, prefix, count.parse()?, bytes.parse()?).await
        }
        ("export", [directory]) => export(client, Path::new(directory)).await,
        ("import", [file]) => {
            let history = ExportedHistory::read_from(file)?;
            client.import(&history).await?;
            Ok(String::new())
        }
        ("ready", []) => {
            client.ready().await?;
            Ok(String::new())
        }
        _ => Err(format!("no command `{command}`").into()),
    }
}

fn done(result: Result<(), steadfast::ClientError>) -> Result<String, Failure> {
    result.map(|()| String::new()).map_err(Failure::from)
}

async fn start(client: &Client, kind: &str, id: &str, number: u32) -> Result<String, Failure> {
    let attach = OnExisting::Attach;
    let ballast = || "x".repeat(number as usize);
    match kind {
        "survive" => {
            let start = survive(number).id(id).tag("kind", kind);
            client.start(start.on_existing(attach)).await?;
        }
        "family" => {
            client.start(family().id(id).on_existing(attach)).await?;
        }
        "counter" => {
            let start = counter(Vec::new()).id(id);
            client.start(start.on_existing(attach)).await?;
        }
        "mending" => {
            client.start(mending().id(id).on_existing(attach)).await?;
        }
        "quiet" => {
            let start = quiet(ballast()).id(id);
            client.start(start.on_existing(attach)).await?;
        }
        "brief" => {
            let start = brief(ballast()).id(id);
            client.start(start.on_existing(attach)).await?;
        }
        _ => return Err(format!("no orchestrator `{kind}`").into()),
    }
    Ok(String::new())
}

/// Runs many to their end.
async fn crowd(
    client: &Client,
    prefix: &str,
    count: usize,
    bytes: usize,
) -> Result<String, Failure> {
    let run = |number| async move {
        let start = brief("x".repeat(bytes)).id(format!("{prefix}-{number}"));
        let started = client.start(start.on_existing(OnExisting::Attach)).await?;
        started.output().await?;
        Ok::<_, Failure>(())
    };
    try_join_all((0..count).map(run)).await?;
    Ok(String::new())
}

/// Writes every instance to a file of its id.
async fn export(client: &Client, directory: &Path) -> Result<String, Failure> {
    let mut instances = client.query(InstanceFilter::new());
    let mut count = 0;
    while let Some(status) = instances.next().await? {
        let id = status.instance_id.to_string();
        let history = client.instance(id.as_str())?.export().await?;
        history.write_to(directory.join(id))?;
        count += 1;
    }
    Ok(count.to_string())
}
