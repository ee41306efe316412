//! Lists and counts of instances.

use jiff::SignedDuration;

use super::fixtures::{
    Owner, at, child_of, create, episode, execution, first_page, instance_id, last_episode,
    progress, report, stalled,
};
use crate::model::instance::Incarnation;
use crate::model::query::{InstanceFilter, Order};
use crate::model::status::RuntimeStatus;
use crate::store::{InstancePage, InstanceRows, PageRequest, Store, Write};

/// A condition, and those that meet it.
type Condition = (InstanceFilter, &'static [&'static str]);

/// Instances that differ in everything that one can ask for, and every condition alone.
async fn zoo(owner: &Owner<'_>) -> Vec<Condition> {
    for (number, id) in ["cat", "Cat", "caterpillar", "dog", "döner", "dodo"]
        .into_iter()
        .enumerate()
    {
        let execution = execution(number as u128);
        let mut create = create(id, execution);
        create.name = ["Greet", "GREET", "Grüße", "GRÜSSE", "Count", "greet"][number].to_owned();
        create.version = [None, Some("1.0"), Some("1"), Some("1.0"), None, Some("2.0")][number]
            .map(str::to_owned);
        create.created_at = at(10 * i64::try_from(number).expect("there are few"));
        let tags: &[(&str, &str)] = [
            &[][..],
            &[("a", "1")],
            &[("a", "1"), ("b", "1")],
            &[("a", "2"), ("b", "1")],
            &[("A", "1")],
            &[("a", "1"), ("b", "2")],
        ][number];
        let tags = tags.iter();
        create.tags = tags
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        if number >= 3 {
            let parent = ["cat", "Cat", "cat"][number - 3];
            create = child_of(parent, execution_of_parent(number), 1, create);
        }
        let incarnation = owner.create(create).await;
        if number > 0 {
            let mut write = episode(incarnation, execution, 1);
            write.row.runtime_status = [
                RuntimeStatus::Pending,
                RuntimeStatus::Running,
                RuntimeStatus::Failed,
                RuntimeStatus::Completed,
                RuntimeStatus::Running,
                RuntimeStatus::Failed,
            ][number];
            write.last_updated_at = at(100 - i64::try_from(number).expect("there are few"));
            owner.advance(write).await;
        }
    }
    let running = owner.load("döner").await.header.incarnation;
    owner
        .write(stalled(running, Some("no such activity")))
        .await
        .expect("it stalls");
    let all = InstanceFilter::new;
    let micro = SignedDuration::from_micros(1);
    vec![
        (
            all(),
            &["cat", "Cat", "caterpillar", "dog", "döner", "dodo"],
        ),
        (
            all().runtime_status([RuntimeStatus::Failed]),
            &["caterpillar", "dodo"],
        ),
        (
            all().runtime_status([RuntimeStatus::Running]),
            &["Cat", "döner"],
        ),
        (
            all().runtime_status([RuntimeStatus::Failed, RuntimeStatus::Pending]),
            &["cat", "caterpillar", "dodo"],
        ),
        (all().runtime_status([RuntimeStatus::Suspended]), &[]),
        (all().name("greet"), &["cat", "Cat", "dodo"]),
        (all().name("GRÜßE"), &["caterpillar"]),
        (all().name("gree"), &[]),
        (all().name("gree%"), &[]),
        (all().version("1.0"), &["Cat", "dog"]),
        (all().version("1"), &["caterpillar"]),
        (all().created_from(at(30)), &["dog", "döner", "dodo"]),
        (all().created_from(at(30) + micro), &["döner", "dodo"]),
        (
            all().created_to(at(30)),
            &["cat", "Cat", "caterpillar", "dog"],
        ),
        (
            all().created_to(at(30) - micro),
            &["cat", "Cat", "caterpillar"],
        ),
        (
            all().created_from(at(10)).created_to(at(20)),
            &["Cat", "caterpillar"],
        ),
        (all().created_from(at(20)).created_to(at(10)), &[]),
        (
            // What is finer than stores keep is cut.
            all().created_from(at(30) + SignedDuration::from_nanos(999)),
            &["dog", "döner", "dodo"],
        ),
        (all().updated_from(at(98)), &["Cat", "caterpillar"]),
        (all().updated_to(at(96)), &["cat", "döner", "dodo"]),
        (all().id_prefix("cat"), &["cat", "caterpillar"]),
        (all().id_prefix("do"), &["dog", "dodo"]),
        (all().id_prefix("dö"), &["döner"]),
        (
            all().id_prefix(""),
            &["cat", "Cat", "caterpillar", "dog", "döner", "dodo"],
        ),
        (all().id_prefix("%"), &[]),
        (all().id_prefix("cat*"), &[]),
        (all().id_prefix("caterpillars"), &[]),
        (all().tag("a", "1"), &["Cat", "caterpillar", "dodo"]),
        (all().tag("a", "1").tag("b", "1"), &["caterpillar"]),
        (all().tag("b", "1").tag("a", "2"), &["dog"]),
        (all().tag("a", "1").tag("a", "2"), &[]),
        (all().tag("a", ""), &[]),
        (all().parent(instance_id("cat")), &["dog", "dodo"]),
        (all().parent(instance_id("dog")), &[]),
        (all().stalled(true), &["döner"]),
        (
            all().stalled(false),
            &["cat", "Cat", "caterpillar", "dog", "dodo"],
        ),
    ]
}

