//! The contract of [`Store`] as tests, for whoever writes a store.
//!
//! Each case is an async function that takes a fresh store and panics when the store breaks its promise. The macro
//! [`store_conformance!`](crate::testing::store_conformance) makes a `#[test]` of each; [`CASES`] and [`REOPEN_CASES`] are
//! the same as lists, for other harnesses.
//!
//! Invariant: a case uses nothing but the trait, and fresh data.

pub mod changes;
pub mod children;
pub mod concurrency;
pub mod continued;
pub mod create;
pub mod custom_status;
pub mod episodes;
mod fixtures;
pub mod ids;
pub mod import;
pub mod inbox;
pub mod messages;
pub mod ownership;
pub mod payloads;
mod place;
pub mod progress;
pub mod purge;
pub mod queries;
pub mod reopen;
pub mod rewind;
pub mod search;

use std::fmt;

use futures_util::future::{BoxFuture, LocalBoxFuture};

pub use place::{Place, run, run_in, run_reopen, run_reopen_in};

use crate::store::Store;

/// A case for every store.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Case {
    /// Its module and function, for example `create::ids_are_case_sensitive`.
    pub name: &'static str,
    /// Runs it on a fresh store.
    pub run: fn(&dyn Store) -> BoxFuture<'_, ()>,
}

/// Opens the store of a test again. What was opened before is dropped by then.
pub type Reopen<'a> = &'a dyn Fn() -> Box<dyn Store>;

/// A case for stores that keep their data when they are closed.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ReopenCase {
    /// Its module and function.
    pub name: &'static str,
    /// Runs it on a place that holds no store yet.
    pub run: for<'a> fn(Reopen<'a>) -> LocalBoxFuture<'a, ()>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

impl fmt::Debug for ReopenCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReopenCase").field(&self.name).finish()
    }
}

