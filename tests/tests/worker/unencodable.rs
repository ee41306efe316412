//! Payloads that a codec does not encode, for a while or for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use steadfast::prelude::*;
use steadfast::store::StoreErrorKind;
use steadfast::store::codec::{Codec, CodecError, CodecStore, Encoded};
use steadfast::store::memory::MemoryStore;
use steadfast::testing::SingleThreaded;
use steadfast::{ClientError, Registration, definitions};

use crate::support::{Worker as _, World, call_pass, json, open, pass, wait_for_go};

/// Does not encode what has its word in it, until it is told to.
#[derive(Clone, Debug, Default)]
struct Picky(Arc<AtomicBool>);

const WORD: &str = "xyzzy";

impl Codec for Picky {
    fn encode(&self, payload: &[u8], _: &[u8]) -> Result<Encoded, CodecError> {
        let payload = payload.to_vec();
        let has_word = payload
            .windows(WORD.len())
            .any(|part| part == WORD.as_bytes());
        if has_word && !self.0.load(Ordering::SeqCst) {
            return Err(CodecError::new("its key is out of reach"));
        }
        Ok(Encoded {
            label: "picky".to_owned(),
            bytes: payload,
        })
    }

    fn decode(&self, _: &str, bytes: Vec<u8>, _: &[u8]) -> Result<Vec<u8>, CodecError> {
        Ok(bytes)
    }
}

/// Returns what it takes once it is let.
#[activity]
async fn say_word(_gate: String) -> String {
    WORD.to_owned()
}

/// What cannot be stored is the result of an activity.
#[orchestrator]
async fn hear(ctx: OrchestrationContext, gate: String) -> Result<usize, String> {
    Ok(ctx.call(say_word(gate)).await?.len())
}

/// What cannot be stored is the output.
#[orchestrator]
async fn end_with_it(ctx: OrchestrationContext, gate: String) -> Result<String, String> {
    ctx.call(pass(gate)).await?;
    Ok(WORD.to_owned())
}

fn definitions_here() -> Vec<Registration> {
    definitions![say_word, hear, end_with_it, pass, call_pass, wait_for_go]
}

fn worker(codec: &Picky) -> SingleThreaded {
    let store = CodecStore::new(MemoryStore::new(), codec.clone());
    World::on_exactly(store).worker(definitions_here())
}

/// Why an instance does not advance.
fn stalled(worker: &mut SingleThreaded, id: &str) -> String {
    let why = worker.status(id).stalled.unwrap();
    assert!(why.contains("unencodable.rs:"), "{why}");
    assert!(why.contains("cannot be stored"), "{why}");
    assert!(why.contains("its key is out of reach"), "{why}");
    why
}

#[test]
fn an_instance_whose_payload_is_not_encoded_says_so_and_holds_up_no_other() {
    let codec = Picky::default();
    let mut worker = worker(&codec);
    let client = worker.client().clone();
    for number in 0..20 {
        let gate = format!("gate-{number}");
        worker.wait(client.start(call_pass(gate).id(number.to_string())));
    }
    worker.wait(client.start(end_with_it("gate".to_owned()).id("ends")));
    worker.wait(client.start(hear(String::new()).id("hears")));
    worker.run_until_idle();
    // All of them are committed at once.
    open("gate");
    (0..20).for_each(|number| open(&format!("gate-{number}")));
    for number in 0..20 {
        let output = json(format!("gate-{number}"));
        assert_eq!(worker.status(&number.to_string()).output, output);
    }
    let why = ["ends", "hears"].map(|id| stalled(&mut worker, id));
    // However often it is tried again.
    worker.settle();
    assert_eq!(why, ["ends", "hears"].map(|id| stalled(&mut worker, id)));

    codec.0.store(true, Ordering::SeqCst);
    worker.settle();
    for (id, output) in [("ends", json(WORD)), ("hears", json(WORD.len()))] {
        let status = worker.status(id);
        assert_eq!((status.output, status.stalled), (output, None), "{id}");
    }
}

#[test]
fn an_instance_whose_payload_is_not_encoded_can_be_terminated() {
    let mut worker = worker(&Picky::default());
    let client = worker.client().clone();
    for id in ["told", "suspended", "found"] {
        worker.wait(client.start(hear(String::new()).id(id)));
    }
    for id in ["told", "suspended", "found"] {
        stalled(&mut worker, id);
    }
    let told = worker.instance("told");
    worker.wait(told.terminate(None));
    assert!(worker.status("told").is_terminal());
    assert_eq!(worker.status("told").stalled, None);
    let suspended = worker.instance("suspended");
    worker.wait(suspended.suspend(None));
    worker.run_until_idle();
    worker.wait(suspended.terminate(None));
    assert!(worker.status("suspended").is_terminal());
    stalled(&mut worker, "found");
}

#[test]
fn who_asks_for_what_is_not_encoded_is_told_and_nothing_waits_for_it() {
    let mut worker = worker(&Picky::default());
    let client = worker.client().clone();
    let refused = worker
        .block_on(client.start(hear(WORD.to_owned()).id("it")))
        .unwrap_err();
    let ClientError::Store(error) = &refused else {
        panic!("{refused}")
    };
    assert_eq!(error.kind(), StoreErrorKind::Codec);
    worker.wait(client.start(wait_for_go().id("it")));
    worker.run_until_idle();
    let it = worker.instance("it");
    let raised = it.raise_event_named("go", WORD);
    worker.block_on(raised).unwrap_err();
    worker.settle();
    assert_eq!(worker.status("it").stalled, None);
    worker.wait(it.raise_event_named("go", "1"));
    assert_eq!(worker.status("it").output, json("1"));
}
