//! Finding, counting and purging instances.

use std::sync::Arc;
use std::time::Duration;

use steadfast::model::instance::ExecutionId;
use steadfast::model::tags::Tags;
use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::SqliteStore;
use steadfast::store::{
    BoxFuture, CreateInstance, InstancePage, InstanceRows, PageRequest, Store, StoreError,
    UnreadableInstance, Write, delegate_store,
};
use steadfast::testing::SingleThreaded;
use steadfast::{InstanceFilter, InstanceId, InstanceQuery, InstanceStatus, Order, definitions};

use crate::support::{ShortWalks, Worker as _, World, at, json, wait_for_go};

/// The same on every store.
fn on_every_store(test: impl Fn(&World)) {
    test(&World::on(MemoryStore::new()));
    let directory = tempfile::tempdir().unwrap();
    test(&World::on(
        SqliteStore::open(directory.path().join("app.db")).unwrap(),
    ));
}

#[orchestrator(name = "Order", version = "2.1")]
async fn order(ctx: OrchestrationContext, lines: u32) -> Result<u32, String> {
    for line in 0..lines {
        ctx.call(wait_for_go().id(format!("line-{line}"))).await?;
    }
    Ok(lines)
}

#[orchestrator]
async fn fail(_ctx: OrchestrationContext) -> Result<(), String> {
    Err("no".into())
}

fn ids(instances: &[InstanceStatus]) -> Vec<&str> {
    instances
        .iter()
        .map(|instance| instance.instance_id.as_str())
        .collect()
}

/// All that a query finds, one by one.
fn all(worker: &mut SingleThreaded, mut query: InstanceQuery) -> Vec<InstanceStatus> {
    let mut found = Vec::new();
    while let Some(instance) = worker.wait(query.next()) {
        found.push(instance);
    }
    assert!(worker.wait(query.next()).is_none());
    found
}

/// Instances of every kind: of two orders, one second apart, with a line each; a scheduled one, a failed one, a terminated one.
fn populate(world: &World) -> SingleThreaded {
    let mut worker = world.worker(definitions![order, fail, wait_for_go]);
    let client = worker.client().clone();
    worker.wait(
        client.start(
            order(1)
                .id("order-1")
                .tag("customer", "7")
                .tag("kind", "gift"),
        ),
    );
    worker.run_until_idle();
    world.clock.set(at(1));
    worker.wait(client.start(order(0).id("order-2").tag("customer", "8")));
    worker.run_until_idle();
    world.clock.set(at(2));
    worker.wait(client.start(fail().id("failed").tag("customer", "7")));
    worker.wait(client.start(wait_for_go().id("ended")));
    worker.run_until_idle();
    world.clock.set(at(3));
    let later = wait_for_go()
        .id("Later%")
        .start_at(Duration::from_secs(3_600));
    worker.wait(client.start(later));
    let ended = worker.instance("ended");
    worker.wait(ended.terminate(None));
    worker.run_until_idle();
    worker
}

