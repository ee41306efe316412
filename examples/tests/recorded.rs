//! The recorded histories of the examples: a change of the engine that breaks old histories fails here.
//!
//! They are never edited; new ones are added with `cargo run --bin deploy -- record`.

use steadfast_examples::{failing, hello, ticket, waiting};

steadfast::replay_tests!(
    "tests/histories/*.json",
    definitions = [
        failing::always_fails,
        failing::fails_until_rewound,
        hello::hello_sequence,
        ticket::reserve_ticket,
        waiting::long_timer,
        waiting::stay_in_london,
        waiting::wait_for_approval,
    ],
    in_full
);

#[test]
#[should_panic(expected = "tests/histories/README.md")]
fn a_file_that_was_not_there_at_compile_time_is_named() {
    steadfast::testing::all_are_tested(
        env!("CARGO_MANIFEST_DIR"),
        "tests/histories/README.md",
        &[],
    );
}
