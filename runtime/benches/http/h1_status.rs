//! H1: requests for a status, some of them for another instance.

use futures_util::future::join_all;

use crate::definitions::{hello, waiting};
use crate::machine;
use crate::report::Report;
use crate::serving::{Loading, Server, WEBHOOK};
use crate::stores::{Bench, StoreKind};

const OTHERS: usize = 1_000;

pub async fn run(store: StoreKind, report: &mut Report) {
    let server = Server::hello().await;
    let limit = load(&server, "/hello", "/hello?id=");
    server.stop().await;
    report.add("LIMIT", "-", "hello_requests_per_s", limit.per_s);
    report.add("LIMIT", "-", "hello_server_us_per_request", limit.server_us);
    report.add("LIMIT", "-", "hello_load_cores", limit.load_cores);

    let bench = Bench::start(store).await;
    let client = bench.steadfast.client();
    let live = (0..OTHERS).map(|number| client.start(waiting().id(format!("live-{number}"))));
    let ended = (0..OTHERS).map(|number| client.start(hello().id(format!("ended-{number}"))));
    for handle in join_all(live).await {
        handle.unwrap();
    }
    for handle in join_all(ended).await {
        handle.unwrap().output().await.unwrap();
    }
    let server = Server::of(client).await;
    for kind in ["live", "ended"] {
        let target = format!("{WEBHOOK}/instances/{kind}-");
        let figure = load(&server, &format!("{target}0"), &target);
        let mut add = |metric: &str, value| {
            report.add("H1", store.name(), &format!("{kind}_{metric}"), value);
        };
        add("requests_per_s", figure.per_s);
        add("server_us_per_request", figure.server_us);
        add("load_cores", figure.load_cores);
        add("requests_per_hello", figure.per_s / limit.per_s);
    }
    server.stop().await;
    bench.stop().await;
}

struct Figure {
    per_s: f64,
    /// What a request takes of a processor in this process.
    server_us: f64,
    /// What the load takes of the processors.
    load_cores: f64,
}

fn load(server: &Server, target: &str, other: &str) -> Figure {
    let arguments = ["requests", &server.address.to_string(), target, other];
    let (began, before) = (std::time::Instant::now(), machine::processor_seconds());
    let mut load = Loading::start(&arguments.map(str::to_owned));
    let said = load.says();
    let cores = (machine::processor_seconds() - before) / began.elapsed().as_secs_f64();
    Figure {
        per_s: said[0],
        server_us: cores / said[0] * 1e6,
        load_cores: said[1],
    }
}
