//! Instance ids are any text that [`InstanceId`](crate::InstanceId) allows, byte for byte.

use super::fixtures::{
    Owner, child_of, create, episode, execution, instance_id, send, start_child,
};
use crate::model::query::InstanceFilter;
use crate::store::{Destination, Store};

/// Ids that a statement, a pattern, a collation or a key of a bounded length may take for something else. No two are the same.
fn odd() -> Vec<String> {
    let short = [
        "'",
        "\"",
        "''",
        "a'; DROP TABLE instances; --",
        "%",
        "_",
        "a%",
        "a_",
        "a*",
        "[a]",
        "$1",
        ":a",
        " a",
        "a ",
        "a",
        "A",
        "\u{e9}",
        "e\u{301}",
        "\u{e9} ",
        "stra\u{df}e",
        "strasse",
        "\u{131}",
        "i",
        "I",
        "\u{feff}a",
        "a\u{200b}",
        "한국어 😀",
        "null",
        "0",
        "00",
        "1e0",
        "...",
    ];
    let long = [
        "x".repeat(255),
        "x".repeat(256),
        "한".repeat(256),
        "😀".repeat(128),
    ];
    short.map(str::to_owned).into_iter().chain(long).collect()
}

/// The longest has 256 UTF-16 units, which are up to 768 bytes.
pub async fn odd_ids_are_told_apart(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for (number, id) in odd().iter().enumerate() {
        owner.create(create(id, execution(number as u128))).await;
    }
    for (number, id) in odd().iter().enumerate() {
        let header = owner.load(id).await.header;
        assert_eq!(
            (header.id.as_str(), header.execution_id),
            (id.as_str(), execution(number as u128))
        );
        assert_eq!(&owner.read(id).await.header, &header);
    }
    assert_eq!(owner.find(&InstanceFilter::new()).await, odd());
}

/// A prefix is no pattern.
pub async fn odd_ids_are_found_by_their_beginning(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for (number, id) in odd().iter().enumerate() {
        owner.create(create(id, execution(number as u128))).await;
    }
    for prefix in odd() {
        let begin_so = odd().into_iter().filter(|id| id.starts_with(&prefix));
        let filter = InstanceFilter::new().id_prefix(prefix.as_str());
        assert_eq!(
            owner.find(&filter).await,
            begin_so.collect::<Vec<_>>(),
            "{prefix}"
        );
    }
}

/// Also for those that messages go to, and that are somebody's parent.
pub async fn odd_ids_are_reached(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for (number, id) in odd().iter().enumerate() {
        let (parent, child) = (
            execution(2 * number as u128),
            execution(2 * number as u128 + 1),
        );
        let incarnation = owner.create(create(id, parent)).await;
        let mut write = episode(incarnation, parent, 1);
        let child_id = format!("child{number}");
        write.children = vec![start_child(child_of(
            id,
            parent,
            0,
            create(&child_id, child),
        ))];
        write.messages = vec![
            send(Destination::Instance(instance_id(id)), "\"to itself\""),
            send(Destination::Children, "\"to its child\""),
        ];
        owner.notified(write).await;
        assert_eq!(owner.messages(id).await, ["\"to itself\""], "{id}");
        assert_eq!(
            owner.messages(&child_id).await,
            ["\"to its child\""],
            "{id}"
        );
        let filter = InstanceFilter::new().parent(instance_id(id));
        assert_eq!(owner.find(&filter).await, [child_id], "{id}");
    }
}
