//! Runs every example program to completion, as a user would.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deploy;
mod patterns;
mod schemas;
mod server;
mod support;

use std::process::Stdio;

use support::{Program, run, run_with_input};

const GREETINGS: &str = r#"["Hello Tokyo!","Hello Seattle!","Hello London!"]"#;

#[test]
fn hello_sequence_prints_each_greeting_and_the_output() {
    let output = run(env!("CARGO_BIN_EXE_hello_sequence"), &["--delay", "0.01"]);
    assert_eq!(
        output,
        format!("Hello Tokyo!\nHello Seattle!\nHello London!\n{GREETINGS}\n")
    );
}

#[test]
fn hello_sequence_killed_after_seattle_prints_only_what_was_missing() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("hello.db");
    let store = store.to_str().unwrap();
    let program = env!("CARGO_BIN_EXE_hello_sequence");

    let mut first = Program::start(program, &["--store", store, "--delay", "1"]);
    assert_eq!(first.line(), "Hello Tokyo!");
    assert_eq!(first.line(), "Hello Seattle!");
    first.kill();

    let second = run(program, &["--store", store, "--delay", "1"]);
    assert_eq!(second, format!("Hello London!\n{GREETINGS}\n"));
    let third = run(program, &["--store", store]);
    assert_eq!(third, format!("{GREETINGS}\n"));
}

#[test]
fn a_store_in_use_is_reported_with_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("hello.db");
    let arguments = ["--store", store.to_str().unwrap(), "--delay", "60"];
    let program = env!("CARGO_BIN_EXE_hello_sequence");
    let listen = ["--listen", "127.0.0.1:0", "--store", arguments[1]];
    let mut owner = Program::start(env!("CARGO_BIN_EXE_server"), &listen);
    owner.line();
    let refused = support::command(program, &arguments)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(
        message.contains("hello.db` is in use by process"),
        "{message}"
    );
}

#[test]
fn city_recommender_answers_an_argument_and_a_line_of_input() {
    let program = env!("CARGO_BIN_EXE_city_recommender");
    let first =
        r#"{"recommendedCities":["Tokyo","Seattle"],"recommendedSeasons":["Spring","Summer"]}"#;
    let second = r#"{"recommendedCities":["Seattle","London"],"recommendedSeasons":["Summer"]}"#;
    assert_eq!(run(program, &["1"]), format!("{first}\n"));
    assert_eq!(run_with_input(program, &[], "2\n"), format!("{second}\n"));
    assert_eq!(
        run(program, &["9"]),
        "no recommendation for 9; choose 1, 2 or 3\n"
    );
}

#[test]
fn reserve_ticket_takes_the_answer_from_its_input() {
    let program = env!("CARGO_BIN_EXE_reserve_ticket");
    let offer = r#"{"discount":10,"discountTimeout":60,"bookingUrl":"https://www.myawesomebookingweb.com"}"#;
    let thanks = r#"{"message":"Thank you for confirming your booking."}"#;
    let sorry = r#"{"message":"The booking was not confirmed on time. Please try again."}"#;
    assert_eq!(
        run_with_input(program, &[], "y\n"),
        format!("{offer}\n{thanks}\ntrue\n")
    );
    assert_eq!(run(program, &[]), format!("{offer}\n{sorry}\nfalse\n"));
}

#[test]
fn custom_status_prints_what_a_get_answers() {
    let output = run(env!("CARGO_BIN_EXE_custom_status"), &[]);
    let start = r#"{"name":"CustomStatusSample","instanceId":"instance123","runtimeStatus":"Running","input":null,"customStatus":{"nextActions":["A","B","C"],"foo":2},"output":null,"createdTime":""#;
    assert!(output.starts_with(start), "{output}");
}

#[test]
fn http_start_answers_when_london_is_greeted() {
    let arguments = ["--listen", "127.0.0.1:0", "--once", "--delay", "0.01"];
    let output = run(env!("CARGO_BIN_EXE_http_start"), &arguments);
    let (address, answer) = output.split_once('\n').unwrap();
    assert!(address.starts_with("http://127.0.0.1:"), "{address}");
    let status: serde_json::Value = serde_json::from_str(answer).unwrap();
    assert_eq!(status["customStatus"], "London");
    assert_eq!(status["output"].to_string(), GREETINGS);
}