/// A parent may have started its children in different executions.
fn execution_of_parent(number: usize) -> crate::model::instance::ExecutionId {
    execution(100 + number as u128)
}

/// All of them together; those that a condition does not give are those of the other.
fn both(one: &InstanceFilter, other: &InstanceFilter) -> Option<InstanceFilter> {
    fn either<T: Clone>(one: &Option<T>, other: &Option<T>) -> Option<Option<T>> {
        match (one, other) {
            (Some(_), Some(_)) => None,
            (given, None) | (None, given) => Some(given.clone()),
        }
    }
    let mut both = InstanceFilter::new();
    if !one.runtime_status.is_empty() && !other.runtime_status.is_empty() {
        return None;
    }
    both.runtime_status = [&one.runtime_status[..], &other.runtime_status[..]].concat();
    both.name = either(&one.name, &other.name)?;
    both.version = either(&one.version, &other.version)?;
    both.created_from = either(&one.created_from, &other.created_from)?;
    both.created_to = either(&one.created_to, &other.created_to)?;
    both.updated_from = either(&one.updated_from, &other.updated_from)?;
    both.updated_to = either(&one.updated_to, &other.updated_to)?;
    both.id_prefix = either(&one.id_prefix, &other.id_prefix)?;
    both.tags = [&one.tags[..], &other.tags[..]].concat();
    both.parent = either(&one.parent, &other.parent)?;
    both.stalled = either(&one.stalled, &other.stalled)?;
    Some(both)
}

/// In both orders.
pub async fn each_condition_selects_those_that_meet_it(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for (filter, expected) in zoo(&owner).await {
        assert_eq!(owner.find(&filter).await, expected, "{filter:?}");
        let mut reverse = owner
            .page(&filter, first_page(1000, Order::NewestFirst))
            .await;
        reverse.reverse();
        assert_eq!(reverse, expected, "{filter:?}");
    }
}

/// Each with each.
pub async fn conditions_together_select_those_that_meet_all(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let conditions = zoo(&owner).await;
    for (one, meet_one) in &conditions {
        for (other, meet_other) in &conditions {
            if let Some(both) = both(one, other) {
                let expected = meet_one.iter().filter(|id| meet_other.contains(id));
                let expected: Vec<_> = expected.copied().collect();
                assert_eq!(owner.find(&both).await, expected, "{both:?}");
            }
        }
    }
}

/// A status that none has is not mentioned.
pub async fn matching_instances_are_counted_by_status(store: &dyn Store) {
    let owner = Owner::of(store).await;
    assert_eq!(owner.counts(&InstanceFilter::new()).await, []);
    let conditions = zoo(&owner).await;
    assert_eq!(
        owner.counts(&InstanceFilter::new()).await,
        [
            (RuntimeStatus::Completed, 1),
            (RuntimeStatus::Failed, 2),
            (RuntimeStatus::Pending, 1),
            (RuntimeStatus::Running, 2),
        ]
    );
    for (filter, expected) in conditions {
        let mut statuses = Vec::new();
        for id in expected {
            statuses.push(owner.load(id).await.header.runtime_status);
        }
        statuses.sort_by_key(|status| status.as_str());
        let chunks = statuses.chunk_by(PartialEq::eq);
        let counts: Vec<_> = chunks.map(|same| (same[0], same.len() as u64)).collect();
        assert_eq!(owner.counts(&filter).await, counts, "{filter:?}");
    }
}

