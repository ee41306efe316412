//! The conformance suite finds what is wrong with a store: each of these defects, in an otherwise good store, breaks the case that is
//! about it.

#![expect(
    clippy::unwrap_used,
    reason = "a test panics when something is not as it should be"
)]

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use futures_executor::block_on;
use steadfast::model::instance::Incarnation;
use steadfast::store::memory::MemoryStore;
use steadfast::store::{
    BoxFuture, ChangeRow, Epoch, InboxRow, InstancePage, InstanceRows, Ownership, PageRequest,
    Refused, Store, StoreError, StoreErrorKind, StoredInstance, TimerPosition, Write, WriteResult,
    Written,
};
use steadfast::testing::conformance::{CASES, REOPEN_CASES, Reopen};
use steadfast::{InstanceFilter, InstanceId, RuntimeStatus, Timestamp};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    None,
    GivesTheSameEpochAgain,
    BelievesEveryEpoch,
    RefusesARepeatedEpisode,
    FailsTheBatchForOneRefusal,
    CommitsOneByOne,
    WaitsInTheMiddleOfACommit,
    AnswersForTheFirstWriteOnly,
    NotifiesNobody,
    TrimsStatuses,
    EndsTextsAtNul,
    CutsLongTexts,
    KeepsMilliseconds,
    IgnoresCaseOfIds,
    CutsLongIds,
    TakesPrefixesForPatterns,
    TurnsTheInboxAround,
    ReadsTheInboxFromItsBegin,
    AttendsWithoutLimit,
    RepeatsTheLastTimer,
    LeavesOutputsOut,
    ForgetsHowMuchAPageHolds,
    WalksToTheEnd,
    SkipsAnInstanceBetweenPages,
    CountsPagesOnly,
    PurgesFromTheBegin,
    PurgesToTheEnd,
    ForgetsWhereChangesBegin,
}

/// Which case is about it.
const CAUGHT: &[(Defect, &str)] = &[
    (
        Defect::GivesTheSameEpochAgain,
        "ownership::every_epoch_is_greater_than_the_last",
    ),
    (
        Defect::BelievesEveryEpoch,
        "ownership::later_acquire_fences_the_earlier_owner",
    ),
    (
        Defect::RefusesARepeatedEpisode,
        "episodes::repeated_episode_is_stored_once",
    ),
    (
        Defect::FailsTheBatchForOneRefusal,
        "episodes::refused_write_fails_no_other",
    ),
    (
        Defect::CommitsOneByOne,
        "concurrency::readers_see_whole_commits",
    ),
    (
        Defect::WaitsInTheMiddleOfACommit,
        "concurrency::dropped_commit_is_applied_entirely_or_not_at_all",
    ),
    (
        Defect::AnswersForTheFirstWriteOnly,
        "concurrency::thousands_of_writes_are_one_commit",
    ),
    (
        Defect::NotifiesNobody,
        "messages::message_waits_for_its_recipient",
    ),
    (
        Defect::TrimsStatuses,
        "payloads::texts_are_kept_byte_for_byte",
    ),
    (
        Defect::EndsTextsAtNul,
        "payloads::versions_tags_and_reports_are_kept_byte_for_byte",
    ),
    (Defect::CutsLongTexts, "payloads::large_texts_are_kept"),
    (
        Defect::KeepsMilliseconds,
        "payloads::times_are_kept_in_whole_microseconds",
    ),
    (Defect::IgnoresCaseOfIds, "create::ids_are_case_sensitive"),
    (Defect::CutsLongIds, "ids::odd_ids_are_told_apart"),
    (
        Defect::TakesPrefixesForPatterns,
        "ids::odd_ids_are_found_by_their_beginning",
    ),
    (
        Defect::TurnsTheInboxAround,
        "inbox::messages_wait_in_order_of_arrival",
    ),
    (
        Defect::ReadsTheInboxFromItsBegin,
        "inbox::inbox_is_read_on_behind_a_message",
    ),
    (
        Defect::AttendsWithoutLimit,
        "queries::attention_is_paged_by_incarnation",
    ),
    (
        Defect::RepeatsTheLastTimer,
        "queries::timers_are_paged_by_time_and_incarnation",
    ),
    (
        Defect::LeavesOutputsOut,
        "queries::read_gives_input_and_output",
    ),
    (
        Defect::ForgetsHowMuchAPageHolds,
        "search::pages_end_where_they_hold_too_much",
    ),
    (
        Defect::WalksToTheEnd,
        "search::pages_end_where_enough_was_walked",
    ),
    (
        Defect::SkipsAnInstanceBetweenPages,
        "search::pages_are_complete_whatever_their_size",
    ),
    (
        Defect::CountsPagesOnly,
        "search::matching_instances_are_counted_by_status",
    ),
    (
        Defect::PurgesFromTheBegin,
        "purge::purge_goes_on_behind_where_it_ended",
    ),
    (
        Defect::PurgesToTheEnd,
        "purge::purge_ends_where_enough_was_walked",
    ),
    (
        Defect::PurgesToTheEnd,
        "purge::purge_ends_where_enough_history_was_deleted",
    ),
    (
        Defect::ForgetsWhereChangesBegin,
        "changes::page_begins_behind_any_sequence",
    ),
];

