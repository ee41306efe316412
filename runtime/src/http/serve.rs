//! Serving without a server of the program's own: what it takes to stand on a network, and to stop.
//!
//! `axum::serve` has no limit on the time that a client takes to send its request or to take an answer, nor on the number of clients,
//! and waits at the end for as long as any client likes.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Extension;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutWriter;
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

use super::Api;
use super::ending::Ending;
use crate::client::Client;

/// How much of an answer waits in memory for a client that is slower than what it asks for, beside what is in one piece. The head of a
/// request is no longer than this either.
const BUFFER: usize = 64 * 1024;

/// As good as for ever. A greater time cannot be added to the present.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long things may take, and whether they are to end.
#[derive(Clone, Debug)]
pub(super) struct Serving {
    pub(super) read_timeout: Duration,
    write_timeout: Duration,
    max_connections: usize,
    drain_timeout: Duration,
    pub(super) ending: Ending,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            max_connections: 10_000,
            drain_timeout: Duration::from_secs(10),
            ending: Ending::default(),
        }
    }
}

/// Serves the HTTP API with default options on a listener, until `shutdown` resolves and the requests under way are answered. See
/// [`Api::serve`].
///
/// # Errors
///
/// As [`Api::serve`].
pub async fn serve(
    listener: TcpListener,
    client: Client,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    Api::new(client).serve(listener, shutdown).await
}

/// Options: how long things may take, and how many there may be.
impl Api {
    /// How long a client may take to send the head of a request, and again for its body; 30 seconds by default.
    ///
    /// When the head is late, the connection is closed; so is one on which no request comes for that long. A body that is late is
    /// answered with 408. For large bodies on slow lines it has to be more: see [`body_limit`](Self::body_limit). It says nothing of
    /// how long an answer takes.
    ///
    /// The limit for the head is that of [`serve`](Self::serve): a program that serves the [`router`](Self::router) itself has to have
    /// its own.
    pub const fn read_timeout(mut self, timeout: Duration) -> Self {
        self.serving.read_timeout = timeout;
        self
    }

    /// How long a client may take nothing at all of an answer that is sent to it, or of a stream; 30 seconds by default. Then the
    /// connection is closed, and what it held in memory is free.
    ///
    /// A client that takes a little now and then is slow, and not gone: it holds one answer and 64 KiB, or of a stream what is
    /// [kept](crate::http#get-instancesidwatch) for slow readers. It is a limit of [`serve`](Self::serve).
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.serving.write_timeout = timeout;
        self
    }

    /// How many connections there may be at once in [`serve`](Self::serve), streams included; 10,000 by default, and at least one.
    ///
    /// Who comes when there are as many waits until one is closed, which those without a request are after
    /// [`read_timeout`](Self::read_timeout). Each takes a file descriptor: what the operating system allows a program is often 1,024.
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.serving.max_connections = connections;
        self
    }

    /// How long the requests under way may go on when [`serve`](Self::serve) is to end; 10 seconds by default.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.serving.drain_timeout = timeout;
        self
    }

    /// When streams and waits are to end: for a program that serves the [`router`](Self::router) itself. Without it they last for as
    /// long as their clients like, and a server that waits for them does not come to its end.
    ///
    /// [`serve`](Self::serve) ends them when it is told to stop, whether this is set or not. The future is asked again whenever a
    /// stream or a wait begins, so it has to tell of what has happened before too, as that of a cancellation token does. There may be
    /// several; the first one that resolves counts.
    ///
    /// ```no_run
    /// use std::net::SocketAddr;
    ///
    /// use steadfast::http::Api;
    /// use tokio_util::sync::CancellationToken;
    ///
    /// async fn serve(api: Api, stop: CancellationToken) -> std::io::Result<()> {
    ///     let routes = api.ends_with(stop.clone().cancelled_owned()).router();
    ///     let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    ///     let listener = tokio::net::TcpListener::bind("127.0.0.1:7071").await?;
    ///     axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
    /// }
    /// ```
    pub fn ends_with(mut self, end: impl Future<Output = ()> + Send + 'static) -> Self {
        self.serving.ending = self.serving.ending.or(end);
        self
    }

    /// Serves the API on a listener, until `shutdown` resolves.
    ///
    /// Whoever can reach the listener can call: bind it to a loopback address such as `127.0.0.1:7071`, unless the API is closed by
    /// [keys](Self::key) or the like. There is no TLS; that is for a proxy to do.
    ///
    /// Then no more connections are accepted, those without a request under way are closed, and long-lived answers end. The others
    /// are finished, and what has not ended within [`drain_timeout`](Self::drain_timeout) is cut off. When the future is dropped, all
    /// connections are cut off.
    ///
    /// # Errors
    ///
    /// When the listener does not know its address. One that fails later is tried again.
    pub async fn serve(
        mut self,
        mut listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        // Of this server alone: a clone of the API may be served elsewhere.
        let stopping = CancellationToken::new();
        self = self.ends_with(stopping.clone().cancelled_owned());
        let serving = self.serving.clone();
        let address = listener.local_addr()?;
        let (task_hub, closed_by) = (self.client.task_hub(), self.guard.closed_by());
        tracing::info!(%address, task_hub, closed_by, rpc_base = ?self.rpc_base, "the HTTP API is served");
        if self.guard.is_open() && !address.ip().to_canonical().is_loopback() {
            tracing::warn!(%address, "the HTTP API lets in everyone who reaches it: set `Api::key`, or bind it to a loopback address");
        }
        let routes = self.router();
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .max_buf_size(BUFFER)
            .header_read_timeout(serving.read_timeout.min(A_YEAR));
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let max_connections = serving.max_connections.max(1);
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                (stream, peer) = Listener::accept(&mut listener), if connections.len() < max_connections => {
                    // A small answer, such as an event of a stream, is not to wait for the acknowledgement of the one before.
                    let _ = stream.set_nodelay(true);
                    let peer: ConnectInfo<SocketAddr> = ConnectInfo(peer);
                    let service = TowerToHyperService::new(Extension(peer).layer(routes.clone()));
                    let mut stream = TimeoutWriter::new(stream);
                    stream.set_timeout(Some(serving.write_timeout.min(A_YEAR)));
                    let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), service);
                    connections.spawn(graceful.watch(connection));
                }
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        stopping.cancel();
        let drained = timeout(serving.drain_timeout, graceful.shutdown()).await;
        if drained.is_err() {
            let connections = connections.len();
            tracing::warn!(connections, "requests that did not end in time are cut off");
        }
        connections.shutdown().await;
        Ok(())
    }
}
