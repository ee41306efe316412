//! Reads that may take long, and the threads that everything else needs.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use steadfast::http::router;
use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::testing::FaultyStore;
use steadfast::{InstanceFilter, StartByName};

use super::support::{WEBHOOK, send, serve_plainly};

#[tokio::test]
async fn what_takes_long_to_read_holds_up_no_thread_of_the_runtime() {
    let readers: Arc<Mutex<HashSet<ThreadId>>> = Arc::default();
    let of_store = Arc::clone(&readers);
    let store = FaultyStore::new(MemoryStore::new(), |_| None).before_reads(move || {
        of_store.lock().unwrap().insert(thread::current().id());
    });
    let steadfast = Steadfast::builder().store(store).start().await.unwrap();
    let client = steadfast.client().clone();
    let address = serve_plainly(router(client.clone())).await;
    let start = StartByName::new("E1_HelloSequence")
        .id("a")
        .input(["Tokyo"]);
    let instance = client.start_by_name(start).await.unwrap();
    let status = instance.wait_for_completion().await.unwrap();
    let cursor = format!("{}.0", status.cursor.incarnation.0);
    readers.lock().unwrap().clear();

    for path in [
        "instances?runtimeStatus=Running",
        "instances/a?showHistory=true",
        &format!("instances/a/watch?lastEventId={cursor}"),
    ] {
        let answer = send(address, &format!("GET {WEBHOOK}/{path}"), &[], b"").await;
        assert_eq!(answer.status, 200, "{path}");
        let readers = std::mem::take(&mut *readers.lock().unwrap());
        assert!(!readers.is_empty(), "{path}");
        // The one thread of this runtime.
        assert!(!readers.contains(&thread::current().id()), "{path}");
    }
    client.count(&InstanceFilter::new()).await.unwrap();
    let readers = readers.lock().unwrap();
    assert!(!readers.is_empty() && !readers.contains(&thread::current().id()));
}