/// Makes a `#[test]` of every case of the [conformance suite](crate::testing::conformance), in a module of this name.
///
/// The second argument is called once per test for a fresh store:
///
/// ```
/// use steadfast::store::memory::MemoryStore;
///
/// steadfast::testing::store_conformance!(memory, MemoryStore::new);
/// ```
///
/// A store that keeps its data when it is closed has more to prove. Its argument is called once per test for a fresh
/// place, and answers with a function that opens the store in that place, as often as it is called:
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # mod example {
/// use steadfast::store::sqlite::SqliteStore;
///
/// steadfast::testing::store_conformance!(sqlite, reopen: || {
///     let directory = tempfile::tempdir().unwrap();
///     move || SqliteStore::open(directory.path().join("app.db")).unwrap()
/// });
/// # }
/// ```
///
/// Where the store is opened by async code, or leaves something behind, it has a [`Place`](crate::testing::conformance::Place).
///
/// The tests are called `name::group::promise`: `cargo test sqlite::inbox` runs those of one group.
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, place: $create:expr) => {
        mod $name {
            #[allow(
                unused_imports,
                reason = "the argument may name everything that its module does"
            )]
            use super::*;

            $crate::__store_conformance_cases!(__store_conformance_tests, run_in, $create);
            $crate::__store_conformance_reopen_cases!(
                __store_conformance_tests,
                run_reopen_in,
                $create
            );
        }
    };
    ($name:ident, reopen: $place:expr) => {
        mod $name {
            #[allow(
                unused_imports,
                reason = "the argument may name everything that its module does"
            )]
            use super::*;

            $crate::__store_conformance_cases!(__store_conformance_tests, run, ($place)());
            $crate::__store_conformance_reopen_cases!(
                __store_conformance_tests,
                run_reopen,
                ($place)()
            );
        }
    };
    ($name:ident, $make:expr) => {
        mod $name {
            #[allow(
                unused_imports,
                reason = "the argument may name everything that its module does"
            )]
            use super::*;

            $crate::__store_conformance_cases!(__store_conformance_tests, run, $make);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_conformance_tests {
    ([$run:ident, $opener:expr] $($group:ident { $($case:ident,)* })*) => {
        $(
            mod $group {
                #[allow(unused_imports, reason = "the argument may name everything that its module does")]
                use super::*;

                $(
                    #[test]
                    fn $case() {
                        $crate::testing::conformance::$run($opener, $crate::testing::conformance::$group::$case);
                    }
                )*
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_conformance_list {
    ([$Case:ident] $($group:ident { $($case:ident,)* })*) => {
        &[$($(
            $Case {
                name: concat!(stringify!($group), "::", stringify!($case)),
                run: |store| Box::pin($group::$case(store)),
            },
        )*)*]
    };
}

/// Names every case for the macro `$then`.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_conformance_cases {
    ($then:ident, $($input:tt)*) => {
        $crate::$then! {
            [$($input)*]
            ownership {
                every_epoch_is_greater_than_the_last,
                new_store_takes_the_task_hub_it_is_given,
                new_store_without_a_name_holds_the_default_task_hub,
                owner_without_a_name_serves_the_hub_that_is_there,
                task_hub_names_differ_by_more_than_case,
                another_task_hub_is_refused_and_nothing_is_acquired,
                later_acquire_fences_the_earlier_owner,
                epoch_that_nobody_acquired_is_fenced,
            }
            concurrency {
                readers_see_whole_commits,
                commits_at_the_same_time_come_one_after_the_other,
                nothing_of_an_earlier_owner_is_applied_after_acquiring,
                dropped_commit_is_applied_entirely_or_not_at_all,
                thousands_of_writes_are_one_commit,
            }
            ids {
                odd_ids_are_told_apart,
                odd_ids_are_found_by_their_beginning,
                odd_ids_are_reached,
            }
            create {
                created_instance_is_pending_and_needs_attention,
                version_and_parent_are_kept,
                scheduled_instance_waits_for_its_time,
                unknown_id_is_not_found,
                taken_id_is_refused_with_its_header,
                unfinished_child_is_not_replaced,
                replaced_instance_is_gone_with_everything_of_it,
                status_that_is_not_named_is_not_replaced,
                creating_again_with_the_same_execution_changes_nothing,
                same_id_twice_in_a_batch_is_created_once,
                ids_are_case_sensitive,
                incarnations_grow,
            }
            episodes {
                episode_sets_every_column,
                next_episode_clears_what_it_does_not_set,
                episodes_apply_in_order_only,
                episodes_of_one_batch_apply_in_its_order,
                repeated_episode_is_stored_once,
                other_episode_of_the_same_number_is_stale,
                other_execution_is_stale,
                unknown_incarnation_is_stale,
                refused_write_fails_no_other,
                empty_commit_has_no_results,
            }
            continued {
                next_execution_begins_with_its_row,
                late_writes_of_the_earlier_execution_are_stale,
                repeated_continuation_is_stored_once,
                custom_status_is_that_of_the_row,
                messages_for_the_earlier_execution_are_gone,
                reports_of_the_earlier_execution_are_gone,
                executions_of_one_batch_follow_each_other,
            }
            changes {
                every_change_has_its_row,
                page_begins_behind_any_sequence,
                episodes_that_change_nothing_are_left_out,
                changes_of_earlier_executions_are_gone,
                an_incarnation_that_is_gone_has_none,
            }
            children {
                child_is_created_with_its_parent,
                refused_child_is_told_to_the_writer,
                refused_child_of_an_execution_that_ends_is_told_to_nobody,
                last_episode_may_start_children,
                child_replaces_what_gives_way,
                child_that_is_there_already_is_not_refused,
                repeated_or_refused_episode_does_nothing_to_others,
                generations_of_one_batch_follow_each_other,
            }
            messages {
                message_waits_for_its_recipient,
                message_to_itself_waits,
                message_that_nobody_can_take_is_dropped,
                message_to_a_child_reaches_no_other,
                message_to_children_reaches_all_unfinished_ones,
            }
            rewind {
                failed_instance_goes_on,
                only_a_failed_instance_is_rewound,
                failed_child_is_rewound,
                unfinished_child_is_left_alone,
                completed_child_answers_again,
                child_that_cannot_be_rewound_is_started_anew,
                child_whose_id_is_taken_meanwhile_is_told_to_the_writer,
                generations_are_rewound_in_one_batch,
            }
            purge {
                purged_instance_is_gone_with_everything_of_it,
                unfinished_or_unknown_instance_is_not_purged,
                only_the_ended_that_match_are_purged,
                oldest_are_purged_first,
                purge_goes_on_behind_where_it_ended,
                purge_ends_where_enough_was_walked,
                purge_ends_where_enough_history_was_deleted,
                instance_may_end_and_be_purged_in_one_batch,
            }
            progress {
                last_report_of_each_activity_is_kept,
                episode_deletes_the_reports_of_what_ended,
                late_report_is_stale,
            }
            import {
                imported_instance_is_as_it_was,
                imported_instance_may_have_ended,
                imported_instance_may_have_no_past,
                import_is_refused_or_repeated_as_a_create_is,
                rows_that_do_not_follow_one_another_are_refused,
            }
            custom_status {
                never_set_is_none,
                initial_value_is_read,
                last_value_set_is_read,
                untouched_value_stays,
                cleared_value_is_null,
            }
            inbox {
                messages_wait_in_order_of_arrival,
                episode_takes_messages_up_to_one,
                episode_that_takes_none_leaves_all,
                repeated_episode_takes_nothing_more,
                ended_instance_takes_no_message,
                unknown_instance_takes_no_message,
                inbox_is_read_on_behind_a_message,
                message_may_be_for_one_execution,
                stalled_instance_needs_attention,
                instance_that_is_no_longer_stalled_still_needs_attention,
                ended_or_unknown_instance_cannot_stall,
            }
            queries {
                idle_instance_needs_no_attention,
                waiting_message_needs_attention,
                ended_instance_needs_no_attention,
                attention_is_paged_by_incarnation,
                timers_are_paged_by_time_and_incarnation,
                episode_moves_and_removes_the_timer,
                ended_instance_has_no_timer,
                replaced_instance_has_neither_timer_nor_attention,
                read_gives_input_and_output,
            }
            search {
                each_condition_selects_those_that_meet_it,
                conditions_together_select_those_that_meet_all,
                matching_instances_are_counted_by_status,
                pages_are_complete_whatever_their_size,
                pages_end_where_they_hold_too_much,
                pages_end_where_enough_was_walked,
                pages_stay_true_while_instances_come_and_go,
                listed_instance_is_what_a_reader_sees,
                pages_may_begin_anywhere,
                lists_follow_what_instances_become,
            }
            payloads {
                texts_are_kept_byte_for_byte,
                versions_tags_and_reports_are_kept_byte_for_byte,
                large_texts_are_kept,
                times_are_kept_in_whole_microseconds,
            }
        }
    };
}

/// Names every case for stores that can be opened again.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_conformance_reopen_cases {
    ($then:ident, $($input:tt)*) => {
        $crate::$then! {
            [$($input)*]
            reopen {
                tags_parents_and_reports_are_there_after_reopening,
                everything_committed_is_there_after_reopening,
                refused_writes_are_not_there_after_reopening,
                epochs_grow_across_reopening,
                task_hub_stays_across_reopening,
                incarnations_grow_across_reopening,
                message_numbers_grow_across_reopening,
            }
        }
    };
}

/// Every case for every store.
pub const CASES: &[Case] = __store_conformance_cases!(__store_conformance_list, Case);

/// Every further case for stores that keep their data when they are closed.
pub const REOPEN_CASES: &[ReopenCase] =
    __store_conformance_reopen_cases!(__store_conformance_list, ReopenCase);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_listed() {
        for (group, source) in [
            ("ownership", include_str!("ownership.rs")),
            ("concurrency", include_str!("concurrency.rs")),
            ("ids", include_str!("ids.rs")),
            ("create", include_str!("create.rs")),
            ("episodes", include_str!("episodes.rs")),
            ("continued", include_str!("continued.rs")),
            ("children", include_str!("children.rs")),
            ("messages", include_str!("messages.rs")),
            ("rewind", include_str!("rewind.rs")),
            ("purge", include_str!("purge.rs")),
            ("progress", include_str!("progress.rs")),
            ("import", include_str!("import.rs")),
            ("changes", include_str!("changes.rs")),
            ("custom_status", include_str!("custom_status.rs")),
            ("inbox", include_str!("inbox.rs")),
            ("queries", include_str!("queries.rs")),
            ("search", include_str!("search.rs")),
            ("payloads", include_str!("payloads.rs")),
            ("reopen", include_str!("reopen.rs")),
        ] {
            let names = CASES
                .iter()
                .map(|case| case.name)
                .chain(REOPEN_CASES.iter().map(|case| case.name));
            let listed: Vec<_> = names
                .filter_map(|name| name.strip_prefix(group)?.strip_prefix("::"))
                .collect();
            let written: Vec<_> = source
                .lines()
                .filter_map(|line| line.strip_prefix("pub async fn ")?.split_once('('))
                .map(|(name, _)| name)
                .collect();
            assert_eq!(listed, written, "in {group}");
        }
    }
}
