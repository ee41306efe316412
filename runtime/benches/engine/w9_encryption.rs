//! W9: what encryption costs: hello sequences on an encrypted store, beside those on a plain one.

use std::fs;
use std::sync::Arc;

use steadfast::store::Store;
use steadfast::store::codec::{CodecStore, Encryption, EncryptionKey};

use crate::report::{Report, median};
use crate::stores::{Bench, FILE, StoreKind};
use crate::w1_hello;

/// How often each is measured in a round, in turns, so that both have the same machine.
const TURNS: usize = 4;

/// What was measured of one of the two, once for each turn.
#[derive(Default)]
struct Measured {
    at_once_per_s: Vec<f64>,
    alone_us: Vec<f64>,
    stored_bytes: Vec<f64>,
}

pub async fn run(store: StoreKind, hellos: usize, report: &mut Report) {
    let (mut plain, mut encrypted) = (Measured::default(), Measured::default());
    for turn in 0..TURNS {
        // Whichever comes first does not do so each time.
        if turn % 2 == 0 {
            plain.measure(store, hellos, |store| store).await;
        }
        encrypted.measure(store, hellos, encrypting).await;
        if turn % 2 == 1 {
            plain.measure(store, hellos, |store| store).await;
        }
    }
    let mut add = |metric, value| report.add("W9", store.name(), metric, value);
    let of = |measured: fn(&Measured) -> &Vec<f64>| {
        (median(measured(&encrypted)), median(measured(&plain)))
    };
    let (at_once, plain_at_once) = of(|measured| &measured.at_once_per_s);
    add("orchestrations_per_s", at_once);
    add("orchestrations_per_plain", at_once / plain_at_once);
    let (alone, plain_alone) = of(|measured| &measured.alone_us);
    add("p50_us", alone);
    add("p50_per_plain", alone / plain_alone);
    if store != StoreKind::Memory {
        let (bytes, plain_bytes) = of(|measured| &measured.stored_bytes);
        add("stored_bytes_per_plain", bytes / plain_bytes);
    }
}

fn encrypting(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let key = EncryptionKey::new("key", &[1, 2].repeat(16)).unwrap();
    Arc::new(CodecStore::new(store, Encryption::new(key)))
}

impl Measured {
    async fn measure(
        &mut self,
        store: StoreKind,
        hellos: usize,
        around: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) {
        let bench = Bench::start_around(store, around).await;
        let client = bench.steadfast.client();
        self.alone_us.push(median(&w1_hello::alone(client).await));
        self.at_once_per_s.push(w1_hello::run(client, hellos).await);
        // With the log, which is copied into it at the end.
        let directory = bench.stop().await;
        if let Ok(file) = fs::metadata(directory.path().join(FILE)) {
            self.stored_bytes.push(file.len() as f64);
        }
    }
}
