//! What goes in comes out.

use jiff::{SignedDuration, Timestamp};

use super::fixtures::{Owner, at, create, episode, execution, last_episode, progress};
use crate::model::query::InstanceFilter;
use crate::model::status::ActivityProgress;
use crate::store::Store;

/// Texts that something between here and the disk may want to change.
const HARD: [&str; 9] = [
    "",
    " \t leading and trailing \r\n",
    "\\ \\\\ \\u0041 \\n",
    "'; DROP TABLE instances; -- \"%s\" ?1 :a @b $c",
    "\0 in front, \0 between, at the end \0",
    "\u{1}\u{8}\u{b}\u{1b}\u{7f}\u{85}",
    "안녕 😀 e\u{301} \u{e9} \u{feff} \u{fffd} \u{10ffff} \u{202e}",
    "1e5",
    "{\"a\":  1.00, \"a\": 2}",
];

async fn round_trip(store: &dyn Store, texts: &[&str]) {
    let owner = Owner::of(store).await;
    for (number, text) in texts.iter().copied().enumerate() {
        let (id, execution) = (format!("i{number}"), execution(number as u128));
        let mut create = create(&id, execution);
        create.name = text.to_owned();
        create.events = text.to_owned();
        create.custom_status = Some(text.to_owned());
        let incarnation = owner.create(create).await;
        owner.enqueue(incarnation, text).await;
        let mut write = episode(incarnation, execution, 1);
        write.row.events = text.to_owned();
        write.row.custom_status = Some(text.to_owned());
        write.stalled = Some(text.to_owned());
        owner.advance(write.clone()).await;
        owner.advance(write).await;
        let stored = owner.load(&id).await;
        assert_eq!(
            (
                stored.header.name.as_str(),
                stored.header.stalled.as_deref()
            ),
            (text, Some(text))
        );
        for row in &stored.history {
            assert_eq!(
                (row.events.as_str(), row.custom_status.as_deref()),
                (text, Some(text))
            );
        }
        assert_eq!(stored.inbox[0].event, text);
        let mut write = last_episode(incarnation, execution, 2);
        write.row.events = text.to_owned();
        owner.advance(write).await;
        let rows = owner.read(&id).await;
        assert_eq!(
            (rows.first_events.as_str(), rows.custom_status.as_deref()),
            (text, Some(text))
        );
        assert_eq!(rows.last_events.as_deref(), Some(text));
    }
}

/// No text is normalised, trimmed, unescaped or taken for a number or a statement.
pub async fn texts_are_kept_byte_for_byte(store: &dyn Store) {
    round_trip(store, &HARD).await;
}

/// They are found by these texts too.
pub async fn versions_tags_and_reports_are_kept_byte_for_byte(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for (number, text) in HARD.into_iter().enumerate() {
        let (id, execution) = (format!("i{number}"), execution(number as u128));
        let mut create = create(&id, execution);
        create.version = Some(text.to_owned());
        create.tags = [(text.to_owned(), text.to_owned())].into();
        let incarnation = owner.create(create).await;
        let report = ActivityProgress {
            name: text.to_owned(),
            ..progress(1, text)
        };
        let written = owner.write(super::fixtures::report(incarnation, execution, 1, report));
        written.await.expect("a report is stored");
        let stored = owner.load(&id).await;
        assert_eq!(stored.header.version.as_deref(), Some(text));
        assert_eq!(
            (&*stored.progress[0].name, &*stored.progress[0].details),
            (text, text)
        );
        for filter in [
            InstanceFilter::new().version(text),
            InstanceFilter::new().tag(text, text),
        ] {
            assert_eq!(owner.find(&filter).await, [id.as_str()], "{text:?}");
        }
    }
}

/// A mebibyte and a bit, of one and of several bytes per character.
pub async fn large_texts_are_kept(store: &dyn Store) {
    let (narrow, wide) = ("x\\".repeat(512 * 1024 + 1), "가😀".repeat(150 * 1024 + 1));
    round_trip(store, &[&narrow, &wide]).await;
}

/// Before 1970 and at both ends of time, too. What is finer than a microsecond is cut.
pub async fn times_are_kept_in_whole_microseconds(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let times = [
        at(0) + SignedDuration::from_micros(123_456),
        Timestamp::UNIX_EPOCH,
        Timestamp::UNIX_EPOCH - SignedDuration::from_micros(1),
        Timestamp::MIN,
        Timestamp::MAX,
    ];
    for (number, time) in times.into_iter().enumerate() {
        let (id, execution) = (format!("i{number}"), execution(number as u128));
        let mut create = create(&id, execution);
        create.created_at = time;
        let incarnation = owner.create(create).await;
        let mut write = episode(incarnation, execution, 1);
        write.last_updated_at = time;
        write.next_timer = Some(time);
        owner.advance(write).await;
        let header = owner.load(&id).await.header;
        let kept = time.as_microsecond();
        assert_eq!(header.created_at.as_microsecond(), kept);
        assert_eq!(header.last_updated_at.as_microsecond(), kept);
        assert_eq!(
            header.next_timer.map(|time| time.as_microsecond()),
            Some(kept)
        );
        assert_eq!(header.created_at.subsec_nanosecond() % 1000, 0);
    }
}
