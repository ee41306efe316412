//! The contract of [`Store`] as tests, for whoever writes a store.
//!
//! Each case is an async function that takes a fresh store and panics when the store breaks its promise. The macro
//! [`store_conformance!`](crate::testing::store_conformance) makes a `#[test]` of each; [`CASES`] and [`REOPEN_CASES`] are
//! the same as lists, for other harnesses.
//!
//! Invariant: a case uses nothing but the trait, and fresh data.

pub mod create;
pub mod custom_status;
pub mod episodes;
mod fixtures;
pub mod inbox;
pub mod ownership;
pub mod payloads;
pub mod queries;
pub mod reopen;

use std::fmt;

use futures_util::future::{BoxFuture, LocalBoxFuture};

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
#[macro_export]
macro_rules! store_conformance {
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
            create {
                created_instance_is_pending_and_needs_attention,
                unknown_id_is_not_found,
                taken_id_is_refused_with_its_header,
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
            payloads {
                texts_are_kept_byte_for_byte,
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

/// Runs one case on the store that `open` makes.
///
/// # Panics
///
/// When the store breaks its promise.
pub fn run<S: Store>(open: impl Fn() -> S, case: impl AsyncFnOnce(&dyn Store)) {
    futures_executor::block_on(case(&open()));
}

/// Runs one case on the stores that `open` makes, one after the other, of the same data.
///
/// # Panics
///
/// When the store breaks its promise.
pub fn run_reopen<S: Store>(open: impl Fn() -> S, case: impl AsyncFnOnce(Reopen<'_>)) {
    futures_executor::block_on(case(&|| Box::new(open())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_listed() {
        for (group, source) in [
            ("ownership", include_str!("ownership.rs")),
            ("create", include_str!("create.rs")),
            ("episodes", include_str!("episodes.rs")),
            ("custom_status", include_str!("custom_status.rs")),
            ("inbox", include_str!("inbox.rs")),
            ("queries", include_str!("queries.rs")),
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