/// Also when the last one of a page is deleted before the next page is read.
pub async fn pages_are_complete_whatever_their_size(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let conditions = zoo(&owner).await;
    for (filter, expected) in conditions {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            for limit in [1, 2, 4, 100] {
                let mut found = Vec::new();
                let mut after = None;
                loop {
                    let page = PageRequest {
                        after,
                        limit,
                        bytes: usize::MAX,
                        walk: usize::MAX,
                        order,
                    };
                    let ids = owner.page(&filter, page).await;
                    assert!(ids.len() <= limit, "{} of at most {limit}", ids.len());
                    let Some(last) = ids.last() else { break };
                    after = Some(owner.load(last).await.header.incarnation);
                    found.extend(ids);
                    assert!(found.len() <= expected.len(), "pages of {limit} go on");
                }
                if order == Order::NewestFirst {
                    found.reverse();
                }
                assert_eq!(found, expected, "{filter:?} in pages of {limit}");
            }
            assert_eq!(owner.page(&filter, first_page(0, order)).await, [""; 0]);
        }
    }
}

/// With the instance that was too much: each page has one, however much that holds.
pub async fn pages_end_where_they_hold_too_much(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for (number, events) in ["[1]", "[22]", "[333]", "[1]", "[1]"].iter().enumerate() {
        let mut create = create(&format!("{number}"), execution(number as u128));
        create.events = (*events).to_owned();
        owner.create(create).await;
    }
    for (bytes, order, expected) in [
        (0, Order::OldestFirst, &["0"][..]),
        (3, Order::OldestFirst, &["0", "1"]),
        (6, Order::OldestFirst, &["0", "1"]),
        (7, Order::OldestFirst, &["0", "1", "2"]),
        (usize::MAX, Order::OldestFirst, &["0", "1", "2", "3"]),
        (5, Order::NewestFirst, &["4", "3"]),
    ] {
        let page = PageRequest {
            bytes,
            ..first_page(4, order)
        };
        let found = owner.page(&InstanceFilter::new(), page).await;
        assert_eq!(found, expected, "{page:?}");
    }
}

/// Whatever they have, and with where to go on; from there each instance that matches is met once.
pub async fn pages_end_where_enough_was_walked(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let conditions = zoo(&owner).await;
    let mut incarnations = Vec::new();
    for id in owner.find(&InstanceFilter::new()).await {
        incarnations.push(owner.load(&id).await.header.incarnation);
    }
    let none = InstanceFilter::new().version("3.0");
    let ids = |page: &InstancePage| -> Vec<String> {
        let ids = page.rows.iter().map(|rows| rows.header.id.as_str());
        ids.map(str::to_owned).collect()
    };
    for order in [Order::OldestFirst, Order::NewestFirst] {
        if order == Order::NewestFirst {
            incarnations.reverse();
        }
        for (walk, next) in [(0, 0), (1, 0), (4, 3)] {
            let page = PageRequest {
                walk,
                ..first_page(100, order)
            };
            let empty = store.query(&none, &page).await;
            let empty = empty.expect("instances can be queried");
            assert_eq!(ids(&empty), [""; 0], "{page:?}");
            assert_eq!(empty.next, Some(incarnations[next]), "{page:?}");
        }
        let whole = store.query(&none, &first_page(100, order)).await;
        assert_eq!(whole.expect("instances can be queried").next, None);
        let all = InstanceFilter::new();
        let all = store.query(&all, &first_page(100, order)).await;
        let all = all.expect("instances can be queried").rows;
        let all_bytes = all.iter().map(InstanceRows::bytes).sum();

        for (filter, expected) in &conditions {
            // Also where the page might end by what it holds, and does not.
            for (walk, bytes) in [
                (1, usize::MAX),
                (2, all_bytes),
                (4, all_bytes),
                (100, all_bytes),
            ] {
                let mut page = PageRequest {
                    walk,
                    bytes,
                    ..first_page(100, order)
                };
                let mut found = Vec::new();
                loop {
                    let part = store.query(filter, &page).await;
                    let part = part.expect("instances can be queried");
                    assert!(part.rows.len() <= walk, "{} of {walk}", part.rows.len());
                    found.extend(ids(&part));
                    if part.next.is_none() {
                        break;
                    }
                    assert_ne!(part.next, page.after, "{filter:?}: it goes on");
                    page.after = part.next;
                }
                if order == Order::NewestFirst {
                    found.reverse();
                }
                assert_eq!(found, *expected, "{filter:?} in walks of {walk}");
            }
        }
    }
}