/// A store with a defect.
#[derive(Debug)]
struct Defective {
    store: MemoryStore,
    defect: Defect,
    newest: Mutex<Option<Ownership>>,
    seen: Mutex<HashSet<(Incarnation, u64)>>,
}

impl Defective {
    fn new(defect: Defect) -> Self {
        Self {
            store: MemoryStore::new(),
            defect,
            newest: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    /// The id that it keeps for this one.
    fn id(&self, id: &InstanceId) -> InstanceId {
        let kept = match self.defect {
            Defect::IgnoresCaseOfIds => id.as_str().to_lowercase(),
            Defect::CutsLongIds => id.as_str().chars().take(255).collect(),
            _ => return id.clone(),
        };
        InstanceId::parse(kept).unwrap()
    }

    fn text(&self, text: &mut String) {
        match self.defect {
            Defect::EndsTextsAtNul => text.truncate(text.find('\0').unwrap_or(text.len())),
            Defect::CutsLongTexts => text.truncate(text.len().min(1 << 20)),
            _ => {}
        }
    }

    fn time(&self, time: &mut Timestamp) {
        if self.is(Defect::KeepsMilliseconds) {
            *time = Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(*time);
        }
    }

    /// The write that it makes of this one.
    fn write(&self, write: &Write) -> Write {
        let mut write = write.clone();
        match &mut write {
            Write::Create(create) => {
                create.id = self.id(&create.id);
                self.time(&mut create.created_at);
                create.version.iter_mut().for_each(|text| self.text(text));
            }
            Write::Episode(episode) => {
                self.text(&mut episode.row.events);
                if self.is(Defect::TrimsStatuses) {
                    let status = episode.row.custom_status.as_mut();
                    status
                        .into_iter()
                        .for_each(|text| *text = text.trim().to_owned());
                }
            }
            Write::PurgeWhere(purge) => match self.defect {
                Defect::PurgesFromTheBegin => purge.after = Incarnation(0),
                Defect::PurgesToTheEnd => purge.walk = usize::MAX,
                _ => {}
            },
            _ => {}
        }
        write
    }

    async fn write_all(
        &self,
        epoch: Epoch,
        writes: &[Write],
    ) -> Result<Vec<WriteResult>, StoreError> {
        let writes: Vec<_> = writes.iter().map(|write| self.write(write)).collect();
        let one_by_one = [Defect::CommitsOneByOne, Defect::WaitsInTheMiddleOfACommit];
        if !one_by_one.contains(&self.defect) {
            return self.store.commit(epoch, &writes).await;
        }
        let mut results = self.store.commit(epoch, &[]).await?;
        for write in &writes {
            results.extend(
                self.store
                    .commit(epoch, std::slice::from_ref(write))
                    .await?,
            );
            if self.is(Defect::WaitsInTheMiddleOfACommit) {
                yields().await;
            }
            std::thread::yield_now();
        }
        Ok(results)
    }

    fn spoil(&self, writes: &[Write], results: &mut Vec<WriteResult>) -> Result<(), StoreError> {
        match self.defect {
            Defect::FailsTheBatchForOneRefusal if results.iter().any(Result::is_err) => {
                return Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    "one was refused",
                ));
            }
            Defect::AnswersForTheFirstWriteOnly => results.truncate(1),
            _ => {}
        }
        for (write, result) in writes.iter().zip(results) {
            if let (Write::Episode(episode), Ok(Written::Episode { notified })) =
                (write, &mut *result)
            {
                if self.is(Defect::NotifiesNobody) {
                    notified.clear();
                }
                let place = (episode.incarnation, episode.row.episode);
                let is_new = self.seen.lock().unwrap().insert(place);
                if self.is(Defect::RefusesARepeatedEpisode) && !is_new {
                    *result = Err(Refused::Stale);
                }
            }
        }
        Ok(())
    }
}