#[test]
fn every_condition_of_a_filter_narrows_what_is_found() {
    on_every_store(|world| {
        let mut worker = populate(world);
        let any = InstanceFilter::new;
        let id = |text: &str| InstanceId::parse(text).unwrap();
        let everything = ["order-1", "line-0", "order-2", "failed", "ended", "Later%"];
        for (filter, expected) in [
            (any(), &everything[..]),
            (
                any().runtime_status([RuntimeStatus::Completed, RuntimeStatus::Failed]),
                &["order-2", "failed"],
            ),
            (any().runtime_status([RuntimeStatus::Pending]), &["Later%"]),
            (any().runtime_status([RuntimeStatus::Canceled]), &[]),
            (any().name("oRDER"), &["order-1", "order-2"]),
            (any().name("orde"), &[]),
            (any().version("2.1"), &["order-1", "order-2"]),
            (any().version("2.1.0"), &[]),
            (
                any().created_from(at(1)).created_to(at(2)),
                &["order-2", "failed", "ended"],
            ),
            (any().created_from(at(4)), &[]),
            (any().updated_from(at(3)), &["ended", "Later%"]),
            (any().updated_to(at(0)), &["order-1", "line-0"]),
            (any().id_prefix("order-"), &["order-1", "order-2"]),
            (any().id_prefix("Order-"), &[]),
            (any().id_prefix("later"), &[]),
            (any().id_prefix("Later%"), &["Later%"]),
            (any().id_prefix("%"), &[]),
            (any().id_prefix(""), &everything[..]),
            (any().tag("customer", "7"), &["order-1", "failed"]),
            (any().tag("customer", "7").tag("kind", "gift"), &["order-1"]),
            (any().tag("customer", "7").tag("kind", "x"), &[]),
            (any().tag("Customer", "7"), &[]),
            (any().parent(id("order-1")), &["line-0"]),
            (any().parent(id("order-2")), &[]),
            (any().stalled(true), &[]),
            (any().stalled(false), &everything[..]),
            (
                any()
                    .name("Order")
                    .tag("customer", "8")
                    .created_to(at(9))
                    .stalled(false),
                &["order-2"],
            ),
        ] {
            let client = worker.client().clone();
            let found = all(&mut worker, client.query(filter.clone()).page_size(2));
            assert_eq!(ids(&found), expected, "{filter:?}");
            let newest = client.query(filter.clone()).order(Order::NewestFirst);
            let found = all(&mut worker, newest.clone().page_size(1));
            let reversed: Vec<_> = expected.iter().rev().copied().collect();
            assert_eq!(ids(&found), reversed, "{filter:?}");
            let counts = worker.wait(newest.count());
            assert_eq!(counts.values().sum::<u64>(), expected.len() as u64);
        }
        // A list shows what a single read shows.
        let client = worker.client().clone();
        for listed in all(&mut worker, client.query(any())) {
            assert_eq!(worker.status(listed.instance_id.as_str()), listed);
        }
        let counts = worker.wait(client.count(&any()));
        let expected = [
            (RuntimeStatus::Running, 2),
            (RuntimeStatus::Completed, 1),
            (RuntimeStatus::Failed, 1),
            (RuntimeStatus::Terminated, 1),
            (RuntimeStatus::Pending, 1),
        ];
        assert_eq!(counts, expected.into());
    });
}

#[test]
fn a_page_says_whether_there_is_another_and_its_token_is_good_in_a_later_process() {
    on_every_store(|world| {
        let mut worker = populate(world);
        let client = worker.client().clone();
        let mut query = client.query(InstanceFilter::new()).page_size(3);
        let first = worker.wait(query.page());
        assert_eq!(ids(&first.instances), ["order-1", "line-0", "order-2"]);
        let text = first.continuation.unwrap().to_string();
        let second = worker.wait(query.page());
        assert_eq!(ids(&second.instances), ["failed", "ended", "Later%"]);
        // As many as the page holds, and no more: this is known at once.
        assert_eq!(second.continuation, None);
        let none = worker.wait(query.page());
        assert_eq!((none.instances, none.continuation), (vec![], None));

        let mut worker = world.worker(definitions![order, fail, wait_for_go]);
        let client = worker.client().clone();
        let query = client
            .query(InstanceFilter::new())
            .after(text.parse().unwrap());
        let rest = all(&mut worker, query.clone());
        assert_eq!(rest, second.instances);
        let mut query = query.page_size(usize::MAX);
        let page = worker.wait(query.page());
        assert_eq!(page.instances, rest);
        // At least one, whatever is asked for.
        let mut query = client.query(InstanceFilter::new()).page_size(0);
        let one = worker.wait(query.page());
        assert_eq!(ids(&one.instances), ["order-1"]);
    });
}

#[test]
fn what_has_been_read_ahead_is_not_lost_to_the_next_page() {
    let mut worker = populate(&World::new());
    let client = worker.client().clone();
    let mut query = client.query(InstanceFilter::new()).page_size(4);
    assert_eq!(
        worker.wait(query.next()).unwrap().instance_id.as_str(),
        "order-1"
    );
    let begun = worker.wait(query.page());
    assert_eq!(ids(&begun.instances), ["line-0", "order-2", "failed"]);
    let rest = worker.wait(query.page());
    assert_eq!(ids(&rest.instances), ["ended", "Later%"]);
    let token = begun.continuation.unwrap();
    let mut query = client.query(InstanceFilter::new()).after(token);
    let again = worker.wait(query.page());
    assert_eq!(again, rest);
}

