//! Egress: every request that a script makes leaves the server here. What may go out is decided here (`policy`,
//! `address`), where it goes is checked and pinned here (`connector`), and secrets come in only here, on the way
//! out. It knows nothing of isolates, of streams or of the server's own API.

mod address;
mod body;
mod client;
mod connector;
mod decode;
mod error;
mod headers;
mod mask;
mod message;
mod places;
mod policy;
mod ports;
mod redirect;
mod reference;
mod resolver;
mod secrets;
mod stats;
mod target;
mod tls;
mod websocket;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use error::EgressError;
pub use message::{Caller, Message, Redirect, Request, RequestBody, Response, WebSocket, WebSocketRequest};
pub use resolver::{Resolve, SystemResolver};
pub use secrets::{NewSecret, OpenSecretsError, Secret, SecretError, Secrets, SecretsOptions};
pub use stats::Stats;
pub use tls::{RootsError, read_roots};
pub use websocket::WebSocketSender;

use crate::event::HostRule;
use crate::limits;

pub struct EgressOptions {
    /// What is let out beside public addresses.
    pub allow: Vec<HostRule>,
    /// Certificates that are trusted beside the public ones.
    pub roots: Vec<rustls::pki_types::CertificateDer<'static>>,
    pub resolver: Arc<dyn Resolve>,
    pub bounds: Bounds,
}

impl Default for EgressOptions {
    fn default() -> EgressOptions {
        EgressOptions {
            allow: Vec::new(),
            roots: Vec::new(),
            resolver: Arc::new(SystemResolver),
            bounds: Bounds::default(),
        }
    }
}

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Finding the addresses of a name, and connecting to one of them.
    pub connect_timeout: Duration,
    /// From the request's last byte to the head of the answer.
    pub head_timeout: Duration,
    /// Between two pieces of the answer's body.
    pub idle_timeout: Duration,
    /// The answer's body, unpacked.
    pub response_bytes_max: u64,
    pub redirects_max: usize,
    /// Requests and WebSockets under way at once: of the server, and of one processor on one stream.
    pub places: usize,
    pub places_each: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            connect_timeout: limits::EGRESS_CONNECT_TIMEOUT,
            head_timeout: limits::EGRESS_HEAD_TIMEOUT,
            idle_timeout: limits::EGRESS_IDLE_TIMEOUT,
            response_bytes_max: limits::EGRESS_RESPONSE_BYTES_MAX,
            redirects_max: limits::EGRESS_REDIRECTS_MAX,
            places: limits::EGRESS_PLACES,
            places_each: limits::EGRESS_PLACES_EACH,
        }
    }
}

/// The server's one way out; cheap to clone.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    policy: policy::Policy,
    client: client::Client,
    connector: connector::Connector,
    secrets: Secrets,
    places: places::Places,
    stats: Arc<stats::Counters>,
    bounds: Bounds,
}

impl Egress {
    /// Connects to nothing yet. Needs a tokio runtime for its requests, not for this.
    pub fn new(options: EgressOptions, secrets: Secrets) -> Egress {
        let EgressOptions { allow, roots, resolver, bounds } = options;
        let policy = policy::Policy::new(allow);
        let stats = Arc::<stats::Counters>::default();
        let tls = tls::Tls::new(roots);
        let connector = connector::Connector::new(policy.clone(), resolver, tls, bounds, stats.clone());
        let client = client::Client::new(connector.clone(), limits::EGRESS_CONNECTIONS_IDLE_MAX);
        let places = places::Places::new(bounds.places, bounds.places_each);
        Egress(Arc::new(Inner { policy, client, connector, secrets, places, stats, bounds }))
    }

    /// The same way out under the same policy, with places, connections and bounds of its own: what goes out there
    /// waits for nothing that goes out here.
    #[must_use]
    pub fn apart(&self, bounds: Bounds, idle_per_host: usize) -> Egress {
        let inner = &self.0;
        Egress(Arc::new(Inner {
            policy: inner.policy.clone(),
            client: client::Client::new(inner.connector.clone(), idle_per_host),
            connector: inner.connector.clone(),
            secrets: inner.secrets.clone(),
            places: places::Places::new(bounds.places, bounds.places_each),
            stats: inner.stats.clone(),
            bounds,
        }))
    }

    /// Sends a request and follows its redirects; the answer's body comes as it is read. Dropping the future, the
    /// response or its body ends the request.
    pub async fn fetch(&self, caller: &Caller, request: Request) -> Result<Response, EgressError> {
        let outcome = client::fetch(&self.0, caller, request).await;
        self.0.stats.ended(&outcome);
        outcome
    }

    /// Opens a WebSocket, under the same policy and over the same checked connections.
    pub async fn websocket(
        &self,
        caller: &Caller,
        request: WebSocketRequest,
    ) -> Result<WebSocket, EgressError> {
        let outcome = websocket::open(&self.0, caller, request).await;
        self.0.stats.ended(&outcome);
        outcome
    }

    pub fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// For the metrics.
    pub fn stats(&self) -> Stats {
        self.0.stats.read(self.0.places.taken())
    }
}