/// What is there all the while is on exactly one page.
pub async fn pages_stay_true_while_instances_come_and_go(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut stay = Vec::new();
        for number in 0..30_u128 {
            let id = format!("{order:?}-{number:02}");
            owner
                .ended(create(&id, execution(number)), RuntimeStatus::Completed)
                .await;
            if number % 3 != 0 {
                stay.push(id);
            }
        }
        let filter = InstanceFilter::new().id_prefix(format!("{order:?}-"));
        let (mut found, mut after) = (Vec::new(), None);
        for round in 0.. {
            let page = PageRequest {
                after,
                limit: 4,
                bytes: usize::MAX,
                walk: usize::MAX,
                order,
            };
            let rows = store.query(&filter, &page).await;
            let rows = rows.expect("instances can be queried").rows;
            let Some(last) = rows.last() else { break };
            after = Some(last.header.incarnation);
            found.extend(rows.iter().map(|rows| rows.header.id.as_str().to_owned()));
            if round < 5 {
                // One goes, one comes, and one comes in the place of another: before the page, on it, or behind it.
                let mut replacing = create(&format!("{order:?}-{:02}", 3 * round), execution(100));
                replacing.replaces = vec![RuntimeStatus::Completed];
                let gone = instance_id(&format!("{order:?}-{:02}", 27 - 3 * round));
                let results = owner
                    .commit(&[
                        Write::Purge { id: gone },
                        Write::Create(create(&format!("{order:?}-new-{round}"), execution(100))),
                        Write::Create(replacing),
                    ])
                    .await;
                assert!(results.iter().all(Result::is_ok), "{results:?}");
            }
        }
        let mut once = found.clone();
        once.sort();
        once.dedup();
        let stayed: Vec<_> = once
            .iter()
            .filter(|id| stay.contains(id))
            .cloned()
            .collect();
        assert_eq!(stayed, stay);
        for id in &stay {
            let times = found.iter().filter(|found| *found == id).count();
            assert_eq!(times, 1, "{id}");
        }
    }
}

/// As a reader of each one sees it.
pub async fn listed_instance_is_what_a_reader_sees(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut first = create("first", execution(1));
    first.custom_status = Some("\"queued\"".to_owned());
    let incarnation = owner.create(first).await;
    owner
        .write(report(incarnation, execution(1), 1, progress(1, "1")))
        .await
        .expect("a report is stored");
    let ended = owner.create(create("second", execution(2))).await;
    owner.advance(last_episode(ended, execution(2), 1)).await;
    let page = first_page(10, Order::OldestFirst);
    let listed = store.query(&InstanceFilter::new(), &page).await;
    let read = vec![owner.read("first").await, owner.read("second").await];
    assert_eq!(listed.expect("instances can be queried").rows, read);
}

/// Of a page that ended at an instance which nobody knows, too.
pub async fn pages_may_begin_anywhere(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    for (after, order, expected) in [
        (Incarnation(0), Order::OldestFirst, &["demo"][..]),
        (incarnation, Order::OldestFirst, &[]),
        (Incarnation(u64::MAX), Order::OldestFirst, &[]),
        (Incarnation(0), Order::NewestFirst, &[]),
        (incarnation, Order::NewestFirst, &[]),
        (Incarnation(u64::MAX), Order::NewestFirst, &["demo"]),
    ] {
        let page = PageRequest {
            after: Some(after),
            limit: 10,
            bytes: usize::MAX,
            walk: usize::MAX,
            order,
        };
        assert_eq!(
            owner.page(&InstanceFilter::new(), page).await,
            expected,
            "{page:?}"
        );
    }
}

/// A custom status, a version and a place in a family change while an instance is listed.
pub async fn lists_follow_what_instances_become(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let failed = InstanceFilter::new().runtime_status([RuntimeStatus::Failed]);
    let held = InstanceFilter::new().stalled(true);
    assert_eq!(owner.find(&failed).await, [""; 0]);
    let mut write = last_episode(incarnation, execution(1), 1);
    write.row.runtime_status = RuntimeStatus::Failed;
    owner.advance(write).await;
    assert_eq!(owner.find(&failed).await, ["demo"]);
    owner
        .write(Write::Rewind {
            id: instance_id("demo"),
            at: at(9),
            event: "again".to_owned(),
        })
        .await
        .expect("it is rewound");
    assert_eq!(owner.find(&failed).await, [""; 0]);
    owner
        .write(stalled(incarnation, Some("no such activity")))
        .await
        .expect("it stalls");
    assert_eq!(owner.find(&held).await, ["demo"]);
    owner.advance(episode(incarnation, execution(1), 2)).await;
    assert_eq!(owner.find(&held).await, [""; 0]);
}