#[test]
fn paging_over_running_ones_is_stable_while_others_start_and_end() {
    on_every_store(|world| {
        const COUNT: usize = 400;
        let mut worker = world.worker(definitions![wait_for_go]);
        let client = worker.client().clone();
        for number in 0..COUNT {
            worker.wait(client.start(wait_for_go().id(format!("i-{number:04}"))));
        }
        worker.run_until_idle();
        let running = InstanceFilter::new()
            .runtime_status([RuntimeStatus::Running])
            .id_prefix("i-");
        let mut query = client.query(running).page_size(50);
        let mut seen = Vec::new();
        for number in 0.. {
            let page = worker.wait(query.page());
            seen.extend(page.instances.iter().map(|i| i.instance_id.to_string()));
            // The last of this page, the first of all, one far ahead; and a new one.
            for gone in [seen.len() - 1, 0, COUNT - 1 - number] {
                let gone = worker.instance(&format!("i-{gone:04}"));
                drop(worker.block_on(gone.raise_event_named("go", "x")));
                worker.run_until_idle();
                drop(worker.block_on(gone.purge()));
            }
            worker.wait(client.start(wait_for_go().id(format!("new-{number}"))));
            if page.continuation.is_none() {
                break;
            }
        }
        let unique: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(unique.len(), seen.len(), "none is given twice");
        assert!(seen.is_sorted());
        // Those that were there all the while: all but some of the last.
        assert!(seen.len() > COUNT - 50, "{}", seen.len());
        let stayed = (0..COUNT - 50).map(|number| format!("i-{number:04}"));
        assert!(stayed.into_iter().all(|id| unique.contains(&id)));
    });
}

#[test]
fn a_purge_by_filter_takes_only_what_has_ended() {
    on_every_store(|world| {
        let mut worker = populate(world);
        let client = worker.client().clone();
        let mut purge = |filter| worker.wait(client.purge_where(filter));
        let any = InstanceFilter::new;
        // Not even when the filter asks for what lives.
        assert_eq!(
            purge(any().runtime_status([RuntimeStatus::Running, RuntimeStatus::Pending])),
            0
        );
        assert_eq!(purge(any().tag("customer", "9")), 0);
        assert_eq!(purge(any().tag("customer", "7")), 1);
        assert_eq!(purge(any().created_to(at(1))), 1);
        assert_eq!(purge(any()), 1);
        assert_eq!(purge(any()), 0);
        let left = all(&mut worker, client.query(any()));
        assert_eq!(ids(&left), ["order-1", "line-0", "Later%"]);
        let tagged = all(&mut worker, client.query(any().tag("customer", "7")));
        assert_eq!(ids(&tagged), ["order-1"]);
        // What is left goes on.
        let line = worker.instance("line-0");
        worker.wait(line.raise_event_named("go", "x"));
        assert_eq!(worker.status("order-1").output, json(1));
    });
}

#[test]
fn an_instance_that_cannot_be_decoded_is_listed_with_the_reason() {
    on_every_store(|world| {
        let store = Arc::clone(&world.store);
        let create = CreateInstance {
            id: InstanceId::parse("damaged").unwrap(),
            name: "wait_for_go".into(),
            version: None,
            execution_id: ExecutionId::from_u128(1),
            created_at: at(0),
            start_at: None,
            parent: None,
            tags: Tags::new(),
            events: r#"[[-1,0,{"OfALaterVersion":{}}]]"#.into(),
            custom_status: None,
            replaces: Vec::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let epoch = store.acquire(None).await.unwrap().epoch;
            let answers = store.commit(epoch, &[Write::Create(create)]).await.unwrap();
            answers[0].as_ref().unwrap();
        });

        let mut worker = world.worker(definitions![wait_for_go]);
        let client = worker.client().clone();
        worker.wait(client.start(wait_for_go().id("sound")));
        worker.run_until_idle();
        let listed = all(&mut worker, client.query(InstanceFilter::new()));
        assert_eq!(ids(&listed), ["damaged", "sound"]);
        let why = listed[0].stalled.as_deref().unwrap();
        assert!(why.contains("OfALaterVersion"), "{why}");
        assert_eq!(worker.status("damaged"), listed[0]);
        let stalled = all(
            &mut worker,
            client.query(InstanceFilter::new().stalled(true)),
        );
        assert_eq!(ids(&stalled), ["damaged"]);
        let damaged = worker.instance("damaged");
        worker.wait(damaged.terminate(None));
        worker.wait(damaged.purge());
    });
}

