//! A store is checked and recorded while the server runs on it.

use serde_json::{Value, json};

use crate::server::Server;
use crate::support::{command, run};

#[tokio::test]
async fn a_store_is_checked_and_recorded_while_the_server_runs_on_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("server.db");
    let store = store.to_str().unwrap();
    let server = Server::start(store, "0.01");
    server.begin("StayInLondon", "stays", &Value::Null).await;
    server
        .begin("E1_HelloSequence", "hello", &json!(["Tokyo"]))
        .await;
    server.completed("hello").await;
    server
        .status_when("stays", |status| status["customStatus"] == "London")
        .await;

    let deploy = env!("CARGO_BIN_EXE_deploy");
    let report = run(deploy, &["check", "--store", store, "--json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (&report["checked"], &report["fine"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(report["orchestrators"][0]["name"], "StayInLondon");

    let histories = directory.path().join("histories");
    let into = histories.to_str().unwrap();
    let recorded = run(deploy, &["record", "--store", store, "--into", into]);
    assert!(recorded.ends_with("2 recorded, 0 left out\n"), "{recorded}");
    assert_eq!(std::fs::read_dir(&histories).unwrap().count(), 2);

    let checked = run(env!("CARGO_BIN_EXE_server"), &["--check", "--store", store]);
    assert_eq!(
        checked,
        "fine: `StayInLondon`: 1 checked\n1 checked: 1 fine, 0 diverging, 0 not checked\n"
    );
    let nothing = command(env!("CARGO_BIN_EXE_server"), &["--check"]).output();
    assert_eq!(nothing.unwrap().status.code(), Some(2));

    // The server owns it as before.
    server
        .post("instances/stays/raiseEvent/Leave", &Value::Null)
        .await;
    server.completed("stays").await;
}
