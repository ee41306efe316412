//! Rows of a store that hold anything: an instance of them goes on or says why not, and harms nobody else.

use std::sync::Arc;

use arbitrary::{Arbitrary as _, Result, Unstructured};
use futures_executor::block_on;
use steadfast::model::history::{HistoryEvent, encode_events};
use steadfast::model::tags::Tags;
use steadfast::store::memory::MemoryStore;
use steadfast::store::{CreateInstance, HistoryRow, ImportInstance, Store as _, Write};
use steadfast::{ExecutionId, InstanceId};

use super::{events, worker};

pub(super) fn run(data: &[u8]) {
    // Input that is too short is no input.
    let _ = try_run(&mut Unstructured::new(data));
}

fn try_run(u: &mut Unstructured<'_>) -> Result<()> {
    let import = import(u)?;
    let store = Arc::new(MemoryStore::new());
    block_on(async {
        let owner = store.acquire(None).await.unwrap();
        let written = store.commit(owner.epoch, &[Write::Import(import)]).await;
        assert!(written.unwrap().remove(0).is_ok());
    });
    let mut worker = worker::start(store);
    let instance = worker.client().instance("a").unwrap();
    if u.ratio(1, 4)? {
        worker.run_until_idle();
        let asked = match u.int_in_range(0..=4)? {
            0 => worker.block_on(instance.suspend(None)),
            1 => worker.block_on(instance.resume(None)),
            2 => worker.block_on(instance.rewind(None)),
            3 => worker.block_on(instance.retry()),
            _ => worker.block_on(instance.raise_event_named("a", &1)),
        };
        if let Err(error) = asked {
            assert!(!error.to_string().is_empty());
        }
    }
    worker::goes_on_or_says_why(&mut worker, &instance);
    worker::works(&mut worker);
    Ok(())
}

fn import(u: &mut Unstructured<'_>) -> Result<ImportInstance> {
    let length = u.int_in_range(0..=4)?;
    let program: Vec<u8> = u.bytes(length)?.into();
    let execution_id = ExecutionId::from_u128(1);
    let mut first = vec![events::started(&program, execution_id)];
    if u.ratio(1, 8)? {
        first = events::several(u, 2, events::any)?;
    }
    let first = row(u, &first)?;
    let mut sequence = first.sequence;
    let mut rows = Vec::new();
    for episode in 1..=u.int_in_range(0..=4_u64)? {
        let events = events::several(u, 4, events::any)?;
        let mut row = row(u, &events)?;
        sequence += row.sequence % 3;
        (row.episode, row.sequence) = (episode, sequence);
        rows.push(row);
    }
    let inbox = events::several(u, 3, events::happening)?.into_iter();
    let mut inbox: Vec<_> = inbox.map(|event| encode_events(&[event])).collect();
    if u.ratio(1, 8)? {
        inbox.push(String::arbitrary(u)?);
    }
    let name = match u.ratio(7, 8)? {
        true => "Steps".to_owned(),
        false => events::text(u)?,
    };
    Ok(ImportInstance {
        create: CreateInstance {
            id: InstanceId::parse("a").unwrap(),
            name,
            version: u.arbitrary()?,
            execution_id,
            created_at: events::time(u)?,
            start_at: match u.arbitrary()? {
                true => Some(events::time(u)?),
                false => None,
            },
            parent: None,
            tags: Tags::new(),
            events: first.events,
            custom_status: first.custom_status,
            replaces: Vec::new(),
        },
        rows,
        inbox,
        runtime_status: events::status(u)?,
        last_updated_at: events::time(u)?,
    })
}

/// A row with these events, or with something else.
fn row(u: &mut Unstructured<'_>, events: &[HistoryEvent]) -> Result<HistoryRow> {
    Ok(HistoryRow {
        episode: 0,
        events: match u.ratio(15, 16)? {
            true => encode_events(events),
            false => String::arbitrary(u)?,
        },
        custom_status: match u.ratio(1, 4)? {
            true => events::payload(u)?,
            false => None,
        },
        runtime_status: events::status(u)?,
        sequence: u.int_in_range(0..=9)?,
    })
}
