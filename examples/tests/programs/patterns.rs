//! The programs that show a pattern: each runs to its end, and also when it is killed half-way and started again.

use std::collections::HashSet;

use crate::support::{Program, run};

/// Runs a program undisturbed.
fn whole(program: &str) -> String {
    run(program, &["--pace", "0.02"])
}

/// Kills a program once it has printed a line that begins like this, and starts it again. What the first and the second run
/// printed.
fn killed_after(program: &str, line: &str) -> (Vec<String>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("pattern.db");
    let store = store.to_str().unwrap();
    let mut first = Program::start(program, &["--store", store, "--pace", "0.2"]);
    let mut before = Vec::new();
    while !before
        .last()
        .is_some_and(|last: &String| last.starts_with(line))
    {
        let next = first.line();
        assert!(!next.is_empty(), "{program} ended after {before:?}");
        before.push(next);
    }
    first.kill();
    let after = run(program, &["--store", store, "--pace", "0.02"]);
    let after = after.lines().map(str::to_owned).collect();
    (before, after)
}

#[test]
fn fan_out_counts_every_page() {
    let program = env!("CARGO_BIN_EXE_fan_out");
    let output = whole(program);
    assert!(
        output.contains("counted 12 of 12 pages\n1278 words\n"),
        "{output}"
    );

    let (before, after) = killed_after(program, "counted 3 of 12");
    assert_eq!(after.last().unwrap(), "1278 words");
    // What was counted is not counted again.
    let counting = |lines: &[String]| -> HashSet<String> {
        let pages = lines
            .iter()
            .filter_map(|line| line.strip_prefix("counting page "));
        pages.map(str::to_owned).collect()
    };
    assert_eq!(counting(&before).len(), 12);
    let again = counting(&after);
    assert!(again.len() <= 9, "{again:?}");
    assert!(!again.contains("1"), "{again:?}");
}

#[test]
fn monitor_asks_until_the_job_is_done() {
    let program = env!("CARGO_BIN_EXE_monitor");
    let output = whole(program);
    let end = "asked for the 4. time: Done\nbackup: done, seen at the 4. time\nall is well\n";
    assert!(output.ends_with(end), "{output}");

    let (_, after) = killed_after(program, "backup: asked for the 2. time");
    // The second answer may not have been recorded when the program was killed; the first was.
    assert!(
        !after.iter().any(|line| line.contains("the 1. time")),
        "{after:?}"
    );
    assert_eq!(after.last().unwrap(), "all is well");
}

#[test]
fn approval_goes_from_the_clerk_to_the_manager() {
    let program = env!("CARGO_BIN_EXE_approval");
    let all = [
        "mail to the clerk: may we spend 995 cents?",
        "mail to the clerk: too late",
        "mail to the manager: may we spend 995 cents?",
        "approved by the manager",
    ];
    assert_eq!(whole(program).lines().collect::<Vec<_>>(), all);

    let (_, after) = killed_after(program, "mail to the clerk: too late");
    assert!(!after.contains(&all[0].to_owned()), "{after:?}");
    assert_eq!(after[after.len() - 2..], all[2..]);
}

#[test]
fn aggregator_loses_no_number_and_adds_none_twice() {
    let program = env!("CARGO_BIN_EXE_aggregator");
    let output = whole(program);
    let end = "the sum is 55, and the last history has 5 events\n";
    assert!(output.ends_with(end), "{output}");

    let (_, after) = killed_after(program, "4 numbers");
    assert_eq!(after[after.len() - 2], "10 numbers, 55 in all");
    assert!(
        after.last().unwrap().starts_with("the sum is 55"),
        "{after:?}"
    );
}

#[test]
fn saga_cancels_what_it_booked_in_reverse_order() {
    let program = env!("CARGO_BIN_EXE_saga");
    let end = [
        "cancelled the hotel",
        "cancelled the flight",
        "no journey: the agency for car does not answer",
    ];
    let output = whole(program);
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "booked a flight",
            "booked a hotel",
            "no answer about a car (1 of 3)"
        ]
    );
    assert_eq!(lines[5..], end);

    let (_, after) = killed_after(program, "no answer about a car (1 of 3)");
    assert!(
        !after.iter().any(|line| line.starts_with("booked")),
        "{after:?}"
    );
    assert_eq!(after[after.len() - 3..], end);
}
