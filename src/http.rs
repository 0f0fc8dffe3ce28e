//! HTTP: requests in, calls to the host, answers out. What an answer's status is, only this layer knows.

mod accept;
mod append;
mod body;
pub mod docs;
mod error;
mod fork;
mod form;
mod guard;
mod openapi;
mod operations;
mod path;
mod processors;
mod query;
mod read;
mod secrets;
mod simulate;
mod socket;
mod streams;
mod subscriptions;

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::{delete, get, post};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::host::{Host, HostOptions, StartError};
use crate::limits::{
    BODIES_BYTES_MAX, CONNECTIONS_MAX, HEADER_TIMEOUT, SHUTDOWN_GRACE, SMALL_BODY_BYTES, SOCKETS_MAX,
};

pub struct HttpOptions {
    pub listen: SocketAddr,
    /// Beyond loopback there must be somebody who has said that it is meant.
    pub insecure_public: bool,
    pub allow_origins: Vec<String>,
    pub allow_hosts: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Start(#[from] StartError),
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error(
        "{0} is reachable from other machines, and this server has no authentication yet: \
         listen on 127.0.0.1, or say --insecure-public if that is meant"
    )]
    Public(SocketAddr),
    #[error("cannot listen on {0}: {1}")]
    Bind(SocketAddr, std::io::Error),
}

/// What every handler knows. Every request takes a clone, so it is one pointer.
#[derive(Clone)]
pub(crate) struct App(Arc<Known>);

pub(crate) struct Known {
    host: Host,
    guard: guard::Guard,
    /// Live readers end by it when the server goes down.
    going: CancellationToken,
    /// What large bodies may take together, in units of `SMALL_BODY_BYTES`.
    bodies: Semaphore,
    /// Places for WebSockets, which are no requests any more, and their tasks.
    sockets: Arc<Semaphore>,
    sessions: TaskTracker,
    slow_sockets: AtomicU64,
}

impl Known {
    fn slow_sockets(&self) -> u64 {
        self.slow_sockets.load(Ordering::Relaxed)
    }
}

impl Deref for App {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0
    }
}

pub struct Server {
    app: App,
    addr: SocketAddr,
    accepting: tokio::task::JoinHandle<GracefulShutdown>,
}

/// Starts everything; bound and ready when it returns. The address comes first, for a refusal costs nothing there.
pub async fn start(http: HttpOptions, host: HostOptions) -> Result<Server, ServeError> {
    if !http.listen.ip().is_loopback() && !http.insecure_public {
        return Err(ListenError::Public(http.listen).into());
    }
    let bind_error = |error| ListenError::Bind(http.listen, error);
    let listener = TcpListener::bind(http.listen).await.map_err(bind_error)?;
    let addr = listener.local_addr().map_err(bind_error)?;
    let host = Host::start(host).await?;
    let guard = guard::Guard::new(http.allow_origins, http.allow_hosts);
    let bodies = Semaphore::new(BODIES_BYTES_MAX / SMALL_BODY_BYTES);
    let app = App(Arc::new(Known {
        host,
        guard,
        going: CancellationToken::new(),
        bodies,
        sockets: Arc::new(Semaphore::new(SOCKETS_MAX)),
        sessions: TaskTracker::new(),
        slow_sockets: AtomicU64::new(0),
    }));
    let accepting = tokio::spawn(accept(listener, router(app.clone()), app.going.clone()));
    Ok(Server { app, addr, accepting })
}

impl Server {
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The store's engine: the folder knows it better than who started the server.
    pub fn engine(&self) -> crate::log::Engine {
        self.app.host.log().engine()
    }

    /// Resolves when the store has failed and the process must stop: a sync that failed is not tried again.
    pub async fn failed(&self) -> String {
        loop {
            if let Some(failure) = self.app.host.log().failure() {
                return failure;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Takes no more requests, answers those that it has, ends live readers, then takes the host down.
    pub async fn shutdown(self) {
        self.app.going.cancel();
        if let Ok(connections) = self.accepting.await {
            let _ = tokio::time::timeout(SHUTDOWN_GRACE, connections.shutdown()).await;
        }
        self.app.sessions.close();
        let _ = tokio::time::timeout(SHUTDOWN_GRACE, self.app.sessions.wait()).await;
        self.app.host.shutdown().await;
    }
}

async fn accept(listener: TcpListener, router: Router, going: CancellationToken) -> GracefulShutdown {
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).pipeline_flush(true);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = going.cancelled() => return connections,
        };
        let Ok((stream, _)) = accepted else {
            // Too many open files, most likely: wait for some to be closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = going.cancelled() => return connections,
        };
        let Ok(place) = place else { return connections };
        // Small answers must not wait for each other.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let connection = connections.watch(connection.into_owned());
        tokio::spawn(async move {
            // An error is the client's way to leave.
            let _ = connection.await;
            drop(place);
        });
    }
}

fn router(app: App) -> Router {
    let stream = || post(append::append).get(read::read).delete(streams::destroy);
    Router::new()
        .route("/api/streams", get(streams::list))
        .route("/api/streams/", stream())
        .route("/api/streams/{*path}", stream())
        .route("/api/streams/__state", get(streams::state))
        .route("/api/streams/__state/", get(streams::state))
        .route("/api/streams/__state/{*path}", get(streams::state))
        .route("/api/streams/__children", get(streams::children))
        .route("/api/streams/__children/", get(streams::children))
        .route("/api/streams/__children/{*path}", get(streams::children))
        .route("/api/streams/__fork", post(fork::fork))
        .route("/api/streams/__fork/", post(fork::fork))
        .route("/api/streams/__fork/{*path}", post(fork::fork))
        .route("/api/processors", get(processors::list))
        .route("/api/processors/", get(processors::list))
        .route("/api/processors/{*path}", get(processors::list))
        .route("/api/subscriptions", get(subscriptions::list))
        .route("/api/subscriptions/", get(subscriptions::list))
        .route("/api/subscriptions/{*path}", get(subscriptions::list))
        .route("/api/subscriptions/__secret", get(subscriptions::secret))
        .route("/api/subscriptions/__secret/", get(subscriptions::secret))
        .route("/api/subscriptions/__secret/{*path}", get(subscriptions::secret))
        .route("/api/simulate", post(simulate::simulate))
        .route("/api/simulate/", post(simulate::simulate))
        .route("/api/simulate/{*path}", post(simulate::simulate))
        .route("/api/secrets", get(secrets::list).post(secrets::set))
        .route("/api/secrets/{name}", delete(secrets::remove))
        .route("/healthz", get(operations::health))
        .route("/metrics", get(operations::metrics))
        .merge(openapi::routes())
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::check))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(app)
}
