//! Commits are transactions, whoever else reads and writes meanwhile, and whoever still waits for them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;

use futures_executor::block_on;

use super::fixtures::{Owner, committed, create, episode, execution, instance_id};
use crate::model::query::InstanceFilter;
use crate::store::{BoxFuture, Refused, Store, StoreErrorKind, Write, Written};

/// How many times that is tried which may go wrong now and then.
const TIMES: u64 = 20;

/// Two episodes of one commit are both there or neither, and so are the header and the rows of an instance.
pub async fn readers_see_whole_commits(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let first = owner.create(create("first", execution(1))).await;
    let second = owner.create(create("second", execution(2))).await;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let loaded = |id| block_on(store.load(&instance_id(id))).expect("loaded");
                let earlier = loaded("first").expect("it is there");
                let later = loaded("second").expect("it is there");
                for stored in [&earlier, &later] {
                    let rows: Vec<_> = stored.history.iter().map(|row| row.episode).collect();
                    let all: Vec<_> = (0..=stored.header.episode).collect();
                    assert_eq!(rows, all, "an instance is loaded as it was at one time");
                }
                assert!(
                    earlier.header.episode <= later.header.episode,
                    "one episode of a commit is visible before the other"
                );
                thread::yield_now();
            }
        });
        let committer = scope.spawn(|| {
            let _end = SetAtEnd(&done);
            for number in 1..=TIMES {
                // Of both orders in which a store may apply them, one shows.
                let mut writes = [
                    Write::Episode(episode(first, execution(1), number)),
                    Write::Episode(episode(second, execution(2), number)),
                ];
                if number % 2 == 0 {
                    writes.reverse();
                }
                let results = block_on(owner.commit(&writes));
                assert_eq!(results, [committed(), committed()]);
            }
        });
        committer.join().expect("the owner can commit");
        reader.join().expect("the reader saw whole commits");
    });
}

/// Says so at the end, whatever that is.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Each is a transaction of its own: an id is given once, and so is an incarnation.
pub async fn commits_at_the_same_time_come_one_after_the_other(store: &dyn Store) {
    let epoch = store.acquire(None).await.expect("acquired").epoch;
    let results: Vec<_> = thread::scope(|scope| {
        let committers: Vec<_> = (0..4_u128)
            .map(|committer| {
                let own = format!("own{committer}");
                let number = 2 * committer;
                let writes = [
                    Write::Create(create(&own, execution(number))),
                    Write::Create(create("shared", execution(number + 1))),
                ];
                scope.spawn(move || block_on(store.commit(epoch, &writes)))
            })
            .collect();
        let results = committers.into_iter().map(|committer| committer.join());
        results.map(|result| result.expect("no panic")).collect()
    });
    let mut incarnations = Vec::new();
    let mut refused = 0;
    for results in results {
        for result in results.expect("the owner can commit") {
            match result {
                Ok(Written::Created { incarnation, .. }) => incarnations.push(incarnation),
                Err(Refused::Exists(header)) => {
                    assert_eq!(header.id, instance_id("shared"));
                    refused += 1;
                }
                other => panic!("an instance is created or is there, but: {other:?}"),
            }
        }
    }
    incarnations.sort_unstable();
    incarnations.dedup();
    assert_eq!(
        (incarnations.len(), refused),
        (5, 3),
        "each id is given once"
    );
}

/// When `acquire` has answered, nothing of an earlier owner changes anything any more, also when it asked before.
pub async fn nothing_of_an_earlier_owner_is_applied_after_acquiring(store: &dyn Store) {
    let earlier = store.acquire(None).await.expect("acquired").epoch;
    let counted = || async {
        let counts = store.counts(&InstanceFilter::new()).await.expect("counted");
        counts.iter().map(|(_, count)| count).sum::<u64>()
    };
    let begun = AtomicBool::new(false);
    let at_takeover = thread::scope(|scope| {
        let committer = scope.spawn(|| {
            // It ends when it is fenced, or else when it has gone on for much longer than that may take.
            for number in 0..1_000 {
                let write = create(&format!("i{number}"), execution(number));
                match block_on(store.commit(earlier, &[Write::Create(write)])) {
                    Ok(_) => begun.store(true, Ordering::SeqCst),
                    Err(error) => return error.kind() == StoreErrorKind::Fenced,
                }
                // Who acquires has to come to it.
                thread::yield_now();
            }
            false
        });
        while !begun.load(Ordering::SeqCst) && !committer.is_finished() {
            thread::yield_now();
        }
        let takeover = scope.spawn(|| {
            block_on(async {
                store.acquire(None).await.expect("acquired");
                counted().await
            })
        });
        let at_takeover = takeover.join().expect("no panic");
        assert!(committer.join().expect("no panic"), "it is fenced at last");
        at_takeover
    });
    let later = counted().await;
    assert_eq!(
        at_takeover, later,
        "instances before and after the fenced owner gave up"
    );
}

/// However far it has got: all of its writes are applied, or none, and the owner can go on.
pub async fn dropped_commit_is_applied_entirely_or_not_at_all(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for polls in 0..4_u128 {
        let [first, second] = ["first", "second"].map(|which| format!("{which}{polls}"));
        let writes = [
            Write::Create(create(&first, execution(2 * polls))),
            Write::Create(create(&second, execution(2 * polls + 1))),
        ];
        drop_after(polls, owner.begin(&writes));
        // Whatever is still under way is behind this.
        let after = create(&format!("after{polls}"), execution(100 + polls));
        owner.create(after).await;
        assert_eq!(
            owner.has(&first).await,
            owner.has(&second).await,
            "dropped after {polls} polls"
        );
    }
}

fn drop_after<T>(polls: u128, mut future: BoxFuture<'_, T>) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
    }
}

/// As many as the worker commits at a time, each with its answer.
pub async fn thousands_of_writes_are_one_commit(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let writes: Vec<_> = (0..2_048)
        .map(|number| Write::Create(create(&format!("i{}", number % 2_000), execution(number))))
        .collect();
    let results = owner.commit(&writes).await;
    let mut last = None;
    for (number, result) in results.into_iter().enumerate() {
        match result {
            Ok(Written::Created { incarnation, .. }) if number < 2_000 => {
                assert!(Some(incarnation) > last, "write {number}");
                last = Some(incarnation);
            }
            Err(Refused::Exists(header)) if number >= 2_000 => {
                assert_eq!(header.id, instance_id(&format!("i{}", number - 2_000)));
            }
            other => panic!("write {number}: {other:?}"),
        }
    }
}
