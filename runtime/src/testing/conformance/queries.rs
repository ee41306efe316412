//! Queries over many instances, and what a reader gets of one.

use super::fixtures::{
    FIRST_TIMER, Owner, at, create, episode, execution, instance_id, last_episode,
};
use crate::model::instance::Incarnation;
use crate::model::status::RuntimeStatus;
use crate::store::{Store, TimerPosition, Write};

const FIRST: Incarnation = Incarnation(0);

/// One that waits for a message or timer is found when that comes.
pub async fn idle_instance_needs_no_attention(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    assert_eq!(
        owner.attention(FIRST, 10).await,
        [(incarnation, instance_id("demo"))],
        "it has never run"
    );
    owner.advance(episode(incarnation, execution(1), 1)).await;
    assert_eq!(owner.attention(FIRST, 10).await, []);
}

/// Until it is taken; and once only, whatever else is to be done.
pub async fn waiting_message_needs_attention(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let found = [(incarnation, instance_id("demo"))];
    owner.enqueue(incarnation, "a").await;
    owner.enqueue(incarnation, "b").await;
    assert_eq!(owner.attention(FIRST, 10).await, found);
    owner.advance(episode(incarnation, execution(1), 1)).await;
    assert_eq!(owner.attention(FIRST, 10).await, found);
    let mut write = episode(incarnation, execution(1), 2);
    write.inbox_taken = owner
        .load("demo")
        .await
        .inbox
        .last()
        .map(|row| row.sequence);
    owner.advance(write).await;
    assert_eq!(owner.attention(FIRST, 10).await, []);
}

/// Not even one that ended with messages that it did not take.
pub async fn ended_instance_needs_no_attention(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for (number, status) in [
        RuntimeStatus::Completed,
        RuntimeStatus::Failed,
        RuntimeStatus::Canceled,
        RuntimeStatus::Terminated,
    ]
    .into_iter()
    .enumerate()
    {
        let execution = execution(number as u128);
        let incarnation = owner.create(create(status.as_str(), execution)).await;
        owner.enqueue(incarnation, "a").await;
        let mut write = last_episode(incarnation, execution, 1);
        write.row.runtime_status = status;
        write.needs_attention = true;
        owner.advance(write).await;
    }
    assert_eq!(owner.attention(FIRST, 10).await, []);
}

/// Those with messages and those that say so, in one order.
pub async fn attention_is_paged_by_incarnation(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut expected = Vec::new();
    for number in 0..12 {
        let id = format!("i{number}");
        let incarnation = owner.create(create(&id, execution(number))).await;
        if number % 3 != 0 {
            owner
                .advance(episode(incarnation, execution(number), 1))
                .await;
        }
        if number % 3 == 1 {
            owner.enqueue(incarnation, "a").await;
        }
        if number % 3 != 2 {
            expected.push((incarnation, instance_id(&id)));
        }
    }
    for limit in [1, 3, 8, 100] {
        let mut found = Vec::new();
        let mut after = FIRST;
        loop {
            let page = owner.attention(after, limit).await;
            assert!(page.len() <= limit, "{} of at most {limit}", page.len());
            let Some((last, _)) = page.last() else { break };
            after = *last;
            found.extend(page);
            assert!(found.len() <= expected.len(), "pages of {limit} go on");
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
    assert_eq!(owner.attention(FIRST, 0).await, []);
}

/// Also when many are due at one time, and when pages end in the middle of them.
pub async fn timers_are_paged_by_time_and_incarnation(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut expected = Vec::new();
    for (number, due) in [5, -5_000_000_000, 3, 5, 5, 1, 5, 3]
        .into_iter()
        .enumerate()
    {
        let (id, execution) = (format!("i{number}"), execution(number as u128));
        let incarnation = owner.create(create(&id, execution)).await;
        let mut write = episode(incarnation, execution, 1);
        write.next_timer = Some(at(due));
        owner.advance(write).await;
        expected.push((
            TimerPosition {
                fire_at: at(due),
                incarnation,
            },
            instance_id(&id),
        ));
    }
    owner.create(create("without", execution(99))).await;
    expected.sort_by_key(|(position, _)| *position);
    for limit in [1, 2, 3, 100] {
        let mut found = Vec::new();
        let mut after = FIRST_TIMER;
        loop {
            let page = owner.timers(after, limit).await;
            assert!(page.len() <= limit, "{} of at most {limit}", page.len());
            let Some((last, _)) = page.last() else { break };
            after = *last;
            found.extend(page);
            assert!(found.len() <= expected.len(), "pages of {limit} go on");
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
    let between = TimerPosition {
        fire_at: at(4),
        incarnation: Incarnation(u64::MAX),
    };
    assert_eq!(owner.timers(between, 100).await, expected[4..]);
    assert_eq!(owner.timers(FIRST_TIMER, 0).await, []);
}

/// The timer is that of the last episode.
pub async fn episode_moves_and_removes_the_timer(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    for (number, due) in [(1, Some(at(60))), (2, Some(at(30))), (3, None)] {
        let mut write = episode(incarnation, execution(1), number);
        write.next_timer = due;
        owner.advance(write).await;
        let found: Vec<_> = owner
            .timers(FIRST_TIMER, 10)
            .await
            .iter()
            .map(|(at, _)| at.fire_at)
            .collect();
        assert_eq!(found, Vec::from_iter(due));
    }
}

/// Even if its last episode forgot one.
pub async fn ended_instance_has_no_timer(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let mut write = last_episode(incarnation, execution(1), 1);
    write.next_timer = Some(at(60));
    owner.advance(write).await;
    assert_eq!(owner.timers(FIRST_TIMER, 10).await, []);
}

/// Queries find the new instance only.
pub async fn replaced_instance_has_neither_timer_nor_attention(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let old = owner.create(create("demo", execution(1))).await;
    let mut write = episode(old, execution(1), 1);
    write.next_timer = Some(at(60));
    owner.advance(write).await;
    owner.enqueue(old, "a").await;
    let mut replacing = create("demo", execution(2));
    replacing.replaces = vec![RuntimeStatus::Running];
    let new = owner.create(replacing).await;
    assert_eq!(owner.timers(FIRST_TIMER, 10).await, []);
    assert_eq!(
        owner.attention(FIRST, 10).await,
        [(new, instance_id("demo"))]
    );
}

/// The input is in the row that began the execution, the output in the one that ended it.
pub async fn read_gives_input_and_output(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner.advance(episode(incarnation, execution(1), 1)).await;
    let rows = owner.read("demo").await;
    assert_eq!(
        (rows.first_events.as_str(), rows.last_events),
        ("[\"started demo\"]", None)
    );
    let mut write = last_episode(incarnation, execution(1), 2);
    write.row.events = "[\"done\"]".to_owned();
    assert_eq!(owner.commit(&[Write::Episode(write)]).await.len(), 1);
    let rows = owner.read("demo").await;
    assert_eq!(rows.header, owner.load("demo").await.header);
    assert_eq!(
        (rows.first_events.as_str(), rows.last_events.as_deref()),
        ("[\"started demo\"]", Some("[\"done\"]"))
    );
}