/// Is ready when it is asked a second time.
async fn yields() {
    let mut asked = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut asked, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

impl Store for Defective {
    fn acquire(&self, task_hub: Option<&str>) -> BoxFuture<'_, Result<Ownership, StoreError>> {
        let acquired = self.store.acquire(task_hub);
        Box::pin(async move {
            if let Some(newest) = &*self.newest.lock().unwrap()
                && self.is(Defect::GivesTheSameEpochAgain)
            {
                return Ok(newest.clone());
            }
            let acquired = acquired.await?;
            *self.newest.lock().unwrap() = Some(acquired.clone());
            Ok(acquired)
        })
    }

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        Box::pin(async move {
            let newest = self
                .newest
                .lock()
                .unwrap()
                .as_ref()
                .map(|newest| newest.epoch);
            let believed = match newest {
                Some(newest) if self.is(Defect::BelievesEveryEpoch) => newest,
                _ => epoch,
            };
            let mut results = self.write_all(believed, writes).await?;
            self.spoil(writes, &mut results)?;
            Ok(results)
        })
    }

    fn load<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<StoredInstance>, StoreError>> {
        Box::pin(async move {
            let mut stored = self.store.load(&self.id(id)).await?;
            if self.is(Defect::TurnsTheInboxAround) {
                stored.iter_mut().for_each(|stored| stored.inbox.reverse());
            }
            Ok(stored)
        })
    }

    fn read<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<InstanceRows>, StoreError>> {
        Box::pin(async move {
            let mut rows = self.store.read(&self.id(id)).await?;
            if self.is(Defect::LeavesOutputsOut) {
                rows.iter_mut().for_each(|rows| rows.last_events = None);
            }
            Ok(rows)
        })
    }

    fn needing_attention(
        &self,
        after: Incarnation,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Incarnation, InstanceId)>, StoreError>> {
        let limit = if self.is(Defect::AttendsWithoutLimit) {
            usize::MAX
        } else {
            limit
        };
        self.store.needing_attention(after, limit)
    }

    fn timers(
        &self,
        mut after: TimerPosition,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(TimerPosition, InstanceId)>, StoreError>> {
        if self.is(Defect::RepeatsTheLastTimer) {
            after.incarnation = Incarnation(after.incarnation.0.saturating_sub(1));
        }
        self.store.timers(after, limit)
    }

    fn inbox<'a>(
        &'a self,
        id: &'a InstanceId,
        incarnation: Incarnation,
        after: u64,
    ) -> BoxFuture<'a, Result<Vec<InboxRow>, StoreError>> {
        let after = if self.is(Defect::ReadsTheInboxFromItsBegin) {
            0
        } else {
            after
        };
        self.store.inbox(id, incarnation, after)
    }

    fn changes(
        &self,
        incarnation: Incarnation,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ChangeRow>, StoreError>> {
        let after = if self.is(Defect::ForgetsWhereChangesBegin) {
            0
        } else {
            after
        };
        self.store.changes(incarnation, after, limit)
    }

    fn query<'a>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<InstancePage, StoreError>> {
        Box::pin(async move {
            let (mut filter, mut page) = (filter.clone(), *page);
            if self.is(Defect::TakesPrefixesForPatterns)
                && filter
                    .id_prefix
                    .as_ref()
                    .is_some_and(|prefix| prefix.contains('%'))
            {
                filter.id_prefix = None;
            }
            if self.is(Defect::ForgetsHowMuchAPageHolds) {
                page.bytes = usize::MAX;
            }
            if self.is(Defect::WalksToTheEnd) {
                page.walk = usize::MAX;
            }
            let mut found = self.store.query(&filter, &page).await?;
            if self.is(Defect::SkipsAnInstanceBetweenPages)
                && page.after.is_some()
                && found.rows.len() > 1
            {
                found.rows.remove(0);
            }
            Ok(found)
        })
    }

    fn counts<'a>(
        &'a self,
        filter: &'a InstanceFilter,
    ) -> BoxFuture<'a, Result<Vec<(RuntimeStatus, u64)>, StoreError>> {
        Box::pin(async move {
            let mut counts = self.store.counts(filter).await?;
            if self.is(Defect::CountsPagesOnly) {
                counts
                    .iter_mut()
                    .for_each(|(_, count)| *count = (*count).min(1));
            }
            Ok(counts)
        })
    }
}

/// Whether a case holds for a store with this defect.
fn holds(defect: Defect, name: &str) -> bool {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("there is no case `{name}`"));
    let store = Defective::new(defect);
    catch_unwind(AssertUnwindSafe(|| block_on((case.run)(&store)))).is_ok()
}

#[test]
fn every_case_holds_without_a_defect() {
    for case in CASES {
        assert!(holds(Defect::None, case.name), "{}", case.name);
    }
}

#[test]
fn every_defect_is_caught_by_the_case_that_is_about_it() {
    for (defect, name) in CAUGHT {
        // What only shows now and then is looked for until it does.
        let caught = (0..100).any(|_| !holds(*defect, name));
        assert!(caught, "{defect:?} is not caught by {name}");
    }
}

#[test]
fn a_store_that_forgets_when_it_is_closed_is_caught() {
    let open: Reopen<'_> = &|| Box::new(MemoryStore::new());
    let mut kept = Vec::new();
    for case in REOPEN_CASES {
        if catch_unwind(AssertUnwindSafe(|| block_on((case.run)(open)))).is_ok() {
            kept.push(case.name);
        }
    }
    assert_eq!(kept, [""; 0]);
}