/// A store in which the instances of one id cannot be read.
#[derive(Debug)]
struct Damaged(MemoryStore);

impl Store for Damaged {
    delegate_store!(|self| self.0; acquire, commit, load, read, needing_attention, timers, inbox, changes, counts);

    fn query<'a>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<InstancePage, StoreError>> {
        Box::pin(async move {
            let mut found = self.0.query(filter, page).await?;
            let is_damaged = |rows: &mut InstanceRows| rows.header.id.as_str() == "damaged";
            for rows in found.rows.extract_if(.., is_damaged) {
                found.unreadable.push(UnreadableInstance {
                    id: rows.header.id.into(),
                    incarnation: rows.header.incarnation,
                    reason: "it is damaged".into(),
                });
            }
            Ok(found)
        })
    }
}

#[test]
fn an_instance_that_cannot_be_read_is_told_apart_and_hides_no_other() {
    for page_size in [1, 2, 10] {
        let mut worker =
            World::on_exactly(Damaged(MemoryStore::new())).worker(definitions![wait_for_go]);
        let client = worker.client().clone();
        for id in ["a", "damaged", "b"] {
            worker.wait(client.start(wait_for_go().id(id)));
        }
        let query = || client.query(InstanceFilter::new()).page_size(page_size);
        assert_eq!(ids(&all(&mut worker, query())), ["a", "b"]);
        let (mut query, mut found, mut unreadable) = (query(), Vec::new(), Vec::new());
        loop {
            let page = worker.wait(query.page());
            found.extend(page.instances);
            unreadable.extend(page.unreadable);
            if page.continuation.is_none() {
                break;
            }
        }
        assert_eq!(ids(&found), ["a", "b"]);
        let [one] = &unreadable[..] else {
            panic!("one cannot be read, but: {unreadable:?}");
        };
        assert_eq!(
            (one.id.as_str(), one.reason.as_str()),
            ("damaged", "it is damaged")
        );
    }
}

#[test]
fn a_page_that_ends_before_anything_matches_tells_where_to_go_on() {
    let world = World::on(ShortWalks(MemoryStore::new(), 3));
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    for number in 0..10 {
        worker.wait(client.start(wait_for_go().id(format!("i-{number}"))));
    }
    worker.run_until_idle();
    for gone in ["i-7", "i-9"] {
        let instance = worker.instance(gone);
        worker.wait(instance.terminate(None));
    }
    let ended = InstanceFilter::new().runtime_status([RuntimeStatus::Terminated]);
    let found = all(&mut worker, client.query(ended.clone()));
    assert_eq!(ids(&found), ["i-7", "i-9"]);
    let newest = client.query(ended.clone()).order(Order::NewestFirst);
    assert_eq!(ids(&all(&mut worker, newest)), ["i-9", "i-7"]);

    let mut query = client.query(ended.clone());
    let (mut pages, mut found) = (Vec::new(), Vec::new());
    loop {
        let page = worker.wait(query.page());
        pages.push(page.instances.len());
        found.extend(page.instances);
        let Some(token) = page.continuation else {
            break;
        };
        // A query that is made of the token goes on there.
        query = client.query(ended.clone()).after(token);
    }
    assert_eq!((pages, found.len()), (vec![0, 0, 1, 1], 2));
}
